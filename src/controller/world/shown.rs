//! Pure. What the watches show of a store and of an ExternalSecret, and who should look at it.

use std::sync::Arc;

use tidegate_api::{SecretStoreSpec, StoreStatus};
use tidegate_stages::{ObjectKey, StoreFault, Trigger};

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

/// An ExternalSecret that does not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its UID.
    pub uid: Arc<str>,
    /// Its generation.
    pub generation: i64,
    /// What does not decode, without a value of a Secret (it holds none).
    pub cause: Arc<str>,
}

/// What an ExternalSecret that the watch shows is to what was known under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing decodable was known.
    New,
    /// It was deleted and made again, and the watch has missed that.
    Namesake,
    /// Its user changed it.
    Edited,
    /// It asks for the same: a mere status write, or nothing new.
    Known,
}

/// Somebody should look at an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The object.
    pub key: ObjectKey,
    /// Why.
    pub trigger: Trigger,
}
