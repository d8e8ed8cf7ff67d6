//! Shell. Namespaces that are being deleted, as far as anybody here knows: nothing new is written
//! into them.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use k8s_openapi::api::core::v1::Namespace;

/// The set of ending namespaces. Cloning gives another handle to the same.
///
/// The watch of namespaces feeds it, and the API server's first refusal in a namespace whose end no
/// watch has shown yet.
#[derive(Debug, Clone, Default)]
pub struct Endings(Arc<RwLock<HashSet<Arc<str>>>>);

impl Endings {
    /// Whether `namespace` is known to end.
    #[must_use]
    pub fn hold(&self, namespace: &str) -> bool {
        let held: RwLockReadGuard<'_, _> = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.contains(namespace)
    }

    /// Takes in what a watch shows of a namespace.
    pub fn see(&self, namespace: &Namespace) {
        let name = namespace.metadata.name.as_deref().unwrap_or_default();
        match is_ending(namespace) {
            true => self.begin(name),
            false => self.over(name),
        }
    }

    /// A namespace has begun to end.
    pub fn begin(&self, namespace: &str) {
        if !self.hold(namespace) {
            self.change().insert(namespace.into());
        }
    }

    /// A namespace is gone, or another of its name has come.
    pub fn over(&self, namespace: &str) {
        if self.hold(namespace) {
            self.change().remove(namespace);
        }
    }

    fn change(&self) -> RwLockWriteGuard<'_, HashSet<Arc<str>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the API server takes nothing new into a namespace.
#[must_use]
pub fn is_ending(namespace: &Namespace) -> bool {
    let phase = |status: &k8s_openapi::api::core::v1::NamespaceStatus| {
        status.phase.as_deref() == Some("Terminating")
    };
    namespace.metadata.deletion_timestamp.is_some() || namespace.status.as_ref().is_some_and(phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str, phase: &str) -> Namespace {
        let shown =
            serde_json::json!({ "metadata": { "name": name }, "status": { "phase": phase } });
        serde_json::from_value(shown).unwrap()
    }

    #[test]
    fn a_namespace_ends_until_it_is_gone_or_another_comes() {
        let endings = Endings::default();
        endings.see(&namespace("a", "Active"));
        assert!(!endings.hold("a"));
        endings.see(&namespace("a", "Terminating"));
        endings.begin("b");
        assert!(endings.hold("a") && endings.hold("b"));
        endings.over("a");
        endings.see(&namespace("b", "Active"));
        assert!(!endings.hold("a") && !endings.hold("b"));
    }
}
