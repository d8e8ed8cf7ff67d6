//! Shell. Statuses that were handed over to be written and that the watch has not shown yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tidegate_api::{ExternalSecret, ExternalSecretStatus};
use tidegate_stages::{ObjectKey, Observed};

use super::context::lock;

/// What is on its way to each object, with the object's UID.
///
/// A decision compares with what was told last, not with what the watch shows: between the two, a
/// failure that is over before its status has come back would otherwise find the old good status,
/// write nothing, and leave the late bad one to stand.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashMap<ObjectKey, (Arc<str>, ExternalSecretStatus)>>);

impl Told {
    /// Takes note of a status that is handed over.
    pub fn tell(&self, observed: &Observed, status: &ExternalSecretStatus) {
        let told = (observed.uid().into(), status.clone());
        lock(&self.0).insert(observed.key.clone(), told);
    }

    /// The watch shows the object: what was told has come back, or belongs to another object.
    pub fn shown(&self, key: &ObjectKey, object: &ExternalSecret) {
        let mut all = lock(&self.0);
        let Some((uid, told)) = all.get(key) else {
            return;
        };
        let same = object.metadata.uid.as_deref() == Some(&**uid);
        if !same || object.status.as_ref() == Some(told) {
            all.remove(key);
        }
    }

    /// Puts what was told in the place of what the watch has shown.
    pub fn replace(&self, observed: &mut Observed) {
        let all = lock(&self.0);
        let Some((uid, told)) = all.get(&observed.key) else {
            return;
        };
        if observed.uid() == &**uid && observed.object.status.as_ref() != Some(told) {
            Arc::make_mut(&mut observed.object).status = Some(told.clone());
        }
    }

    /// The object is gone.
    pub fn forget(&self, key: &ObjectKey) {
        lock(&self.0).remove(key);
    }
}
