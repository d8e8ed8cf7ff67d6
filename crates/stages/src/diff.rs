//! Pure. Desired against observed: what to write, or why nothing.

mod hash;
mod intent;
mod ownership;
#[cfg(test)]
mod tests;
mod update;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use tidegate_api::{CreationPolicy, DeletionPolicy, names};

use crate::outcome::{
    Again, Applied, ApplyFailure, MissingEntry, Outcome, Ready, SyncError, Synced,
};
use crate::{Annotated, Desired, Observed, Rendered, Shape, TargetDigest};
pub use hash::{DataHash, text_hash};
pub(crate) use hash::{field_manager, metadata_hash};
pub use intent::Intent;
pub use update::UpdateSecret;
pub(crate) use update::{Op, OwnerAt};

/// What to write, with everything that follows from it. The shell obeys and decides nothing.
#[derive(Debug, Clone)]
pub struct Change {
    /// What to do with the target.
    pub action: Action,
    /// Secrets to delete once the action is done.
    pub orphans: Vec<Orphan>,
    /// What the condition says when all went well.
    pub ready: Ready,
    /// Entries that the backend lacks.
    pub missing: Vec<MissingEntry>,
    /// Set when the change takes something away because the backend lacks it.
    pub removal: Option<Removal>,
}

/// What to do with the target.
#[derive(Debug, Clone)]
pub enum Action {
    /// POST [`Intent::create_body`]. On AlreadyExists: GET, then [`merge`].
    Create(Arc<Intent>),
    /// PATCH [`UpdateSecret::patch_body`].
    Update(UpdateSecret),
    /// GET the target, then [`merge`]: the hash covers keys of others as well.
    Merge(Arc<Intent>),
    /// DELETE under the precondition.
    Delete(Precondition),
    /// Nothing.
    Nothing(Why),
    /// Nothing, and say why.
    Refuse(SyncError),
}

/// Why nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The target equals what is desired.
    Equal,
    /// refreshPolicy CreatedOnce, and it was made before.
    Made,
    /// creationPolicy None.
    PolicyNone,
    /// creationPolicy Merge and no Secret of that name.
    TargetMissing,
    /// Nothing was found and the policy is Retain.
    Retained,
    /// Nothing was found, the policy is Delete, and the Secret is gone already.
    AlreadyGone,
    /// A removal that a second look has to confirm.
    AbsenceUnconfirmed,
}

/// The one version of a Secret that a delete may hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Arc<str>,
    /// Its version.
    pub resource_version: Arc<str>,
}

impl Precondition {
    /// The version that was digested.
    #[must_use]
    pub fn of(digest: &TargetDigest) -> Self {
        Self {
            name: (*digest.name).into(),
            uid: (*digest.uid).into(),
            resource_version: (*digest.resource_version).into(),
        }
    }
}

/// A Secret of an older target name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan(pub Precondition);

/// What a change takes away because the backend lacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Keys that go.
    pub keys: usize,
    /// Whether the whole Secret goes.
    pub whole: bool,
    /// Whether every absence behind it is confirmed (P1).
    pub confirmed: bool,
}

/// Decides what to write.
///
/// # Guarantees
/// A Secret that exists loses a key, or goes, only on confirmed absence or because the
/// ExternalSecret itself asks for less. A Secret that another object controls is never touched.
#[must_use]
pub fn diff(rendered: &Rendered, observed: &Observed) -> Change {
    match rendered {
        Rendered::Empty { missing } => empty(missing, observed),
        Rendered::Secret(desired) => {
            let intent = Arc::new(Intent::new(desired, observed));
            let digest = observed.target.digest();
            let removal = digest.and_then(|digest| intent.removal(digest, &desired.missing));
            let action = match removal {
                Some(removal) if !removal.confirmed => Action::Nothing(Why::AbsenceUnconfirmed),
                _ => intent.action(digest),
            };
            // The old Secret stays as long as the new one is not what it shall be.
            let waits = matches!(
                action,
                Action::Refuse(_) | Action::Nothing(Why::AbsenceUnconfirmed)
            );
            let orphans = if waits {
                Vec::new()
            } else {
                intent.orphans(observed)
            };
            Change {
                action,
                orphans,
                ready: Ready::Synced,
                missing: desired.missing.clone(),
                removal,
            }
        }
    }
}

/// Decides again with the live Secret: for the Merge kinds, and after AlreadyExists.
///
/// Never answers [`Action::Merge`].
#[must_use]
pub fn merge(intent: &Arc<Intent>, live: Option<&Secret>) -> Action {
    match live {
        None => intent.action_when_absent(),
        Some(live) => {
            let digest = TargetDigest::for_manager(live, &intent.manager);
            intent.action_on_live(&digest, live)
        }
    }
}

/// Whether this ExternalSecret controls the Secret and is named in its created-by label.
pub(crate) fn is_owned(observed: &Observed, digest: &TargetDigest) -> bool {
    let controls =
        (digest.controller()).is_some_and(|(_, owner)| ownership::means(owner, &observed.key.name));
    controls && digest.created_by == Annotated::Hash(text_hash(&observed.key.to_string()))
}

/// Whether labels, annotations or owner differ from what the ExternalSecret asks for.
pub(crate) fn metadata_differs(observed: &Observed, digest: &TargetDigest) -> bool {
    let desired = Desired {
        shape: match &observed.object.spec.target.template {
            None => None,
            // What a template makes of a value is not known before it is rendered.
            Some(template) => match Shape::fixed(template, &observed.config.templates) {
                None => return false,
                shape => shape,
            },
        },
        ..Desired::default()
    };
    let intent = Intent::new(&desired, observed);
    let mut ops = Vec::new();
    update::metadata(&intent, digest, digest.hash, &mut ops);
    !ops.is_empty()
}

/// The backend has nothing at all for this object.
fn empty(missing: &[MissingEntry], observed: &Observed) -> Change {
    let target = &observed.object.spec.target;
    let mut change = Change {
        action: Action::Nothing(Why::Retained),
        orphans: Vec::new(),
        ready: Ready::Retained,
        missing: missing.to_vec(),
        removal: None,
    };
    if target.deletion_policy != DeletionPolicy::Delete {
        return change;
    }
    change.ready = Ready::Deleted;
    if target.creation_policy != CreationPolicy::Owner {
        change.action = Action::Refuse(SyncError::defect(
            names::MSG_DELETE,
            "deletionPolicy=Delete needs creationPolicy=Owner",
        ));
        return change;
    }
    let Some(digest) = observed.target.digest() else {
        change.action = Action::Nothing(Why::AlreadyGone);
        return change;
    };
    if let Err(refusal) = ownership::may_delete(digest, observed) {
        change.action = Action::Refuse(refusal);
        return change;
    }
    let confirmed = missing.iter().all(|entry| entry.confirmed);
    change.removal = Some(Removal {
        keys: digest.keys.len(),
        whole: true,
        confirmed,
    });
    change.action = if confirmed {
        Action::Delete(Precondition::of(digest))
    } else {
        Action::Nothing(Why::AbsenceUnconfirmed)
    };
    change
}

impl Change {
    /// What happened, from what the API server did.
    #[must_use]
    pub fn conclude(&self, result: Result<Applied, ApplyFailure>) -> Outcome {
        if let Action::Refuse(error) = &self.action {
            return Outcome::Failed(error.clone());
        }
        if matches!(self.action, Action::Nothing(Why::AbsenceUnconfirmed)) {
            return Outcome::Again(Again::AbsenceUnconfirmed);
        }
        let (lead, public, kind) = match result {
            Ok(applied) => return Outcome::Synced(self.synced(applied)),
            Err(ApplyFailure::Conflict) => return Outcome::Again(Again::Conflict),
            Err(ApplyFailure::Refused(error)) => return Outcome::Failed(error),
            Err(ApplyFailure::Orphan { public, kind }) => {
                (names::MSG_DELETE_ORPHANED, public, kind)
            }
            Err(ApplyFailure::Write { public, kind }) => match self.action {
                Action::Delete(_) => (names::MSG_DELETE, public, kind),
                _ => (names::MSG_UPDATE, public, kind),
            },
        };
        Outcome::Failed(SyncError::failure(lead, public, kind))
    }

    fn synced(&self, applied: Applied) -> Synced {
        let why = match &self.action {
            Action::Nothing(why) => Some(*why),
            _ => applied.nothing,
        };
        Synced {
            ready: match why {
                Some(Why::TargetMissing) => Ready::Missing,
                _ => self.ready,
            },
            written: applied.written,
            missing: self.missing.clone(),
            orphans_deleted: applied.orphans_deleted,
        }
    }
}
