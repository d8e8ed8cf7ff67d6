//! Pure. Who may write and delete a Secret that exists.

use tidegate_api::{CreationPolicy, names};

use super::Intent;
use crate::outcome::SyncError;
use crate::{Observed, OwnerRef, TargetDigest};

/// Whether the reference means this ExternalSecret: kind, group and name count, as they do for
/// ESO; the UID is mended with the next write.
pub(super) fn means(owner: &OwnerRef, name: &str) -> bool {
    owner.kind.is_none() && *owner.name == *name
}

/// Whether this ExternalSecret controls the Secret.
pub(super) fn is_ours(intent: &Intent, digest: &TargetDigest) -> bool {
    (digest.controller()).is_some_and(|(_, owner)| means(owner, &intent.owner.name))
}

/// Whether the Secret may be written under the intent's policy.
pub(super) fn may_write(intent: &Intent, digest: &TargetDigest) -> Result<(), SyncError> {
    let Some((_, owner)) = digest.controller() else {
        return Ok(());
    };
    if means(owner, &intent.owner.name) {
        return Ok(());
    }
    match &owner.kind {
        None => Err(SyncError::defect(
            names::MSG_OWNED,
            format!("Secret {:?} belongs to {:?}", intent.target, owner.name),
        )),
        Some(kind) if intent.policy == CreationPolicy::Owner => Err(SyncError::defect(
            names::MSG_OWNERSHIP,
            format!(
                "Secret {:?} belongs to {kind} {:?}",
                intent.target, owner.name
            ),
        )),
        Some(_) => Ok(()),
    }
}

/// Whether the Secret may be deleted because the backend has nothing: only when this very object
/// controls it. ESO deletes whatever stands under the name.
pub(super) fn may_delete(digest: &TargetDigest, observed: &Observed) -> Result<(), SyncError> {
    let name = observed.target_name();
    match digest.controller() {
        Some((_, owner)) if means(owner, &observed.key.name) => Ok(()),
        Some((_, owner)) if owner.kind.is_none() => Err(SyncError::defect(
            names::MSG_OWNED,
            format!("Secret {name:?} belongs to {:?}", owner.name),
        )),
        _ => Err(SyncError::defect(
            names::MSG_DELETE,
            format!("Secret {name:?} is not owned by this ExternalSecret"),
        )),
    }
}
