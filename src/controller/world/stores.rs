//! Pure. Stores as the watches show them, with what their validation found.

use std::sync::Arc;

use tidegate_api::{SecretStoreSpec, StoreStatus};
use tidegate_stages::StoreFault;

use super::super::relations::StoreId;
use super::World;

/// A store as the watch shows it, with what its validation found.
#[derive(Debug, Clone)]
pub struct StoreEntry {
    /// What it declares.
    pub spec: Arc<SecretStoreSpec>,
    /// Its UID.
    pub uid: Arc<str>,
    /// Its generation.
    pub generation: i64,
    /// Its resourceVersion.
    pub version: Option<Arc<str>>,
    /// Value of the annotation that releases held removals.
    pub release: Option<Arc<str>>,
    /// Its status as the watch shows it.
    pub status: Arc<StoreStatus>,
    /// The status that was handed over last, until the watch shows it.
    pub told: Option<Arc<StoreStatus>>,
    /// Whether it can be read from; unknown counts as yes, the reads will tell.
    pub usable: Result<(), StoreFault>,
}

impl StoreEntry {
    /// The status that counts: a failure that is over before its status has come back would
    /// otherwise find the old good one, write nothing, and leave the late bad one to stand.
    #[must_use]
    pub fn current(&self) -> &Arc<StoreStatus> {
        self.told.as_ref().unwrap_or(&self.status)
    }

    /// Takes over from `old` what was told and the watch has not shown yet; `on_its_way` while a
    /// write of ours has not ended.
    pub(super) fn keep_told(&mut self, old: &Self, on_its_way: bool) {
        let pending = old.told.as_ref().filter(|told| {
            on_its_way && old.uid == self.uid && told.conditions != self.status.conditions
        });
        self.told = pending.cloned();
    }
}

impl World {
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
}
