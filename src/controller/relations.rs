//! Pure. What depends on what: a changed store, target or namespace leads to the objects concerned.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tidegate_api::StoreKind;
use tidegate_stages::{ObjectKey, StoreKey};

use super::few::Few;

/// A store and where it lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId {
    /// Kind and name.
    pub key: StoreKey,
    /// Its namespace; none for a ClusterSecretStore.
    pub namespace: Option<Arc<str>>,
}

impl StoreId {
    /// The store that an object of `namespace` means by `key`: a SecretStore is always the one of
    /// the object's own namespace (P5).
    #[must_use]
    pub fn seen_from(namespace: &Arc<str>, key: &StoreKey) -> Self {
        let namespace = match key.kind {
            StoreKind::SecretStore => Some(Arc::clone(namespace)),
            StoreKind::ClusterSecretStore => None,
        };
        Self {
            key: key.clone(),
            namespace,
        }
    }
}

impl std::fmt::Display for StoreId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{:?} {namespace}/{}", self.key.kind, self.key.name),
            None => write!(f, "{:?} {}", self.key.kind, self.key.name),
        }
    }
}

/// What one object refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The stores it reads from.
    pub stores: Vec<StoreId>,
    /// The name of its target.
    pub target: Arc<str>,
}

/// The table of who refers to what.
///
/// # Guarantees
/// Both directions always agree; an object that was removed is named nowhere.
#[derive(Debug, Default)]
pub struct Relations {
    links: HashMap<ObjectKey, Links>,
    by_store: HashMap<StoreId, BTreeSet<ObjectKey>>,
    by_target: HashMap<ObjectKey, Few<ObjectKey>>,
    by_namespace: HashMap<Arc<str>, BTreeSet<ObjectKey>>,
}

impl Relations {
    /// Says what `object` refers to now.
    pub fn set(&mut self, object: &ObjectKey, links: Links) {
        if self.links.get(object) == Some(&links) {
            return;
        }
        self.remove(object);
        for store in &links.stores {
            self.by_store
                .entry(store.clone())
                .or_default()
                .insert(object.clone());
        }
        let target = ObjectKey::new(Arc::clone(&object.namespace), Arc::clone(&links.target));
        self.by_target
            .entry(target)
            .or_default()
            .insert(object.clone());
        let namespace = self
            .by_namespace
            .entry(Arc::clone(&object.namespace))
            .or_default();
        namespace.insert(object.clone());
        self.links.insert(object.clone(), links);
    }

    /// Forgets `object`.
    pub fn remove(&mut self, object: &ObjectKey) {
        let Some(links) = self.links.remove(object) else {
            return;
        };
        for store in &links.stores {
            unlink(&mut self.by_store, store, object);
        }
        let target = ObjectKey::new(Arc::clone(&object.namespace), links.target);
        if let Some(users) = self.by_target.get_mut(&target) {
            users.remove(object);
            if users.is_empty() {
                self.by_target.remove(&target);
            }
        }
        unlink(&mut self.by_namespace, &object.namespace, object);
    }

    /// Name of the Secret that `object` makes, if it is known.
    #[must_use]
    pub fn target_of(&self, object: &ObjectKey) -> Option<&Arc<str>> {
        self.links.get(object).map(|links| &links.target)
    }

    /// The objects that read from `store`.
    #[must_use]
    pub fn users_of_store(&self, store: &StoreId) -> Vec<ObjectKey> {
        self.by_store
            .get(store)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The objects whose target is the Secret `target`.
    #[must_use]
    pub fn users_of_target(&self, target: &ObjectKey) -> Vec<ObjectKey> {
        let users = self.by_target.get(target);
        users.into_iter().flat_map(Few::iter).cloned().collect()
    }

    /// The objects of a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<ObjectKey> {
        self.by_namespace
            .get(namespace)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

fn unlink<K: std::hash::Hash + Eq>(
    table: &mut HashMap<K, BTreeSet<ObjectKey>>,
    key: &K,
    object: &ObjectKey,
) {
    if let Some(set) = table.get_mut(key) {
        set.remove(object);
        if set.is_empty() {
            table.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(kind: StoreKind, name: &str) -> StoreKey {
        StoreKey {
            kind,
            name: name.into(),
        }
    }

    fn links(namespace: &str, stores: &[&str], target: &str) -> Links {
        let namespace: Arc<str> = namespace.into();
        let id = |name: &&str| StoreId::seen_from(&namespace, &store(StoreKind::SecretStore, name));
        Links {
            stores: stores.iter().map(id).collect(),
            target: target.into(),
        }
    }

    #[test]
    fn a_secret_store_is_the_one_of_the_own_namespace() {
        let mut relations = Relations::default();
        let (a, b) = (ObjectKey::new("a", "es"), ObjectKey::new("b", "es"));
        relations.set(&a, links("a", &["vault"], "t"));
        relations.set(&b, links("b", &["vault"], "t"));
        let vault = store(StoreKind::SecretStore, "vault");
        let in_a = StoreId::seen_from(&a.namespace, &vault);
        assert_eq!(relations.users_of_store(&in_a), std::slice::from_ref(&a));
        assert_eq!(relations.users_of_target(&ObjectKey::new("b", "t")), [b]);
    }

    #[test]
    fn a_cluster_store_reaches_every_namespace() {
        let key = store(StoreKind::ClusterSecretStore, "shared");
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        assert_eq!(StoreId::seen_from(&a, &key), StoreId::seen_from(&b, &key));
    }

    #[test]
    fn a_changed_or_removed_object_leaves_nothing_behind() {
        let mut relations = Relations::default();
        let key = ObjectKey::new("a", "es");
        relations.set(&key, links("a", &["one", "two"], "t1"));
        relations.set(&key, links("a", &["two"], "t2"));
        let id = |name| StoreId::seen_from(&key.namespace, &store(StoreKind::SecretStore, name));
        assert!(relations.users_of_store(&id("one")).is_empty());
        assert_eq!(
            relations.users_of_store(&id("two")),
            std::slice::from_ref(&key)
        );
        assert!(
            relations
                .users_of_target(&ObjectKey::new("a", "t1"))
                .is_empty()
        );
        relations.remove(&key);
        assert!(relations.by_store.is_empty() && relations.by_target.is_empty());
        assert!(relations.by_namespace.is_empty() && relations.links.is_empty());
    }
}
