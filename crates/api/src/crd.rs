//! Pure. The CustomResourceDefinitions, made from the types.
//!
//! The shape of a field stands as an attribute beside the field. What no attribute can say of a
//! single field stands here: the parts of a definition that concern it as a whole.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::{ClusterSecretStore, ExternalSecret, SecretStore};

mod finish;
pub(crate) mod providers;
pub(crate) mod rules;
pub(crate) mod shape;
mod yaml;

pub use providers::OPEN_PROVIDERS;

/// Returns the definitions of every kind that is served, by name.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![
        ClusterSecretStore::crd(),
        ExternalSecret::crd(),
        SecretStore::crd(),
    ];
    for crd in &mut crds {
        finish::finish(crd);
    }
    crds
}

/// Returns one definition as YAML, keys sorted: the same bytes at every call.
#[must_use]
pub fn crd_yaml(crd: &CustomResourceDefinition) -> String {
    // A definition is made of maps with text keys, so this cannot fail.
    serde_json::to_value(crd).map_or_else(|_| String::new(), |value| yaml::document(&value))
}

/// Returns all definitions as one YAML stream, ready for `kubectl apply -f -`.
#[must_use]
pub fn crds_yaml() -> String {
    crds()
        .iter()
        .map(|crd| format!("---\n{}", crd_yaml(crd)))
        .collect()
}
