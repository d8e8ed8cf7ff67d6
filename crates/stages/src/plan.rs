//! Pure. What to read for an ExternalSecret, or why nothing is due.

mod admission;
mod cleanup;
mod reads;
mod refresh;
#[cfg(test)]
mod tests;
mod windows;

use std::sync::Arc;

use tidegate_api::ExternalSecret;
use tidegate_contract::RemoteKey;

use crate::outcome::{IdleReason, SyncError};
use crate::{Env, Observed, Precondition, StoreKey, StoreView, diff, store};
pub use reads::planned_reads;
pub(crate) use refresh::{elapsed, interval, missing, polled, refreshed_at, waits_for_refresh};

/// What a pass does.
#[derive(Debug, Clone)]
pub enum Plan {
    /// The object belongs to another controller.
    Foreign(ForeignReason),
    /// Nothing is due.
    Idle(IdleReason),
    /// A defect that is known without reading.
    Refuse(SyncError),
    /// Read these values.
    Read(ReadPlan),
    /// The object is being deleted.
    Cleanup(Cleanup),
}

/// Why an object is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignReason {
    /// A store that it refers to is served by another class.
    Class(StoreKey),
}

/// Values to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPlan {
    /// One for each entry of the spec: `dataFrom` first, then `data`, each in order. Equal keys
    /// are joined by whoever reads.
    pub reads: Vec<PlannedRead>,
    /// Why now.
    pub why: ReadWhy,
}

/// One value to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRead {
    /// The entry of the spec that asks for it.
    pub entry: Entry,
    /// The store it is read from.
    pub store: StoreKey,
    /// What is read there.
    pub key: RemoteKey,
    /// True when the answer must be newer than this plan, because somebody asked for a sync;
    /// otherwise what polling read within the interval will do.
    pub fresh: bool,
}

/// An entry of the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entry {
    /// `spec.dataFrom[i].extract`.
    Extract(usize),
    /// `spec.data[i]`.
    Data(usize),
}

/// Why values are read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadWhy {
    /// They never were.
    NeverSynced,
    /// The ExternalSecret changed since.
    Edited,
    /// The Secret is not what was written.
    TargetInvalid,
    /// The last attempt failed.
    Failed,
    /// A polled value changed.
    Changed,
    /// The interval is over.
    Due,
}

/// What to do for an object that is being deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleanup {
    /// The target to delete first, under deletionPolicy Delete.
    pub delete: Option<Precondition>,
    /// ESO's finalizer to drop afterwards; ours has none.
    pub drop_finalizer: Option<DropFinalizer>,
}

/// A JSON Patch that drops ESO's finalizer from an ExternalSecret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropFinalizer {
    /// Position in `metadata.finalizers`.
    pub position: usize,
    /// The version of the ExternalSecret that was looked at.
    pub resource_version: Arc<str>,
}

/// Decides what one pass does.
#[must_use]
pub fn plan(observed: &Observed, env: &Env) -> Plan {
    if let Some(store) = foreign_store(observed) {
        return Plan::Foreign(ForeignReason::Class(store.clone()));
    }
    if observed.object.metadata.deletion_timestamp.is_some() {
        return cleanup::plan(observed);
    }
    if observed.namespace.terminating {
        return Plan::Idle(IdleReason::NamespaceTerminating);
    }
    if let Err(error) = admission::check(&observed.object.spec) {
        return Plan::Refuse(error);
    }
    let why = match refresh::due(observed, env) {
        Ok(why) => why,
        Err(idle) => return Plan::Idle(idle),
    };
    match planned_reads(observed) {
        Ok(mut reads) => {
            let fresh = refresh::asked_for(observed, why);
            reads.iter_mut().for_each(|read| read.fresh = fresh);
            Plan::Read(ReadPlan { reads, why })
        }
        Err(error) => Plan::Refuse(error),
    }
}

/// The reads of an object that could be rendered: what is worth polling for.
pub(crate) fn readable(observed: &Observed) -> Option<Vec<PlannedRead>> {
    admission::check(&observed.object.spec).ok()?;
    planned_reads(observed).ok()
}

/// Generation, labels and annotations of an object in one text, as ESO writes it to
/// `status.syncedResourceVersion`.
#[must_use]
pub fn revision(object: &ExternalSecret) -> String {
    let meta = &object.metadata;
    format!(
        "{}-{}",
        meta.generation.unwrap_or_default(),
        diff::metadata_hash(meta.annotations.as_ref(), meta.labels.as_ref())
    )
}

/// A store of another controller class. Missing stores count as ours: somebody has to say so.
fn foreign_store(observed: &Observed) -> Option<&StoreKey> {
    let class = &*observed.config.controller_class;
    (observed.stores.iter()).find_map(|(key, view)| match view {
        StoreView::Present { spec, .. } => (!store::serves(spec, class)).then_some(key),
        StoreView::Missing => None,
    })
}
