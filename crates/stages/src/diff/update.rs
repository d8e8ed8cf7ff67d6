//! Pure. The parts of an update: data and metadata operations as plain data, without values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tidegate_api::{CreationPolicy, names};

use super::{DataHash, Intent, ownership};
use crate::{Annotated, Labelled, TargetDigest, ValueHash};

/// One JSON Patch of one Secret, guarded by its resourceVersion.
#[derive(Debug, Clone)]
pub struct UpdateSecret {
    /// What the Secret shall be.
    pub intent: Arc<Intent>,
    /// UID of the Secret that the patch is made for.
    pub uid: Arc<str>,
    /// The version of it; the API server answers 409 when it is no longer that.
    pub resource_version: Arc<str>,
    /// Hash of the data after the write.
    pub hash: DataHash,
    pub(crate) ops: Vec<Op>,
}

/// One operation of the patch. Values of the data stay in the intent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// Replaces the data whole.
    DataWhole,
    /// Makes an empty data map where there is none.
    DataEmpty,
    /// Sets one key to the intent's value.
    DataKey(String),
    /// Removes one key.
    DataRemove(String),
    /// Makes the Secret immutable.
    Immutable,
    /// Adds a whole map: `labels` or `annotations`.
    Map(&'static str, BTreeMap<String, String>),
    /// Sets one entry of a map.
    Set(&'static str, String, String),
    /// Removes one entry of a map.
    Remove(&'static str, String),
    /// Writes our controller reference.
    Own(OwnerAt),
    /// Removes the reference at this position.
    Disown(usize),
    /// Makes the list of finalizers.
    Finalizers(Vec<String>),
    /// Adds one to the list.
    Finalizer(String),
}

impl fmt::Debug for Op {
    /// Labels and annotations may hold what a template made of a value, so names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataWhole => f.write_str("DataWhole"),
            Self::DataEmpty => f.write_str("DataEmpty"),
            Self::DataKey(key) => write!(f, "DataKey({key:?})"),
            Self::DataRemove(key) => write!(f, "DataRemove({key:?})"),
            Self::Immutable => f.write_str("Immutable"),
            Self::Map(map, entries) => write!(f, "Map({map}, {:?})", entries.keys()),
            Self::Set(map, name, _) => write!(f, "Set({map}, {name:?})"),
            Self::Remove(map, name) => write!(f, "Remove({map}, {name:?})"),
            Self::Own(at) => write!(f, "Own({at:?})"),
            Self::Disown(at) => write!(f, "Disown({at})"),
            Self::Finalizers(names) => write!(f, "Finalizers({names:?})"),
            Self::Finalizer(name) => write!(f, "Finalizer({name:?})"),
        }
    }
}

/// Where our controller reference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerAt {
    /// There is no list yet.
    NewList,
    /// Behind the others.
    End,
    /// In place of the one at this position.
    Position(usize),
}

/// Adds what differs in metadata.
pub(super) fn metadata(intent: &Intent, digest: &TargetDigest, hash: DataHash, ops: &mut Vec<Op>) {
    owner(intent, digest, ops);
    if intent.immutable && !digest.immutable {
        ops.push(Op::Immutable);
    }
    let frozen = intent.immutable;
    if !frozen {
        finalizers(intent, digest, ops);
    }
    let mut labels = Entries::new("labels", digest.has_labels, &digest.labels);
    let mut annotations = Entries::new("annotations", digest.has_annotations, &digest.annotations);
    if !frozen {
        labels.desire(&intent.labels);
        annotations.desire(&intent.annotations);
    }
    if !digest.managed {
        labels.set(names::MANAGED_LABEL, names::MANAGED_VALUE.to_owned());
    }
    match (intent.policy, digest.created_by) {
        (CreationPolicy::Owner, Annotated::Hash(found)) if found == intent.created_by => {}
        (CreationPolicy::Owner, _) => {
            labels.set(names::CREATED_BY_LABEL, intent.created_by.to_string());
        }
        (_, Annotated::Absent) => {}
        (_, Annotated::Hash(_) | Annotated::Other) => labels.remove(names::CREATED_BY_LABEL),
    }
    if digest.annotated != Annotated::Hash(hash) {
        annotations.set(names::DATA_HASH_ANNOTATION, hash.to_string());
    }
    labels.finish(ops);
    annotations.finish(ops);
    if !frozen && (!ops.is_empty() || stale_counts(intent)) {
        for (map, fields, desired) in [
            ("labels", &digest.labels, &intent.labels),
            ("annotations", &digest.annotations, &intent.annotations),
        ] {
            ops.extend(
                (fields.iter())
                    .filter(|entry| digest.owns(&intent.manager, &entry.field))
                    .filter(|entry| !desired.contains_key(&*entry.field.name))
                    .map(|entry| Op::Remove(map, (*entry.field.name).to_owned())),
            );
        }
    }
}

/// Adds those of the template that are not there.
fn finalizers(intent: &Intent, digest: &TargetDigest, ops: &mut Vec<Op>) {
    let mut missing: Vec<String> = Vec::new();
    for name in &intent.finalizers {
        let there = digest.finalizers.iter().any(|found| **found == **name);
        if !there && !missing.contains(name) {
            missing.push(name.clone());
        }
    }
    if missing.is_empty() {
        return;
    }
    if digest.finalizers.is_empty() {
        ops.push(Op::Finalizers(missing));
    } else {
        ops.extend(missing.into_iter().map(Op::Finalizer));
    }
}

/// Whether stale labels and annotations alone are worth a write.
///
/// ESO never removes them for names of 28 to 63 characters. That is mended with the next write,
/// but does not cause one after a take-over (P8).
fn stale_counts(intent: &Intent) -> bool {
    intent.edited || !(28..=63).contains(&intent.owner.name.len())
}

fn owner(intent: &Intent, digest: &TargetDigest, ops: &mut Vec<Op>) {
    let ours = (digest.owners.iter()).position(|owner| ownership::means(owner, &intent.owner.name));
    match (intent.policy == CreationPolicy::Owner, ours) {
        (true, None) if digest.owners.is_empty() => ops.push(Op::Own(OwnerAt::NewList)),
        (true, None) => ops.push(Op::Own(OwnerAt::End)),
        (true, Some(at)) => {
            let owner = &digest.owners[at];
            if !owner.controller || *owner.uid != *intent.owner_uid {
                ops.push(Op::Own(OwnerAt::Position(at)));
            }
        }
        (false, Some(at)) if digest.owners[at].controller => ops.push(Op::Disown(at)),
        (false, _) => {}
    }
}

/// Differences of one map.
struct Entries<'a> {
    map: &'static str,
    exists: bool,
    found: &'a [Labelled],
    ops: Vec<Op>,
}

impl<'a> Entries<'a> {
    fn new(map: &'static str, exists: bool, found: &'a [Labelled]) -> Self {
        Self {
            map,
            exists,
            found,
            ops: Vec::new(),
        }
    }

    fn desire(&mut self, desired: &BTreeMap<String, String>) {
        for (name, value) in desired {
            let found = (self.found.iter()).find(|entry| *entry.field.name == **name);
            if found.is_none_or(|entry| entry.value != ValueHash::of(value)) {
                self.set(name, value.clone());
            }
        }
    }

    fn set(&mut self, name: &str, value: String) {
        self.ops.push(Op::Set(self.map, name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.ops.push(Op::Remove(self.map, name.to_owned()));
    }

    /// Where the map does not exist yet it is added whole: a patch cannot add into nothing.
    fn finish(self, ops: &mut Vec<Op>) {
        if self.exists || self.ops.is_empty() {
            ops.extend(self.ops);
            return;
        }
        let map = (self.ops.into_iter())
            .filter_map(|op| match op {
                Op::Set(_, name, value) => Some((name, value)),
                _ => None,
            })
            .collect();
        ops.push(Op::Map(self.map, map));
    }
}
