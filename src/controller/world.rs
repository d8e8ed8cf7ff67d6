//! Pure. What the watches have shown: objects, stores, namespaces and digests of targets.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use tidegate_api::{ExternalSecret, StoreKind, StoreStatus, names};
use tidegate_stages::{
    Annotated, Config, DataHash, Memory, NamespaceView, ObjectKey, Observed, StoreFault, StoreKey,
    StoreView, TargetDigest, TargetView, Trigger, text_hash,
};

use super::few::Few;
use super::packed::{Packed, target_of};
use super::relations::{Links, Relations, StoreId};
use crate::patch::endings::is_ending;
use removed::Removed;
pub use shown::{Arrival, Broken, Look, StoreEntry};

mod held;
mod removed;
mod shown;

/// What the watches have shown. One lock around it; every method is short and does no I/O.
#[derive(Debug, Default)]
pub struct World {
    objects: HashMap<ObjectKey, Arc<Packed>>,
    broken: HashMap<ObjectKey, Broken>,
    stores: HashMap<StoreId, StoreEntry>,
    namespaces: HashMap<Arc<str>, NamespaceView>,
    targets: HashMap<ObjectKey, Arc<TargetDigest>>,
    /// Targets by namespace and value of the created-by label, to find orphans.
    created_by: HashMap<(Arc<str>, DataHash), Few<Arc<str>>>,
    removed: Removed,
    relations: Relations,
}

impl World {
    /// Takes in an ExternalSecret.
    ///
    /// # Errors
    /// When it cannot be encoded; nothing has changed then.
    pub fn set_object(
        &mut self,
        key: &ObjectKey,
        object: &ExternalSecret,
    ) -> Result<Arrival, serde_json::Error> {
        let packed = Packed::new(object)?;
        let stores = Observed::store_keys(object);
        let links = Links {
            stores: stores
                .iter()
                .map(|s| StoreId::seen_from(&key.namespace, s))
                .collect(),
            target: target_of(key, object),
        };
        self.relations.set(key, links);
        self.broken.remove(key);
        let packed = Arc::new(packed);
        Ok(
            match self.objects.insert(key.clone(), Arc::clone(&packed)) {
                None => Arrival::New,
                Some(old) if !old.is_same_life(&packed) => Arrival::Namesake,
                Some(old) if !old.asks_as(&packed) => Arrival::Edited,
                Some(_) => Arrival::Known,
            },
        )
    }

    /// Takes in an ExternalSecret that does not decode. Says whether that is news.
    pub fn set_broken(&mut self, key: &ObjectKey, broken: Broken) -> bool {
        self.objects.remove(key);
        self.relations.remove(key);
        self.broken
            .insert(key.clone(), broken.clone())
            .is_none_or(|old| old != broken)
    }

    /// Forgets an ExternalSecret.
    pub fn remove_object(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
        self.broken.remove(key);
        self.relations.remove(key);
    }

    /// Whether the object is there, decodable or not.
    #[must_use]
    pub fn knows(&self, key: &ObjectKey) -> bool {
        self.objects.contains_key(key) || self.broken.contains_key(key)
    }

    /// What does not decode about `key`, if anything.
    #[must_use]
    pub fn broken(&self, key: &ObjectKey) -> Option<Broken> {
        self.broken.get(key).cloned()
    }

    /// Takes in a store. Says whether its declaration or its release annotation is news.
    /// `on_its_way` while a status of ours is.
    pub fn set_store(&mut self, id: &StoreId, mut entry: StoreEntry, on_its_way: bool) -> bool {
        if let Some(old) = self.stores.get(id) {
            entry.keep_told(old, on_its_way);
        }
        match self.stores.get(id) {
            Some(old) if old.uid == entry.uid && old.generation == entry.generation => {
                entry.usable.clone_from(&old.usable);
                let news = old.release != entry.release;
                self.stores.insert(id.clone(), entry);
                news
            }
            _ => {
                self.stores.insert(id.clone(), entry);
                true
            }
        }
    }

    /// Forgets a store.
    pub fn remove_store(&mut self, id: &StoreId) {
        self.stores.remove(id);
    }

    /// A store.
    #[must_use]
    pub fn store(&self, id: &StoreId) -> Option<StoreEntry> {
        self.stores.get(id).cloned()
    }

    /// Keeps what validation found and what was written. Says whether usability changed.
    pub fn validated(
        &mut self,
        id: &StoreId,
        usable: Result<(), StoreFault>,
        status: Option<StoreStatus>,
    ) -> bool {
        let Some(entry) = self.stores.get_mut(id) else {
            return false;
        };
        if let Some(status) = status {
            entry.told = Some(Arc::new(status));
        }
        let changed = entry.usable != usable;
        entry.usable = usable;
        changed
    }

    /// Who should look after a store, its credentials or its usability changed.
    #[must_use]
    pub fn users_of_store(&self, id: &StoreId) -> Vec<Look> {
        looks(self.relations.users_of_store(id), Trigger::StoreChanged)
    }

    /// Takes in a namespace; the answer is who should look because labels count in conditions.
    pub fn set_namespace(&mut self, namespace: &Namespace) -> Vec<Look> {
        let name: Arc<str> = namespace
            .metadata
            .name
            .as_deref()
            .unwrap_or_default()
            .into();
        let view = NamespaceView {
            labels: Arc::new(namespace.metadata.labels.clone().unwrap_or_default()),
            terminating: is_ending(namespace),
        };
        let old = self.namespaces.insert(Arc::clone(&name), view.clone());
        let same =
            old.is_some_and(|old| old.labels == view.labels && old.terminating == view.terminating);
        if same {
            Vec::new()
        } else {
            looks(self.relations.in_namespace(&name), Trigger::StoreChanged)
        }
    }

    /// Forgets a namespace.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// Takes in a target from the watch; the answer is who should look because somebody else wrote
    /// it. What is older than what we know (our own write came first) is dropped.
    pub fn set_target(&mut self, key: &ObjectKey, digest: TargetDigest) -> Vec<Look> {
        if let Some(known) = self.targets.get(key) {
            let same = known.resource_version == digest.resource_version;
            if same || version(&digest) < version(known) {
                return Vec::new();
            }
        }
        self.insert_target(key, digest);
        looks(self.relations.users_of_target(key), Trigger::Drift)
    }

    /// Keeps what the API server answered to a request of ours, unless the watch has shown later
    /// already what became of it: then whoever is concerned looks at that.
    pub fn keep_target(&mut self, key: &ObjectKey, digest: TargetDigest) {
        let answered = version(&digest);
        let known = self.targets.get(key);
        if known.is_some_and(|known| version(known) > answered)
            || (known.is_none() && self.removed.covers(key, answered))
        {
            return;
        }
        self.insert_target(key, digest);
    }

    fn insert_target(&mut self, key: &ObjectKey, digest: TargetDigest) {
        self.forget_creator(key);
        if let Some(creator) = creator(&digest) {
            let names = self
                .created_by
                .entry((Arc::clone(&key.namespace), creator))
                .or_default();
            names.insert(Arc::clone(&key.name));
        }
        self.targets.insert(key.clone(), Arc::new(digest));
    }

    /// Forgets a target; the answer is who should look.
    pub fn remove_target(&mut self, key: &ObjectKey) -> Vec<Look> {
        self.forget_creator(key);
        let Some(known) = self.targets.remove(key) else {
            return Vec::new();
        };
        self.removed.note(key, version(&known));
        looks(self.relations.users_of_target(key), Trigger::Drift)
    }

    /// Forgets a target that we deleted at `seen`, unless the watch has shown a later one already.
    pub fn target_deleted(&mut self, key: &ObjectKey, seen: &str) {
        let seen = seen.parse().unwrap_or(u64::MAX);
        let later = |known: &Arc<TargetDigest>| version(known) > seen;
        if !self.targets.get(key).is_some_and(later) {
            let _nobody_else_did_that = self.remove_target(key);
        }
    }

    fn forget_creator(&mut self, key: &ObjectKey) {
        let Some(creator) = self.targets.get(key).and_then(|digest| creator(digest)) else {
            return;
        };
        let slot = (Arc::clone(&key.namespace), creator);
        if let Some(names) = self.created_by.get_mut(&slot) {
            names.remove(&key.name);
            if names.is_empty() {
                self.created_by.remove(&slot);
            }
        }
    }

    /// An ExternalSecret as last seen.
    #[must_use]
    pub fn object(&self, key: &ObjectKey) -> Option<Arc<Packed>> {
        self.objects.get(key).cloned()
    }

    /// The snapshot that a decision about `object`, known as `key`, is made from.
    #[must_use]
    pub fn observe(
        &self,
        key: &ObjectKey,
        object: Arc<ExternalSecret>,
        memory: Memory,
        config: &Arc<Config>,
    ) -> Observed {
        let stores: BTreeMap<StoreKey, StoreView> = Observed::store_keys(&object)
            .into_iter()
            .map(|store| {
                let view = self.stores.get(&StoreId::seen_from(&key.namespace, &store));
                let view = view.map_or(StoreView::Missing, |entry| StoreView::Present {
                    spec: Arc::clone(&entry.spec),
                    usable: entry.usable.clone(),
                });
                (store, view)
            })
            .collect();
        let mut observed = Observed {
            key: key.clone(),
            object,
            stores,
            namespace: self
                .namespaces
                .get(&key.namespace)
                .cloned()
                .unwrap_or_default(),
            target: TargetView::Absent,
            orphans: Vec::new(),
            memory,
            config: Arc::clone(config),
            templates: BTreeMap::new(),
        };
        let target = ObjectKey::new(Arc::clone(&key.namespace), observed.target_name());
        if let Some(digest) = self.targets.get(&target) {
            observed.target = TargetView::Present(Arc::clone(digest));
        }
        observed.orphans = self.orphans(key, &target);
        observed
    }

    /// Other Secrets of the namespace that carry this object's created-by label.
    fn orphans(&self, key: &ObjectKey, target: &ObjectKey) -> Vec<Arc<TargetDigest>> {
        let creator = text_hash(&key.to_string());
        let names = self.created_by.get(&(Arc::clone(&key.namespace), creator));
        let others = names
            .into_iter()
            .flat_map(Few::iter)
            .filter(|name| **name != target.name);
        others
            .filter_map(|name| {
                self.targets.get(&ObjectKey::new(
                    Arc::clone(&key.namespace),
                    Arc::clone(name),
                ))
            })
            .cloned()
            .collect()
    }
}

/// Kind of the stores of a namespace-or-cluster id, for messages.
#[must_use]
pub fn kind_name(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::SecretStore => "SecretStore",
        StoreKind::ClusterSecretStore => "ClusterSecretStore",
    }
}

/// Value of the annotation that releases held removals.
#[must_use]
pub fn release_of(annotations: Option<&BTreeMap<String, String>>) -> Option<Arc<str>> {
    let value = annotations?.get(names::RELEASE_REMOVALS_ANNOTATION)?;
    Some(value.as_str().into())
}

fn looks(keys: Vec<ObjectKey>, trigger: Trigger) -> Vec<Look> {
    keys.into_iter().map(|key| Look { key, trigger }).collect()
}

fn version(digest: &TargetDigest) -> u64 {
    digest.resource_version.parse().unwrap_or(u64::MAX)
}

fn creator(digest: &TargetDigest) -> Option<DataHash> {
    match digest.created_by {
        Annotated::Hash(hash) => Some(hash),
        Annotated::Absent | Annotated::Other => None,
    }
}

#[cfg(test)]
mod tests;
