//! Pure. The snapshot a decision is made from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tidegate_api::{ExternalSecret, ExternalSecretStatus, SecretStoreSpec, names};

use crate::{
    ObjectKey, Report, Retry, StoreKey, TargetDigest, TemplateSources, Templates, Urgency,
};

/// Everything a decision about one ExternalSecret needs, taken from caches without I/O.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Namespace and name of the ExternalSecret.
    pub key: ObjectKey,
    /// The ExternalSecret.
    pub object: Arc<ExternalSecret>,
    /// Every store it refers to ([`Observed::store_keys`] says which).
    pub stores: BTreeMap<StoreKey, StoreView>,
    /// The namespace it lives in.
    pub namespace: NamespaceView,
    /// The Secret under the target's name.
    pub target: TargetView,
    /// Other Secrets of the namespace that carry this ExternalSecret's created-by label.
    pub orphans: Vec<Arc<TargetDigest>>,
    /// What this process remembers of the object.
    pub memory: Memory,
    /// Settings of the process.
    pub config: Arc<Config>,
    /// Contents of the ConfigMaps and Secrets that [`crate::template_sources`] names, all of the
    /// object's own namespace; `None` for one that does not exist.
    pub templates: TemplateSources,
}

impl Observed {
    /// Name of the Secret that the ExternalSecret makes.
    #[must_use]
    pub fn target_name(&self) -> &str {
        let target = &self.object.spec.target;
        match target.name.as_deref() {
            Some(name) if !name.is_empty() => name,
            _ => &self.key.name,
        }
    }

    /// The stores that `object` refers to, each once.
    #[must_use]
    pub fn store_keys(object: &ExternalSecret) -> Vec<StoreKey> {
        let spec = &object.spec;
        let sources = (spec.data.iter().filter_map(|data| data.source_ref.as_ref()))
            .chain((spec.data_from.iter()).filter_map(|from| from.source_ref.as_ref()));
        let mut keys: Vec<StoreKey> = (spec.secret_store_ref.iter())
            .chain(sources.filter_map(|source| source.store_ref.as_ref()))
            .filter_map(StoreKey::of)
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The status as its readers will find it: what was last handed over to be written, until
    /// the watch shows that it was.
    #[must_use]
    pub fn status(&self) -> Option<&ExternalSecretStatus> {
        let told = self.memory.told.as_deref();
        told.or(self.object.status.as_ref())
    }

    /// The revision that was last synced, by memory or else by status.
    #[must_use]
    pub fn synced_revision(&self) -> Option<&str> {
        let status = self.status();
        (self.memory.synced.as_deref())
            .or_else(|| status.and_then(|status| status.synced_resource_version.as_deref()))
            .filter(|revision| !revision.is_empty())
    }

    /// UID of the ExternalSecret; empty for one that was never stored.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }
}

/// A store as an ExternalSecret finds it.
#[derive(Debug, Clone)]
pub enum StoreView {
    /// There is none of that name.
    Missing,
    /// It exists.
    Present {
        /// What it declares.
        spec: Arc<SecretStoreSpec>,
        /// Whether it can be read from, as its validation found.
        usable: Result<(), StoreFault>,
    },
}

/// Why a store cannot be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault {
    /// One stable sentence without values, addresses or times.
    pub public: Arc<str>,
    /// When to look again.
    pub retry: Retry,
}

/// The namespace of the object.
#[derive(Debug, Clone, Default)]
pub struct NamespaceView {
    /// Its labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// The Secret under the target's name.
#[derive(Debug, Clone)]
pub enum TargetView {
    /// There is none, as far as the watch of managed Secrets tells.
    Absent,
    /// What is known of it.
    Present(Arc<TargetDigest>),
}

impl TargetView {
    /// The digest, if there is a Secret.
    #[must_use]
    pub fn digest(&self) -> Option<&TargetDigest> {
        match self {
            Self::Absent => None,
            Self::Present(digest) => Some(digest),
        }
    }
}

/// Why an object is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// It was there when the process started.
    #[default]
    First,
    /// It was created or edited; labels and annotations count (force-sync).
    Spec,
    /// A polled value of it changed, appeared or vanished.
    GroupChanged,
    /// Its target was written by somebody else, or vanished.
    Drift,
    /// A store, a credential or its namespace changed.
    StoreChanged,
    /// A timer of its own fired.
    Timer,
    /// A failure is due for its next attempt.
    Retry,
}

/// What the process remembers of an object beside its status.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// When its values were last read well, or last seen unchanged by polling.
    pub refreshed_at: Option<Timestamp>,
    /// The revision ([`crate::revision`]) that was last synced, before the status says so.
    pub synced: Option<Arc<str>>,
    /// Failures in a row.
    pub failures: u32,
    /// Label of the last of them ([`crate::SyncError::label`]).
    pub failure: Option<&'static str>,
    /// Whether this controller, and not ESO, wrote the status that was found at the start
    /// ([`status_is_ours`]).
    pub status_is_ours: bool,
    /// Why it is looked at now.
    pub trigger: Trigger,
    /// The status that was last handed over to be written, until [`Memory::seen`].
    pub told: Option<Arc<ExternalSecretStatus>>,
}

impl Memory {
    /// A report goes out.
    pub fn tell(&mut self, report: &Report) {
        if report.urgency != Urgency::None {
            self.told = Some(Arc::new(report.status.clone()));
        }
    }

    /// The watch shows `status`; `on_its_way` while a write of ours has not ended. What was handed
    /// over is forgotten once it is there, and once nothing of ours is to come any more: then
    /// somebody else wrote later.
    pub fn seen(&mut self, status: Option<&ExternalSecretStatus>, on_its_way: bool) {
        let face = |status: &ExternalSecretStatus| {
            let ready = status.conditions.iter().find(|c| c.type_ == names::READY);
            (ready.cloned(), status.refresh_time.clone())
        };
        let arrived = |told: &Arc<_>| status.map(face) == Some(face(told));
        if !on_its_way || self.told.as_ref().is_some_and(arrived) {
            self.told = None;
        }
    }
}

/// Whether `manager` wrote the status of `object`, by its managedFields.
///
/// Call it before managedFields are dropped from the cache.
#[must_use]
pub fn status_is_ours(object: &ExternalSecret, manager: &str) -> bool {
    (object.metadata.managed_fields.iter().flatten()).any(|entry| {
        entry.subresource.as_deref() == Some("status") && entry.manager.as_deref() == Some(manager)
    })
}

/// How often `status.refreshTime` moves when nothing else changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// At every refresh, as ESO does.
    Each,
    /// Never on its own.
    Off,
    /// When it is older than this.
    Every(Duration),
}

/// Settings of the process that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Stores of another class are left alone.
    pub controller_class: Arc<str>,
    /// No object is refreshed more often than this.
    pub refresh_floor: Duration,
    /// See [`Heartbeat`].
    pub status_heartbeat: Heartbeat,
    /// Delimiters of templates, and those parsed so far.
    pub templates: Arc<Templates>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            controller_class: "default".into(),
            refresh_floor: Duration::from_secs(1),
            status_heartbeat: Heartbeat::Every(Duration::from_secs(6 * 3600)),
            templates: Arc::default(),
        }
    }
}
