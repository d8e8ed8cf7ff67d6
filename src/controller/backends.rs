//! Shell. From a store and a consumer to a backend: resolved once, kept until something changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use tidegate_contract::ProviderError;
use tidegate_fetch::{Identity, Sessions, Source};
use tidegate_stages::ObjectKey;

use super::credentials::Resolver;
use super::relations::StoreId;
use super::sources::{Data, SourceError, SourceKey, SourceKind, Sources};
use super::world::StoreEntry;
use crate::registry::{self, Connections, Fakes};

/// The backends in use.
///
/// # Guarantees
/// A backend is kept for one store as one consumer namespace sees it; it is never handed to another
/// namespace unless nothing in its resolution depended on the consumer (P5).
pub struct Backends {
    client: Client,
    sources: Sources,
    sessions: Sessions,
    fakes: Fakes,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    stores: HashMap<StoreId, Slot>,
    users: HashMap<SourceKey, BTreeSet<StoreId>>,
}

/// What is kept for one store, for as long as its declaration stays the same.
#[derive(Debug)]
struct Slot {
    uid: Arc<str>,
    generation: i64,
    connections: Connections,
    shared: Option<Source>,
    by_consumer: HashMap<Arc<str>, Source>,
    epoch: u64,
}

impl Slot {
    fn new(entry: &StoreEntry) -> Self {
        Self {
            uid: Arc::clone(&entry.uid),
            generation: entry.generation,
            connections: Connections::default(),
            shared: None,
            by_consumer: HashMap::new(),
            epoch: 0,
        }
    }

    fn is_of(&self, entry: &StoreEntry) -> bool {
        self.uid == entry.uid && self.generation == entry.generation
    }
}

impl Backends {
    /// None yet.
    #[must_use]
    pub fn new(client: Client, sessions: Sessions, fakes: Fakes) -> Self {
        let sources = Sources::new(client.clone());
        Self {
            client,
            sources,
            sessions,
            fakes,
            table: Mutex::default(),
        }
    }

    /// The backend of `store` as `consumer` sees it. An empty consumer stands for the store itself
    /// (validation of a ClusterSecretStore).
    ///
    /// # Errors
    /// When a reference of the store cannot be resolved or its configuration cannot be used; the
    /// text names the reference.
    pub async fn source(
        &self,
        store: &StoreId,
        entry: &StoreEntry,
        consumer: &Arc<str>,
    ) -> Result<Source, ProviderError> {
        let epoch = match self.known(store, entry, consumer) {
            Ok(source) => return Ok(source),
            Err(epoch) => epoch,
        };
        let resolver = Resolver::new(&self.client, &self.sources, store, consumer);
        let (resolved, used) = resolver.resolve(&entry.spec).await;
        let mut table = self.lock();
        for source in used {
            table.users.entry(source).or_default().insert(store.clone());
        }
        let resolved = resolved?;
        let referent = resolved.referent;
        let namespace = referent.then_some(&**consumer);
        let credentials = resolved.credentials.clone();
        let identity = Identity::new(&*entry.uid, entry.generation, credentials, namespace);
        let Some(slot) = table.stores.get_mut(store).filter(|slot| slot.is_of(entry)) else {
            // The store changed meanwhile: this answer serves this one call and is not kept.
            let mut connections = Connections::default();
            return registry::source(
                store,
                identity,
                resolved,
                &self.sessions,
                &mut connections,
                &self.fakes,
            );
        };
        let made = registry::source(
            store,
            identity,
            resolved,
            &self.sessions,
            &mut slot.connections,
            &self.fakes,
        )?;
        if slot.epoch == epoch {
            if referent {
                slot.by_consumer.insert(Arc::clone(consumer), made.clone());
            } else {
                slot.shared = Some(made.clone());
            }
        }
        Ok(made)
    }

    /// What is kept, or the epoch at which a new resolution begins.
    fn known(
        &self,
        store: &StoreId,
        entry: &StoreEntry,
        consumer: &Arc<str>,
    ) -> Result<Source, u64> {
        let mut table = self.lock();
        let slot = table
            .stores
            .entry(store.clone())
            .or_insert_with(|| Slot::new(entry));
        if !slot.is_of(entry) {
            *slot = Slot::new(entry);
        }
        let known = slot
            .shared
            .as_ref()
            .or_else(|| slot.by_consumer.get(consumer));
        known.cloned().ok_or(slot.epoch)
    }

    /// A Secret or ConfigMap is now at `version`, or gone. The answer is the stores whose
    /// credentials or trust really changed; what was kept for them is dropped.
    pub async fn source_changed(&self, key: &SourceKey, version: Option<&str>) -> Vec<StoreId> {
        if !self.sources.changed(key, version).await {
            return Vec::new();
        }
        let mut table = self.lock();
        let stores: Vec<StoreId> = table
            .users
            .get(key)
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        for store in &stores {
            if let Some(slot) = table.stores.get_mut(store) {
                slot.shared = None;
                slot.by_consumer.clear();
                slot.epoch += 1;
            }
        }
        stores
    }

    /// The content of a ConfigMap or Secret that holds templates; none when it does not exist.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn template(&self, key: &SourceKey) -> Result<Option<Data>, SourceError> {
        match self.sources.read_now(key).await {
            Ok(data) => Ok(Some(data)),
            Err(SourceError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether any store refers to `key`.
    #[must_use]
    pub fn refers_to(&self, key: &SourceKey) -> bool {
        self.lock().users.contains_key(key)
    }

    /// The objects of a kind that stores refer to.
    #[must_use]
    pub fn referred(&self, kind: SourceKind) -> Vec<ObjectKey> {
        let table = self.lock();
        let of_kind = table.users.keys().filter(|key| key.kind == kind);
        let key =
            |key: &SourceKey| ObjectKey::new(Arc::clone(&key.namespace), Arc::clone(&key.name));
        of_kind.map(key).collect()
    }

    /// Forgets a store that is gone, and every source that only it referred to.
    pub fn forget(&self, store: &StoreId) {
        let mut table = self.lock();
        table.stores.remove(store);
        table.users.retain(|_, stores| {
            stores.remove(store);
            !stores.is_empty()
        });
        let users: BTreeSet<SourceKey> = table.users.keys().cloned().collect();
        drop(table);
        self.sources.retain(|key| users.contains(key));
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
