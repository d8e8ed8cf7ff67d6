//! Pure. An ExternalSecret that is being deleted.

use std::sync::Arc;

use tidegate_api::{DeletionPolicy, names};

use super::{Cleanup, DropFinalizer, Plan};
use crate::outcome::IdleReason;
use crate::{Observed, Precondition};

/// Deletes the target under deletionPolicy Delete when its controller is this very object (by
/// UID), and drops the finalizer that ESO left. The ownerReference does the rest.
pub(super) fn plan(observed: &Observed) -> Plan {
    let policy = observed.object.spec.target.deletion_policy;
    let delete = (observed.target.digest())
        .filter(|_| policy == DeletionPolicy::Delete)
        .filter(|digest| {
            let uid = observed.uid();
            !uid.is_empty()
                && digest
                    .controller()
                    .is_some_and(|(_, owner)| *owner.uid == *uid)
        })
        .map(Precondition::of);
    let meta = &observed.object.metadata;
    let drop_finalizer = (meta.finalizers.iter().flatten())
        .position(|finalizer| finalizer == names::ESO_FINALIZER)
        .map(|position| DropFinalizer {
            position,
            resource_version: meta.resource_version.as_deref().unwrap_or_default().into(),
        });
    if delete.is_none() && drop_finalizer.is_none() {
        return Plan::Idle(IdleReason::Deleting);
    }
    Plan::Cleanup(Cleanup {
        delete,
        drop_finalizer,
    })
}

impl DropFinalizer {
    /// The JSON Patch; the API server refuses it when the list changed meanwhile.
    #[must_use]
    pub fn patch(&self) -> serde_json::Value {
        let path = format!("/metadata/finalizers/{}", self.position);
        let version: Arc<str> = Arc::clone(&self.resource_version);
        serde_json::json!([
            { "op": "replace", "path": "/metadata/resourceVersion", "value": &*version },
            { "op": "test", "path": path, "value": names::ESO_FINALIZER },
            { "op": "remove", "path": path },
        ])
    }
}
