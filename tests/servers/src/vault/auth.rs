//! Shell. Login methods of a Vault: AppRole, JWT and Kubernetes.

use reqwest::Method;
use serde_json::{Value, json};

use super::Vault;
use crate::control_plane::{ADMIN, ControlPlane};
use crate::error::ServerError;
use crate::http::text;

/// A role of the AppRole method.
#[derive(Debug, Clone, Default)]
pub struct AppRole {
    /// Name of the role.
    pub name: String,
    /// Policies of its tokens.
    pub policies: Vec<String>,
    /// Lifetime of a token, such as `90s`; empty means Vault's default (32 days).
    pub token_ttl: String,
    /// Lifetime with all renewals; empty means Vault's default (32 days).
    pub token_max_ttl: String,
    /// Requests a token is good for; 0 means any number.
    pub token_num_uses: u32,
    /// Logins a secret id is good for; 0 means any number.
    pub secret_id_num_uses: u32,
}

/// A role of the JWT method for tokens of Kubernetes service accounts.
#[derive(Debug, Clone, Default)]
pub struct JwtRole {
    /// Name of the role.
    pub name: String,
    /// Policies of its tokens.
    pub policies: Vec<String>,
    /// Audience that the service account's token must have.
    pub audience: String,
    /// `system:serviceaccount:NAMESPACE:NAME`; empty means every account.
    pub subject: String,
    /// Lifetime of a token, such as `90s`; empty means Vault's default.
    pub token_ttl: String,
}

/// A role of the Kubernetes method.
#[derive(Debug, Clone, Default)]
pub struct KubernetesRole {
    /// Name of the role.
    pub name: String,
    /// Policies of its tokens.
    pub policies: Vec<String>,
    /// Service accounts that may log in; `*` means all.
    pub service_accounts: Vec<String>,
    /// Namespaces that they may be in; `*` means all.
    pub namespaces: Vec<String>,
    /// Audience that the service account's token must have; empty means any.
    pub audience: String,
    /// Lifetime of a token, such as `90s`; empty means Vault's default.
    pub token_ttl: String,
}

/// Account whose token Vault reviews other tokens with.
const REVIEWER: &str = "vault-token-reviewer";
const REVIEWER_NAMESPACE: &str = "kube-system";
/// Longer than any test.
const REVIEWER_SECONDS: u32 = 86_400;

impl Vault {
    /// Mounts a login method, unless it is mounted there.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault does not have the method.
    pub async fn enable_auth(&self, mount: &str, method: &str) -> Result<(), ServerError> {
        let mounted = self.read("sys/auth").await?;
        if mounted["data"].get(format!("{mount}/")).is_some() {
            return Ok(());
        }
        self.write(&format!("sys/auth/{mount}"), &json!({ "type": method }))
            .await
            .map(drop)
    }

    /// Makes or replaces an AppRole role at a mount; returns its role id and a new secret id.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn approle(
        &self,
        mount: &str,
        role: &AppRole,
    ) -> Result<(String, String), ServerError> {
        self.enable_auth(mount, "approle").await?;
        let path = format!("auth/{mount}/role/{}", role.name);
        let mut body = json!({
            "token_policies": role.policies,
            "token_num_uses": role.token_num_uses,
            "secret_id_num_uses": role.secret_id_num_uses,
        });
        set(&mut body, "token_ttl", &role.token_ttl);
        set(&mut body, "token_max_ttl", &role.token_max_ttl);
        self.write(&path, &body).await?;
        let role_id = self.read(&format!("{path}/role-id")).await?;
        let role_id = text(&role_id, "/data/role_id", &path, "the role id")?.to_owned();
        Ok((role_id, self.secret_id(mount, &role.name).await?))
    }

    /// Makes one more secret id of an AppRole role.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when there is no such role.
    pub async fn secret_id(&self, mount: &str, role: &str) -> Result<String, ServerError> {
        let path = format!("auth/{mount}/role/{role}/secret-id");
        let answer = self.write(&path, &json!({})).await?;
        Ok(text(&answer, "/data/secret_id", &path, "the secret id")?.to_owned())
    }

    /// Makes a token with policies, below the root token.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn token(&self, policies: &[&str], ttl: &str) -> Result<String, ServerError> {
        let mut body = json!({ "policies": policies, "no_default_policy": false });
        set(&mut body, "ttl", ttl);
        let path = "auth/token/create";
        let answer = self.write(path, &body).await?;
        Ok(text(&answer, "/auth/client_token", path, "a token")?.to_owned())
    }

    /// Revokes a token, as if it had expired.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when there is no such token.
    pub async fn revoke(&self, token: &str) -> Result<(), ServerError> {
        self.write("auth/token/revoke", &json!({ "token": token }))
            .await
            .map(drop)
    }

    /// Revokes every token that a login method gave out.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn revoke_logins(&self, mount: &str) -> Result<(), ServerError> {
        let path = format!("sys/leases/revoke-prefix/auth/{mount}/login");
        self.send(Method::PUT, &path, Some(&json!({ "sync": true })))
            .await?
            .ok()
            .map(drop)
    }

    /// Lets service accounts of a control plane log in at a mount with the JWT method, checked
    /// with the control plane's public key.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn jwt_auth(&self, mount: &str, plane: &ControlPlane) -> Result<(), ServerError> {
        self.enable_auth(mount, "jwt").await?;
        let config = json!({
            "jwt_validation_pubkeys": [plane.service_account_public_key_pem()],
            "bound_issuer": plane.issuer(),
        });
        self.write(&format!("auth/{mount}/config"), &config)
            .await
            .map(drop)
    }

    /// Makes or replaces a role of the JWT method.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn jwt_role(&self, mount: &str, role: &JwtRole) -> Result<(), ServerError> {
        let mut body = json!({
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": [role.audience],
            "token_policies": role.policies,
        });
        set(&mut body, "bound_subject", &role.subject);
        set(&mut body, "token_ttl", &role.token_ttl);
        self.write(&format!("auth/{mount}/role/{}", role.name), &body)
            .await
            .map(drop)
    }

    /// Lets service accounts of a control plane log in at a mount with the Kubernetes method,
    /// checked by the control plane's TokenReview.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault or the API server refuses.
    pub async fn kubernetes_auth(
        &self,
        mount: &str,
        plane: &ControlPlane,
    ) -> Result<(), ServerError> {
        self.enable_auth(mount, "kubernetes").await?;
        let config = json!({
            "kubernetes_host": plane.url(),
            "kubernetes_ca_cert": plane.ca_pem(),
            "token_reviewer_jwt": reviewer(plane).await?,
        });
        self.write(&format!("auth/{mount}/config"), &config)
            .await
            .map(drop)
    }

    /// Makes or replaces a role of the Kubernetes method.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when Vault refuses.
    pub async fn kubernetes_role(
        &self,
        mount: &str,
        role: &KubernetesRole,
    ) -> Result<(), ServerError> {
        let mut body = json!({
            "bound_service_account_names": role.service_accounts,
            "bound_service_account_namespaces": role.namespaces,
            "token_policies": role.policies,
        });
        set(&mut body, "audience", &role.audience);
        set(&mut body, "token_ttl", &role.token_ttl);
        self.write(&format!("auth/{mount}/role/{}", role.name), &body)
            .await
            .map(drop)
    }
}

/// An empty text means that Vault's default holds.
fn set(body: &mut Value, key: &str, value: &str) {
    if !value.is_empty() {
        body[key] = json!(value);
    }
}

/// A token that may review tokens; account and binding are made once per control plane.
async fn reviewer(plane: &ControlPlane) -> Result<String, ServerError> {
    let account = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": REVIEWER },
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": REVIEWER },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [{
            "kind": "ServiceAccount",
            "name": REVIEWER,
            "namespace": REVIEWER_NAMESPACE,
        }],
    });
    let api = plane.api(ADMIN)?;
    for (path, object) in [
        (
            format!("/api/v1/namespaces/{REVIEWER_NAMESPACE}/serviceaccounts"),
            account,
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings".to_owned(),
            binding,
        ),
    ] {
        let answer = api.post(&path, &object).await?;
        if answer.status != 409 {
            answer.ok()?;
        }
    }
    plane
        .service_account_token(REVIEWER_NAMESPACE, REVIEWER, &[], REVIEWER_SECONDS)
        .await
}
