//! Shell. What a store needs to be used: its credentials and CA bundle, resolved for one consumer.

use std::sync::Arc;

use kube::Client;
use tidegate_api::vault::{KvVersion, VaultAuth, VaultProvider};
use tidegate_api::{
    CaProvider, CaProviderKind, FakeProvider, SecretKeySelector, SecretStoreSpec,
    ServiceAccountSelector, StoreKind,
};
use tidegate_contract::{ErrorKind, JwtSource, ProviderError, SecretValue};
use tidegate_fetch::Credential;
use tidegate_provider_vault as vault;

use super::relations::StoreId;
use super::sources::{SourceError, SourceKey, SourceKind, Sources};
use super::tokens::{ServiceAccountToken, TokenFile};

mod ca;

/// A backend with everything that is needed to talk to it, and no reference left.
#[derive(Debug)]
pub enum ProviderConfig {
    /// Values that stand in the store itself.
    Fake(FakeProvider),
    /// HashiCorp Vault or OpenBao.
    Vault(Box<VaultSettings>),
}

/// What a connection to Vault needs.
#[derive(Debug)]
pub struct VaultSettings {
    /// Address, trust, headers.
    pub config: vault::VaultConfig,
    /// Which KV engine.
    pub mount: vault::KvMount,
    /// How to log in; none means that calls carry no token.
    pub login: Option<vault::Login>,
    /// Vault namespace of the login alone.
    pub login_namespace: Option<String>,
}

/// A resolved store.
#[derive(Debug)]
pub struct Resolved {
    /// What to talk to.
    pub config: ProviderConfig,
    /// Every object and account that takes part, in the order of the spec.
    pub credentials: Vec<Credential>,
    /// Whether another consumer namespace would resolve to other credentials.
    pub referent: bool,
}

/// Resolves the references of one store for one consumer namespace.
///
/// # Guarantees
/// A SecretStore reads its own namespace and nothing else, whatever its selectors say (P5). A
/// selector without namespace in a ClusterSecretStore reads the consumer's.
pub struct Resolver<'a> {
    client: &'a Client,
    sources: &'a Sources,
    store: &'a StoreId,
    consumer: &'a Arc<str>,
    credentials: Vec<Credential>,
    referent: bool,
    used: Vec<SourceKey>,
}

type Answer<T> = Result<T, ProviderError>;

impl<'a> Resolver<'a> {
    /// A resolver for `store` as `consumer` sees it.
    #[must_use]
    pub fn new(
        client: &'a Client,
        sources: &'a Sources,
        store: &'a StoreId,
        consumer: &'a Arc<str>,
    ) -> Self {
        let (credentials, used) = (Vec::new(), Vec::new());
        Self {
            client,
            sources,
            store,
            consumer,
            credentials,
            referent: false,
            used,
        }
    }

    /// Resolves `spec`. The second part names every object that was looked at, found or not, so
    /// that its change leads back to the store.
    pub async fn resolve(mut self, spec: &SecretStoreSpec) -> (Answer<Resolved>, Vec<SourceKey>) {
        let config = match (&spec.provider.vault, &spec.provider.fake) {
            (Some(vault), None) => self
                .vault(vault)
                .await
                .map(|settings| ProviderConfig::Vault(Box::new(settings))),
            (None, Some(fake)) => Ok(ProviderConfig::Fake(fake.clone())),
            _ => Err(invalid(
                "the store names no provider that this controller serves",
            )),
        };
        let (credentials, referent) = (std::mem::take(&mut self.credentials), self.referent);
        (
            config.map(|config| Resolved {
                config,
                credentials,
                referent,
            }),
            self.used,
        )
    }

    async fn vault(&mut self, spec: &VaultProvider) -> Answer<VaultSettings> {
        let mut config = vault::VaultConfig::new(&spec.server);
        config.namespace.clone_from(&spec.namespace);
        config.headers.clone_from(&spec.headers);
        config.forward_to_active = spec.read_your_writes && spec.forward_inconsistent;
        config.tls.ca_pem = self
            .trust(spec.ca_bundle.as_deref(), spec.ca_provider.as_ref())
            .await?;
        if let Some(tls) = &spec.tls
            && let (Some(cert), Some(key)) = (&tls.cert_secret_ref, &tls.key_secret_ref)
        {
            config.tls.client = Some(self.client_certificate(cert, key).await?);
        }
        let login = match &spec.auth {
            None => None,
            Some(auth) => Some(self.login(auth, &mut config).await?),
        };
        let version = match spec.version {
            KvVersion::V1 => vault::KvVersion::V1,
            KvVersion::V2 => vault::KvVersion::V2,
        };
        let mount = vault::KvMount {
            path: spec.path.clone(),
            version,
        };
        let login_namespace = spec.auth.as_ref().and_then(|auth| auth.namespace.clone());
        Ok(VaultSettings {
            config,
            mount,
            login,
            login_namespace,
        })
    }

    /// The first method that is set, in ESO's order.
    async fn login(
        &mut self,
        auth: &VaultAuth,
        config: &mut vault::VaultConfig,
    ) -> Answer<vault::Login> {
        if let Some(token) = &auth.token_secret_ref {
            return Ok(vault::Login::Token(self.secret(token, None).await?));
        }
        if let Some(role) = &auth.app_role {
            let role_id = match (&role.role_id, &role.role_ref) {
                (Some(id), _) if !id.is_empty() => SecretValue::from(id.as_str()),
                (_, Some(reference)) => self.secret(reference, None).await?,
                _ => return Err(invalid("appRole needs roleId or roleRef")),
            };
            let secret_id = self.secret(&role.secret_ref, None).await?;
            return Ok(vault::Login::AppRole {
                path: role.path.clone(),
                role_id,
                secret_id,
            });
        }
        if let Some(kubernetes) = &auth.kubernetes {
            let jwt: Arc<dyn JwtSource> =
                match (&kubernetes.service_account_ref, &kubernetes.secret_ref) {
                    (Some(account), _) => self.account(account, account.audiences.clone(), 600)?,
                    (None, Some(secret)) => {
                        Arc::new(vault::GivenJwt(self.secret(secret, Some("token")).await?))
                    }
                    (None, None) => Arc::new(TokenFile(TokenFile::DEFAULT.into())),
                };
            let (path, role) = (kubernetes.mount_path.clone(), kubernetes.role.clone());
            return Ok(vault::Login::Kubernetes { path, role, jwt });
        }
        if let Some(ldap) = &auth.ldap {
            let password = self.secret(&ldap.secret_ref, None).await?;
            let (path, username) = (mount(&ldap.path, "ldap"), ldap.username.clone());
            return Ok(vault::Login::Ldap {
                path,
                username,
                password,
            });
        }
        if let Some(user) = &auth.user_pass {
            let password = self.secret(&user.secret_ref, None).await?;
            let (path, username) = (mount(&user.path, "userpass"), user.username.clone());
            return Ok(vault::Login::UserPass {
                path,
                username,
                password,
            });
        }
        self.certificate_or_jwt(auth, config).await
    }

    async fn certificate_or_jwt(
        &mut self,
        auth: &VaultAuth,
        config: &mut vault::VaultConfig,
    ) -> Answer<vault::Login> {
        if let Some(jwt) = &auth.jwt {
            let source: Arc<dyn JwtSource> =
                match (&jwt.secret_ref, &jwt.kubernetes_service_account_token) {
                    (Some(secret), _) => {
                        Arc::new(vault::GivenJwt(self.secret(secret, None).await?))
                    }
                    (None, Some(token)) => {
                        let account = &token.service_account_ref;
                        let mut audiences = account.audiences.clone();
                        let extra = token.audiences.clone();
                        audiences.extend(extra.unwrap_or_else(|| vec!["vault".to_owned()]));
                        self.account(account, audiences, token.expiration_seconds.unwrap_or(600))?
                    }
                    (None, None) => {
                        let text = "jwt needs secretRef or kubernetesServiceAccountToken";
                        return Err(invalid(text));
                    }
                };
            let (path, role) = (jwt.path.clone(), jwt.role.clone());
            return Ok(vault::Login::Jwt {
                path,
                role,
                jwt: source,
            });
        }
        if let Some(cert) = &auth.cert {
            let (Some(certificate), Some(key)) = (&cert.client_cert, &cert.secret_ref) else {
                return Err(invalid("cert needs clientCert and secretRef"));
            };
            config.tls.client = Some(self.client_certificate(certificate, key).await?);
            let (path, role) = (cert.path.clone(), cert.vault_role.clone());
            return Ok(vault::Login::Cert { path, role });
        }
        Err(invalid(
            "the auth section names no method that this controller serves",
        ))
    }

    fn account(
        &mut self,
        account: &ServiceAccountSelector,
        audiences: Vec<String>,
        seconds: i64,
    ) -> Answer<Arc<dyn JwtSource>> {
        let namespace = self.namespace(account.namespace.as_deref())?;
        let uid = format!("{namespace}/{}", account.name);
        self.credentials.push(Credential::ServiceAccount {
            uid,
            audiences: audiences.clone(),
        });
        let name = account.name.as_str().into();
        let client = self.client.clone();
        Ok(Arc::new(ServiceAccountToken::new(
            client, namespace, name, audiences, seconds,
        )))
    }

    async fn client_certificate(
        &mut self,
        cert: &SecretKeySelector,
        key: &SecretKeySelector,
    ) -> Answer<vault::ClientCertificate> {
        let cert_pem = self.secret(cert, Some("tls.crt")).await?.expose().to_vec();
        let key_pem = self.secret(key, Some("tls.key")).await?;
        Ok(vault::ClientCertificate { cert_pem, key_pem })
    }

    async fn trust(
        &mut self,
        bundle: Option<&str>,
        provider: Option<&CaProvider>,
    ) -> Answer<Option<Vec<u8>>> {
        if let Some(bundle) = bundle.filter(|bundle| !bundle.is_empty()) {
            let pem = ca::pem_of_field(bundle);
            return pem
                .map(Some)
                .ok_or_else(|| invalid("caBundle holds no PEM certificate"));
        }
        let Some(provider) = provider else {
            return Ok(None);
        };
        let kind = match provider.type_ {
            CaProviderKind::Secret => SourceKind::Secret,
            CaProviderKind::ConfigMap => SourceKind::ConfigMap,
        };
        if self.store.namespace.is_none() && provider.namespace.is_none() {
            return Err(invalid(
                "caProvider of a ClusterSecretStore needs a namespace",
            ));
        }
        let namespace = self.namespace(provider.namespace.as_deref())?;
        let source = SourceKey {
            kind,
            namespace,
            name: provider.name.as_str().into(),
        };
        let key = provider.key.as_deref().unwrap_or_default();
        let value = self.value(source.clone(), key).await?;
        ca::pem_of_bytes(value.expose())
            .map(Some)
            .ok_or_else(|| invalid(format!("key {key:?} of {source} holds no PEM certificate")))
    }

    async fn secret(
        &mut self,
        selector: &SecretKeySelector,
        default_key: Option<&str>,
    ) -> Answer<SecretValue> {
        let name = selector.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid("a secretRef of the store has no name"))?;
        let key = selector
            .key
            .as_deref()
            .filter(|key| !key.is_empty())
            .or(default_key);
        let key = key.ok_or_else(|| invalid(format!("the secretRef {name:?} has no key")))?;
        let namespace = self.namespace(selector.namespace.as_deref())?;
        let kind = SourceKind::Secret;
        self.value(
            SourceKey {
                kind,
                namespace,
                name: name.into(),
            },
            key,
        )
        .await
    }

    async fn value(&mut self, source: SourceKey, key: &str) -> Answer<SecretValue> {
        self.used.push(source.clone());
        let content = self.sources.get(&source).await.map_err(|error| {
            let kind = match error {
                SourceError::Missing(_) | SourceError::Denied(_) => ErrorKind::Invalid,
                SourceError::Unavailable(_) => ErrorKind::Unavailable,
            };
            ProviderError::new(kind, error.to_string())
        })?;
        let (uid, resource_version) = (content.uid.clone(), content.stamp.clone());
        self.credentials.push(Credential::Object {
            uid,
            resource_version,
        });
        let value = content.data.get(key).cloned();
        value.ok_or_else(|| invalid(format!("{source} has no key {key:?}")))
    }

    /// Where a reference of the store points, for this consumer.
    fn namespace(&mut self, named: Option<&str>) -> Answer<Arc<str>> {
        match (&self.store.namespace, named.filter(|name| !name.is_empty())) {
            (Some(own), None) => Ok(Arc::clone(own)),
            (Some(own), Some(named)) if named == &**own => Ok(Arc::clone(own)),
            (Some(_), Some(_)) => Err(invalid("a SecretStore may refer to its own namespace only")),
            (None, Some(named)) => Ok(named.into()),
            (None, None) => {
                debug_assert_eq!(self.store.key.kind, StoreKind::ClusterSecretStore);
                self.referent = true;
                if self.consumer.is_empty() {
                    return Err(invalid(
                        "the credentials belong to each consumer's namespace",
                    ));
                }
                Ok(Arc::clone(self.consumer))
            }
        }
    }
}

fn mount(path: &str, default: &str) -> String {
    if path.is_empty() {
        default.to_owned()
    } else {
        path.to_owned()
    }
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, text)
}
