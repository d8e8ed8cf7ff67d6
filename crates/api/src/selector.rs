//! Pure. References to Secrets, ServiceAccounts and CA bundles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::crd::shape;

/// One key of a Secret. `namespace` counts only in a ClusterSecretStore.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeySelector {
    /// Name of the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::object_name)]
    pub name: Option<String>,
    /// Namespace of the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::namespace_name)]
    pub namespace: Option<String>,
    /// Key within the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::data_key)]
    pub key: Option<String>,
}

/// A ServiceAccount whose tokens are asked for. `namespace` counts only in a ClusterSecretStore.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountSelector {
    /// Name of the ServiceAccount.
    #[schemars(transform = shape::object_name)]
    pub name: String,
    /// Namespace of the ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::namespace_name)]
    pub namespace: Option<String>,
    /// Audiences of the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
}

/// What kind of object holds a CA bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CaProviderKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// Where a CA bundle stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaProvider {
    /// Secret or ConfigMap.
    #[serde(rename = "type")]
    pub type_: CaProviderKind,
    /// Name of the object.
    #[schemars(transform = shape::object_name)]
    pub name: String,
    /// Key within the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::data_key)]
    pub key: Option<String>,
    /// Namespace, for ClusterSecretStores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::namespace_name)]
    pub namespace: Option<String>,
}
