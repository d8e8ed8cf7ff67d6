//! Pure. The `vault` section of a store.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::crd::shape;
use crate::vault_cloud::{VaultGcpAuth, VaultIamAuth};
use crate::{CaProvider, SecretKeySelector, ServiceAccountSelector};

/// HashiCorp Vault or OpenBao, KV version 1 or 2.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultProvider {
    /// Credentials; none means no login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<VaultAuth>,
    /// Address, such as `https://vault.example.com:8200`.
    pub server: String,
    /// Mount of the KV engine; none means that keys begin with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Version of the KV engine.
    #[serde(default)]
    pub version: KvVersion,
    /// Namespace of Vault Enterprise or OpenBao.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// CA bundle: PEM, or base64 of PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// CA bundle that stands elsewhere; `caBundle` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_provider: Option<CaProvider>,
    /// Client certificate of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<VaultTls>,
    /// With `forwardInconsistent`, asks the active node.
    #[serde(default)]
    #[schemars(skip_serializing_if = "shape::no_default")]
    pub read_your_writes: bool,
    /// With `readYourWrites`, asks the active node.
    #[serde(default)]
    #[schemars(skip_serializing_if = "shape::no_default")]
    pub forward_inconsistent: bool,
    /// Extra headers of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Check-and-set of writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_and_set: Option<CheckAndSet>,
}

/// Version of the KV engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KvVersion {
    /// Unversioned.
    V1,
    /// Versioned.
    #[default]
    V2,
}

/// Client certificate of the connection: both or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultTls {
    /// The certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<SecretKeySelector>,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_secret_ref: Option<SecretKeySelector>,
}

/// Check-and-set of writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckAndSet {
    /// Whether the mount demands it.
    #[serde(default)]
    #[schemars(skip_serializing_if = "shape::no_default")]
    pub required: bool,
}

/// Credentials; the first that is set counts, in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultAuth {
    /// Vault namespace of the login alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeySelector>,
    /// AppRole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_role: Option<AppRoleAuth>,
    /// Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesAuth>,
    /// LDAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = |schema: &mut Schema| shape::default_of(schema, "path", "ldap".into()))]
    pub ldap: Option<UserAuth>,
    /// User name and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = |schema: &mut Schema| shape::default_of(schema, "path", "userpass".into()))]
    pub user_pass: Option<UserAuth>,
    /// JWT or OIDC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtAuth>,
    /// TLS certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<CertAuth>,
    /// AWS IAM: not served yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<VaultIamAuth>")]
    pub iam: Option<serde_json::Value>,
    /// GCP: not served yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<VaultGcpAuth>")]
    pub gcp: Option<serde_json::Value>,
}

/// AppRole login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = |schema: &mut Schema| shape::require(schema, "path"))]
pub struct AppRoleAuth {
    /// Mount of the method.
    #[serde(default = "approle")]
    pub path: String,
    /// The role id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// The role id, in a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_ref: Option<SecretKeySelector>,
    /// The secret id.
    pub secret_ref: SecretKeySelector,
}

fn approle() -> String {
    "approle".to_owned()
}

/// Kubernetes login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = |schema: &mut Schema| shape::require(schema, "mountPath"))]
pub struct KubernetesAuth {
    /// Mount of the method.
    #[serde(default = "kubernetes")]
    pub mount_path: String,
    /// Role in Vault.
    pub role: String,
    /// ServiceAccount whose token is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountSelector>,
    /// A token, in a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeySelector>,
}

fn kubernetes() -> String {
    "kubernetes".to_owned()
}

/// Login with a user name and a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = |schema: &mut Schema| shape::require(schema, "path"))]
pub struct UserAuth {
    /// Mount of the method; the method's own name when empty.
    #[serde(default)]
    #[schemars(skip_serializing_if = "shape::no_default")]
    pub path: String,
    /// The user.
    pub username: String,
    /// The password.
    #[serde(default)]
    #[schemars(skip_serializing_if = "shape::no_default")]
    pub secret_ref: SecretKeySelector,
}

/// JWT login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = |schema: &mut Schema| shape::require(schema, "path"))]
pub struct JwtAuth {
    /// Mount of the method.
    #[serde(default = "jwt")]
    pub path: String,
    /// Role in Vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A token, in a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeySelector>,
    /// ServiceAccount whose token is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_service_account_token: Option<JwtServiceAccountToken>,
}

fn jwt() -> String {
    "jwt".to_owned()
}

/// A ServiceAccount token for a JWT login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JwtServiceAccountToken {
    /// The ServiceAccount.
    pub service_account_ref: ServiceAccountSelector,
    /// Audiences beside the ServiceAccount's; `vault` when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// Life of the token in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_seconds: Option<i64>,
}

/// Login with a TLS certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertAuth {
    /// Mount of the method.
    #[serde(default = "cert")]
    pub path: String,
    /// Role in Vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_role: Option<String>,
    /// The certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<SecretKeySelector>,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeySelector>,
}

fn cert() -> String {
    "cert".to_owned()
}
