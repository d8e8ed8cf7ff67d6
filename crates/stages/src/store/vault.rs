//! Pure. The `vault` section of a store: what it refers to and what is wrong with it.

use tidegate_api::vault::{KvVersion, VaultAuth, VaultProvider};

use super::{Reference, StoreDefect};

/// Everything that the section refers to.
pub(super) fn references(vault: &VaultProvider) -> Vec<Reference> {
    let mut all = Vec::new();
    if vault.ca_bundle.as_deref().is_none_or(str::is_empty)
        && let Some(provider) = &vault.ca_provider
    {
        all.push(Reference::ca("vault.caProvider", provider));
    }
    if let Some(tls) = &vault.tls {
        let cert = tls.cert_secret_ref.as_ref();
        let key = tls.key_secret_ref.as_ref();
        all.extend(cert.map(|cert| Reference::secret("vault.tls.certSecretRef", cert)));
        all.extend(key.map(|key| Reference::secret("vault.tls.keySecretRef", key)));
    }
    if let Some(auth) = &vault.auth {
        all.extend(login(auth));
    }
    all
}

/// What the first configured login refers to: the others do not count.
fn login(auth: &VaultAuth) -> Vec<Reference> {
    let mut all = Vec::new();
    if let Some(token) = &auth.token_secret_ref {
        all.push(Reference::secret("vault.auth.tokenSecretRef", token));
    } else if let Some(role) = &auth.app_role {
        let id = role.role_ref.as_ref();
        all.extend(id.map(|id| Reference::secret("vault.auth.appRole.roleRef", id)));
        let secret = &role.secret_ref;
        all.push(Reference::secret("vault.auth.appRole.secretRef", secret));
    } else if let Some(kubernetes) = &auth.kubernetes {
        if let Some(account) = &kubernetes.service_account_ref {
            let field = "vault.auth.kubernetes.serviceAccountRef";
            all.push(Reference::account(field, account));
        } else if let Some(secret) = &kubernetes.secret_ref {
            all.push(Reference::secret("vault.auth.kubernetes.secretRef", secret));
        }
    } else if let Some(user) = &auth.ldap {
        all.push(Reference::secret(
            "vault.auth.ldap.secretRef",
            &user.secret_ref,
        ));
    } else if let Some(user) = &auth.user_pass {
        all.push(Reference::secret(
            "vault.auth.userPass.secretRef",
            &user.secret_ref,
        ));
    } else if let Some(jwt) = &auth.jwt {
        if let Some(secret) = &jwt.secret_ref {
            all.push(Reference::secret("vault.auth.jwt.secretRef", secret));
        } else if let Some(token) = &jwt.kubernetes_service_account_token {
            let field = "vault.auth.jwt.kubernetesServiceAccountToken.serviceAccountRef";
            all.push(Reference::account(field, &token.service_account_ref));
        }
    } else if let Some(cert) = &auth.cert {
        let (client, key) = (cert.client_cert.as_ref(), cert.secret_ref.as_ref());
        all.extend(client.map(|client| Reference::secret("vault.auth.cert.clientCert", client)));
        all.extend(key.map(|key| Reference::secret("vault.auth.cert.secretRef", key)));
    }
    all
}

/// ESO's rules for the section, and logins that this version does not serve.
pub(super) fn check(vault: &VaultProvider) -> Result<(), StoreDefect> {
    let defect = |detail: &str| Err(StoreDefect::of_spec(detail));
    if vault.server.is_empty() {
        return defect("vault.server is missing");
    }
    if let Some(tls) = &vault.tls
        && tls.cert_secret_ref.is_some() != tls.key_secret_ref.is_some()
    {
        return defect("vault.tls needs both certSecretRef and keySecretRef");
    }
    if vault.version == KvVersion::V1 && vault.check_and_set.is_some_and(|cas| cas.required) {
        return defect("vault.checkAndSet needs version v2");
    }
    let Some(auth) = &vault.auth else {
        return Ok(());
    };
    if auth.token_secret_ref.is_some() {
        return Ok(());
    }
    if let Some(role) = &auth.app_role {
        let named = role.role_id.as_deref().is_some_and(|id| !id.is_empty());
        if !named && role.role_ref.is_none() {
            return defect("vault.auth.appRole needs roleId or roleRef");
        }
        return Ok(());
    }
    if auth.kubernetes.is_some() {
        return Ok(());
    }
    for (user, name) in [(&auth.ldap, "ldap"), (&auth.user_pass, "userPass")] {
        if let Some(user) = user {
            if user.username.is_empty() {
                return defect(&format!("vault.auth.{name}.username is missing"));
            }
            return Ok(());
        }
    }
    if let Some(jwt) = &auth.jwt {
        if jwt.secret_ref.is_none() && jwt.kubernetes_service_account_token.is_none() {
            return defect("vault.auth.jwt needs secretRef or kubernetesServiceAccountToken");
        }
        return Ok(());
    }
    if let Some(cert) = &auth.cert {
        if cert.client_cert.is_none() || cert.secret_ref.is_none() {
            return defect("vault.auth.cert needs clientCert and secretRef");
        }
        return Ok(());
    }
    for (set, name) in [(auth.iam.is_some(), "iam"), (auth.gcp.is_some(), "gcp")] {
        if set {
            return defect(&format!("vault.auth.{name} is not served by this version"));
        }
    }
    defect("vault.auth names no login; leave it out to read without one")
}
