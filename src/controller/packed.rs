//! Pure. An ExternalSecret as the world keeps it: encoded, since many are known, few looked at.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tidegate_api::ExternalSecret;
use tidegate_stages::ObjectKey;

/// One ExternalSecret, encoded: a tenth of the memory of the typed object.
#[derive(Debug)]
pub struct Packed {
    json: Box<[u8]>,
    wish: u64,
    life: u64,
}

impl Packed {
    /// Encodes `object`.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no decoded object has been seen to do.
    pub fn new(object: &ExternalSecret) -> Result<Self, serde_json::Error> {
        Ok(Self {
            json: serde_json::to_vec(object)?.into_boxed_slice(),
            wish: wish(object),
            life: digest(&object.metadata.uid),
        })
    }

    /// The object again.
    ///
    /// # Errors
    /// When what [`Packed::new`] wrote does not decode.
    pub fn open(&self) -> Result<Arc<ExternalSecret>, serde_json::Error> {
        serde_json::from_slice(&self.json).map(Arc::new)
    }

    /// Whether both ask for the same: they may differ in what a mere status write changes.
    #[must_use]
    pub fn asks_as(&self, other: &Self) -> bool {
        self.wish == other.wish
    }

    /// Whether both are one object, and not one that was made again under the name of another.
    #[must_use]
    pub fn is_same_life(&self, other: &Self) -> bool {
        self.life == other.life
    }
}

fn digest(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Digests everything of an object that its user, and not a controller's status write, changes.
fn wish(object: &ExternalSecret) -> u64 {
    let meta = &object.metadata;
    let mut hasher = DefaultHasher::new();
    meta.uid.hash(&mut hasher);
    meta.generation.hash(&mut hasher);
    meta.labels.hash(&mut hasher);
    meta.annotations.hash(&mut hasher);
    meta.finalizers.hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}

/// Name of the Secret that `object` makes; the very same text as the object's name where it is.
#[must_use]
pub fn target_of(key: &ObjectKey, object: &ExternalSecret) -> Arc<str> {
    match object.spec.target.name.as_deref() {
        Some(name) if !name.is_empty() && *name != *key.name => name.into(),
        _ => Arc::clone(&key.name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object() -> Value {
        json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "generation": 3, "resourceVersion": "7",
                "labels": {"l": "1"}, "annotations": {"a": "ü\n"}, "finalizers": ["f"],
                "creationTimestamp": "2026-01-02T03:04:05Z",
            },
            "spec": {
                "refreshInterval": "1h", "refreshPolicy": "Periodic",
                "secretStoreRef": {"name": "s", "kind": "ClusterSecretStore"},
                "target": {"name": "t", "template": {"data": {"x": "{{ .y }}"}, "engineVersion": "v2"}},
                "data": [{"secretKey": "k", "remoteRef": {"key": "r", "property": "p.q"}}],
                "dataFrom": [{"extract": {"key": "e"}, "rewrite": [{"regexp": {"source": "a", "target": "b"}}]}],
            },
            "status": {"refreshTime": "2026-01-02T03:04:05Z", "syncedResourceVersion": "3-x",
                "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced",
                    "message": "secret synced", "lastTransitionTime": "2026-01-02T03:04:05Z"}]},
        })
    }

    fn typed(value: Value) -> ExternalSecret {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_packed_opens_as_it_was() {
        let object = typed(object());
        let opened = Packed::new(&object).unwrap().open().unwrap();
        assert_eq!(opened.metadata, object.metadata);
        assert_eq!(
            (&opened.spec, &opened.status),
            (&object.spec, &object.status)
        );
    }

    #[test]
    fn only_what_the_user_changes_is_another_wish() {
        let base = Packed::new(&typed(object())).unwrap();
        let same = |path: &str, value: Value| {
            let mut changed = object();
            *changed.pointer_mut(path).unwrap() = value;
            base.asks_as(&Packed::new(&typed(changed)).unwrap())
        };
        assert!(same("/status/refreshTime", json!("2026-05-02T03:04:05Z")));
        assert!(same("/metadata/resourceVersion", json!("8")));
        for (path, value) in [
            ("/metadata/uid", json!("v")),
            ("/metadata/generation", json!(4)),
            ("/metadata/labels", json!({"l": "2"})),
            ("/metadata/annotations", json!({"force-sync": "1"})),
            ("/metadata/finalizers", json!([])),
        ] {
            assert!(!same(path, value), "{path}");
        }
        let mut deleted = object();
        deleted["metadata"]["deletionTimestamp"] = json!("2026-05-02T03:04:05Z");
        assert!(!base.asks_as(&Packed::new(&typed(deleted)).unwrap()));
    }

    #[test]
    fn a_target_without_a_name_shares_the_objects_own() {
        let key = ObjectKey::new("n", "a");
        let mut value = object();
        assert_eq!(&*target_of(&key, &typed(value.clone())), "t");
        for name in [json!(""), json!("a"), Value::Null] {
            value["spec"]["target"]["name"] = name;
            let target = target_of(&key, &typed(value.clone()));
            assert!(Arc::ptr_eq(&target, &key.name));
        }
    }
}
