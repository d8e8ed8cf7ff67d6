//! Pure. What the target shall be, whatever it is now.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use tidegate_api::{CreationPolicy, RefreshPolicy, names};
use tidegate_contract::SecretValue;

use super::{Action, DataHash, Orphan, Precondition, Removal, Why, ownership, update};
use crate::outcome::{MissingEntry, SyncError};
use crate::{Annotated, Desired, ObjectKey, Observed, OwnerRef, Shape, TargetDigest, revision};

/// What the target shall be, whatever it is now: kept with the change, so that the live Secret
/// can be judged by it when the cache was behind.
#[derive(Clone)]
pub struct Intent {
    /// The ExternalSecret.
    pub owner: ObjectKey,
    /// Its UID.
    pub owner_uid: Arc<str>,
    /// Name of the Secret.
    pub target: Arc<str>,
    /// Who owns the Secret and whether it is made.
    pub policy: CreationPolicy,
    /// Whether the Secret is made immutable.
    pub immutable: bool,
    /// Field manager of the write.
    pub manager: Arc<str>,
    /// Our keys and values.
    pub data: BTreeMap<String, SecretValue>,
    /// Values as ESO renders them, where ESO loses precision: they count as equal.
    pub legacy: BTreeMap<String, SecretValue>,
    /// Labels, without those that have a meaning to us.
    pub labels: BTreeMap<String, String>,
    /// Annotations, without those that have a meaning to us.
    pub annotations: BTreeMap<String, String>,
    /// Type that a template asks for.
    pub type_: Option<String>,
    /// Finalizers that a template asks for: added, never removed.
    pub finalizers: Vec<String>,
    /// Hash of the owner's `namespace/name`, for the created-by label.
    pub created_by: DataHash,
    /// Whether the ExternalSecret changed since it was last synced.
    pub edited: bool,
    /// Whether the values are to be written a single time (refreshPolicy CreatedOnce).
    pub once: bool,
}

impl fmt::Debug for Intent {
    /// Templates put values of the backend into labels and annotations too, so names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent")
            .field("owner", &self.owner)
            .field("target", &self.target)
            .field("policy", &self.policy)
            .field("data", &self.data)
            .field("labels", &self.labels.keys())
            .field("annotations", &self.annotations.keys())
            .field("type", &self.type_)
            .finish_non_exhaustive()
    }
}

impl Intent {
    pub(crate) fn new(desired: &Desired, observed: &Observed) -> Self {
        let meta = &observed.object.metadata;
        let target = &observed.object.spec.target;
        // With a template its metadata alone counts; without one, that of the ExternalSecret.
        let shape = match (&target.template, &desired.shape) {
            (_, Some(shape)) => shape.clone(),
            (Some(_), None) => Shape::default(),
            (None, None) => Shape {
                labels: meta.labels.clone().unwrap_or_default(),
                annotations: meta.annotations.clone().unwrap_or_default(),
                ..Shape::default()
            },
        };
        let without_ours = |mut map: BTreeMap<String, String>| {
            for name in [
                names::MANAGED_LABEL,
                names::CREATED_BY_LABEL,
                names::DATA_HASH_ANNOTATION,
            ] {
                map.remove(name);
            }
            map
        };
        Self {
            owner: observed.key.clone(),
            owner_uid: observed.uid().into(),
            target: observed.target_name().into(),
            policy: target.creation_policy,
            immutable: target.immutable,
            manager: super::field_manager(&observed.key.name).into(),
            data: desired.data.clone(),
            legacy: desired.legacy.clone(),
            labels: without_ours(shape.labels),
            annotations: without_ours(shape.annotations),
            type_: shape.type_.filter(|text| !text.is_empty()),
            finalizers: shape.finalizers,
            created_by: super::text_hash(&observed.key.to_string()),
            edited: observed.synced_revision() != Some(&*revision(&observed.object)),
            once: observed.object.spec.refresh_policy == Some(RefreshPolicy::CreatedOnce),
        }
    }

    /// Whether an earlier life of the process made the Secret for this very object and ended before
    /// the status said so: what was drawn then is not drawn again (P8).
    fn is_made(&self, digest: &TargetDigest) -> bool {
        let mine = |(_, owner): (usize, &OwnerRef)| *owner.uid == *self.owner_uid;
        self.once
            && !self.owner_uid.is_empty()
            && digest.managed
            && digest.annotated == Annotated::Hash(digest.hash)
            && digest.created_by == Annotated::Hash(self.created_by)
            && digest.controller().is_some_and(mine)
    }

    /// Whether keys of others stay beside ours.
    pub(super) fn keeps_foreign_keys(&self) -> bool {
        matches!(
            self.policy,
            CreationPolicy::Merge | CreationPolicy::CreateOrMerge
        )
    }

    /// Hash of our data alone.
    pub(crate) fn hash(&self) -> DataHash {
        DataHash::of((self.data.iter()).map(|(key, value)| (key.as_str(), value.expose())))
    }

    /// Whether `hash` is that of our data as ESO renders it.
    pub(super) fn is_legacy(&self, hash: DataHash) -> bool {
        !self.legacy.is_empty()
            && hash
                == DataHash::of((self.data.iter()).map(|(key, value)| {
                    let value = self.legacy.get(key).unwrap_or(value);
                    (key.as_str(), value.expose())
                }))
    }

    /// By the digest alone, as far as it can tell.
    pub(super) fn action(self: &Arc<Self>, digest: Option<&TargetDigest>) -> Action {
        match (self.policy, digest) {
            (CreationPolicy::None, _) => Action::Nothing(Why::PolicyNone),
            // The watch does not see a Secret that nobody has labelled yet.
            (CreationPolicy::Merge, None) => Action::Merge(Arc::clone(self)),
            (_, None) => self.action_when_absent(),
            (_, Some(digest)) => {
                if let Err(refusal) = ownership::may_write(self, digest) {
                    return Action::Refuse(refusal);
                }
                if self.is_made(digest) {
                    return Action::Nothing(Why::Made);
                }
                if self.keeps_foreign_keys() && !self.immutable {
                    return Action::Merge(Arc::clone(self));
                }
                self.replace(digest)
            }
        }
    }

    pub(super) fn action_when_absent(self: &Arc<Self>) -> Action {
        match self.policy {
            CreationPolicy::None => Action::Nothing(Why::PolicyNone),
            CreationPolicy::Merge => Action::Nothing(Why::TargetMissing),
            CreationPolicy::Owner | CreationPolicy::Orphan | CreationPolicy::CreateOrMerge => {
                Action::Create(Arc::clone(self))
            }
        }
    }

    pub(super) fn action_on_live(self: &Arc<Self>, digest: &TargetDigest, live: &Secret) -> Action {
        if self.policy == CreationPolicy::None {
            return Action::Nothing(Why::PolicyNone);
        }
        if let Err(refusal) = ownership::may_write(self, digest) {
            return Action::Refuse(refusal);
        }
        if self.is_made(digest) {
            Action::Nothing(Why::Made)
        } else if self.keeps_foreign_keys() && !self.immutable {
            self.merge_into(digest, live)
        } else {
            self.replace(digest)
        }
    }

    /// Our data replaces what is there.
    fn replace(self: &Arc<Self>, digest: &TargetDigest) -> Action {
        let keeps = self.immutable || self.is_legacy(digest.hash);
        let hash = if keeps { digest.hash } else { self.hash() };
        let data = (hash != digest.hash).then(|| vec![update::Op::DataWhole]);
        self.update(digest, hash, data)
    }

    /// Our keys come in, those we own and no longer want go, those of others stay.
    fn merge_into(self: &Arc<Self>, digest: &TargetDigest, live: &Secret) -> Action {
        let empty = BTreeMap::new();
        let live = live.data.as_ref().unwrap_or(&empty);
        let stale = |key: &str| {
            !self.data.contains_key(key)
                && (digest.keys.iter())
                    .any(|field| *field.name == *key && digest.owns(&self.manager, field))
        };
        let wanted = |key: &str, value: &SecretValue| match live.get(key) {
            None => true,
            Some(old) if old.0 == value.expose() => false,
            Some(old) => (self.legacy.get(key)).is_none_or(|legacy| legacy.expose() != old.0),
        };
        let mut union: BTreeMap<&str, &[u8]> = (live.iter())
            .filter(|(key, _)| !stale(key))
            .map(|(key, value)| (key.as_str(), value.0.as_slice()))
            .collect();
        let mut ops: Vec<update::Op> = (live.keys().filter(|key| stale(key)))
            .map(|key| update::Op::DataRemove(key.clone()))
            .collect();
        for (key, value) in self.data.iter().filter(|(key, value)| wanted(key, value)) {
            union.insert(key, value.expose());
            ops.push(update::Op::DataKey(key.clone()));
        }
        if !digest.has_data && !ops.is_empty() {
            ops.insert(0, update::Op::DataEmpty);
        }
        let hash = DataHash::of(union);
        self.update(digest, hash, (!ops.is_empty()).then_some(ops))
    }

    /// The API server refuses to change the type of a Secret, whatever else is written.
    fn retype(&self, digest: &TargetDigest) -> Option<SyncError> {
        let wanted = self.type_.as_deref()?;
        let found = digest.type_.as_deref().unwrap_or("Opaque");
        if wanted == found || self.immutable {
            return None;
        }
        let lead = if digest.immutable {
            names::MSG_IMMUTABLE
        } else {
            names::MSG_UPDATE
        };
        Some(SyncError::defect(
            lead,
            format!(
                "Secret {:?} has type {found:?} and spec.target.template.type asks for {wanted:?}: \
                 the type of a Secret cannot be changed; delete the Secret, or set the type back",
                self.target
            ),
        ))
    }

    /// One patch for data and metadata, or nothing when all is equal.
    fn update(
        self: &Arc<Self>,
        digest: &TargetDigest,
        hash: DataHash,
        data: Option<Vec<update::Op>>,
    ) -> Action {
        if let Some(refusal) = self.retype(digest) {
            return Action::Refuse(refusal);
        }
        if data.is_some() && digest.immutable {
            return Action::Refuse(SyncError::defect(
                names::MSG_IMMUTABLE,
                format!(
                    "Secret {:?} is immutable and its values changed",
                    self.target
                ),
            ));
        }
        let mut ops = data.unwrap_or_default();
        update::metadata(self, digest, hash, &mut ops);
        if ops.is_empty() {
            return Action::Nothing(Why::Equal);
        }
        Action::Update(update::UpdateSecret {
            intent: Arc::clone(self),
            uid: (*digest.uid).into(),
            resource_version: (*digest.resource_version).into(),
            hash,
            ops,
        })
    }

    /// What the change would take from the Secret because the backend lacks it.
    pub(super) fn removal(
        &self,
        digest: &TargetDigest,
        missing: &[MissingEntry],
    ) -> Option<Removal> {
        if self.immutable || self.policy == CreationPolicy::None {
            return None;
        }
        if self.edited && missing.is_empty() {
            return None;
        }
        let replaces = !self.keeps_foreign_keys() && !missing.is_empty();
        let keys = (digest.keys.iter())
            .filter(|field| !self.data.contains_key(&*field.name))
            .filter(|field| replaces || digest.owns(&self.manager, field))
            .count();
        (keys > 0).then(|| Removal {
            keys,
            whole: false,
            confirmed: missing.iter().all(|entry| entry.confirmed),
        })
    }

    /// Secrets of an older target name: deleted under creationPolicy Owner alone, and only those
    /// that this ExternalSecret controls.
    pub(super) fn orphans(&self, observed: &Observed) -> Vec<Orphan> {
        if self.policy != CreationPolicy::Owner {
            return Vec::new();
        }
        (observed.orphans.iter())
            .filter(|digest| *digest.name != *self.target)
            .filter(|digest| digest.created_by == Annotated::Hash(self.created_by))
            .filter(|digest| ownership::is_ours(self, digest))
            .map(|digest| Orphan(Precondition::of(digest)))
            .collect()
    }
}
