//! Pure. What a write may say, what the server takes over, and what counts as a change.

use serde_json::Value;

use crate::engine::admit::complete;
use crate::engine::error::{ApiError, Result};
use crate::engine::registry::Registry;
use crate::engine::resource::{Builtin, Resource};
use crate::engine::{Call, crd, meta, store};

/// Fields of the metadata that only the server sets.
const SYSTEM: [&str; 4] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Gives a new object what every new object has, and takes away what only the server sets.
pub(super) fn begin(resource: &Resource, version: usize, object: &mut Value, time: &str) {
    for key in SYSTEM {
        meta::remove(object, key);
    }
    meta::remove(object, "selfLink");
    if resource.versions[version].status
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    meta::set(object, "creationTimestamp", time);
    if matches!(resource.builtin, None | Some(Builtin::Crd)) {
        meta::set(object, "generation", 1);
    }
    match resource.builtin {
        Some(Builtin::Crd) => crd::complete(object),
        Some(builtin) => complete(builtin, object, None),
        None => {}
    }
}

/// The refusal of a PUT for an object of another uid; without an object, its own is empty.
pub(super) fn wrong_uid(call: &Call<'_>, registry: &Registry, uid: &str, own: &str) -> ApiError {
    let resource = &call.resource;
    // Built-in objects lie at the root of etcd, under the resource that is stored.
    let stored = resource.builtin.and_then(|b| registry.by_builtin(b));
    let plural = stored.map_or(&resource.plural, |r| &r.plural);
    let path = if resource.typed() {
        ""
    } else {
        resource.group.as_str()
    };
    let object = store::key(&call.target.namespace, &call.target.name);
    let key = [path, plural, &object].join("/");
    let key = key.trim_start_matches('/');
    // Nearer to etcd, where a dry run does not come, keys have a root.
    let root = if call.dry { "" } else { "/registry" };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {root}/{key}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object \
         meta: {own}"
    );
    ApiError::conflict(resource.named(), &call.target.name, &why)
}

/// Drops owners that stand twice, and says so.
pub(super) fn single_owners(call: &mut Call<'_>, object: &mut Value) {
    let Some(owners) = object["metadata"]["ownerReferences"].as_array() else {
        return;
    };
    let mut kept: Vec<Value> = Vec::new();
    let mut repeated: Vec<&str> = Vec::new();
    for owner in owners {
        if !kept.contains(owner) {
            kept.push(owner.clone());
        } else if let Some(uid) = owner["uid"].as_str().filter(|uid| !repeated.contains(uid)) {
            repeated.push(uid);
        }
    }
    if !repeated.is_empty() {
        // A patch is looked at once only, and late.
        let when = match call.request.method {
            http::Method::PATCH => " after mutating admission happens",
            _ => "",
        };
        call.warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner \
             references in 1.20+, and may reject such requests as early as 1.24; please fix your \
             requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        ));
        meta::set(object, "ownerReferences", kept);
    }
}

/// Warns of new finalizers of custom resources that are nobody's domain.
pub(super) fn warn_of_finalizers(call: &mut Call<'_>, new: &Value, old: Option<&Value>) {
    if call.resource.typed() {
        return;
    }
    let before = old.map(meta::finalizers).unwrap_or_default();
    for name in meta::finalizers(new) {
        let standard = matches!(name, "orphan" | "foregroundDeletion" | "kubernetes");
        if !standard && !name.contains('/') && !before.contains(&name) {
            call.warnings.push(format!(
                "metadata.finalizers: \"{name}\": prefer a domain-qualified finalizer name to \
                 avoid accidental conflicts with other finalizer writers"
            ));
        }
    }
}

/// Makes name and namespace those of the request's path, or refuses.
pub(super) fn place(call: &Call<'_>, object: &mut Value) -> Result<()> {
    if call.resource.namespaced {
        let sent = meta::text(object, "namespace");
        if sent.is_empty() {
            meta::set(object, "namespace", call.target.namespace.as_str());
        } else if sent != call.target.namespace {
            let text = "the namespace of the provided object does not match the namespace sent \
                        on the request";
            return Err(ApiError::bad_request(text));
        }
    } else {
        meta::remove(object, "namespace");
    }
    let (sent, asked) = (meta::text(object, "name"), call.target.name.as_str());
    if asked.is_empty() || sent == asked {
        return Ok(());
    }
    if sent.is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({asked} based on URL) was undeterminable: name must be \
             provided"
        )));
    }
    Err(ApiError::bad_request(format!(
        "the name of the object ({sent}) does not match the name on the URL ({asked})"
    )))
}

/// Puts back what this request may not change.
pub(super) fn restore(call: &Call<'_>, new: &mut Value, old: &Value) {
    for key in SYSTEM.iter().chain(&["generation", "generateName"]) {
        // A change of these is refused, not undone; but what is going goes, whatever is sent.
        let refused = match *key {
            "uid" => true,
            "deletionTimestamp" | "deletionGracePeriodSeconds" => !meta::terminating(old),
            _ => false,
        };
        let sent = new["metadata"].get(*key);
        let sent = refused && sent.is_some_and(|v| !v.is_null() && v != "");
        let keep = *key != "generateName" && !sent;
        match old["metadata"].get(*key).filter(|_| keep) {
            Some(value) => meta::set(new, key, value.clone()),
            None if keep => {
                meta::remove(new, key);
            }
            None => {}
        }
    }
    meta::remove(new, "selfLink");
    let version = &call.resource.versions[call.version];
    let copy = |new: &mut Value, key: &str| match old.get(key) {
        Some(value) => new[key] = value.clone(),
        None => {
            if let Some(map) = new.as_object_mut() {
                map.remove(key);
            }
        }
    };
    match call.target.subresource.as_str() {
        "status" => {
            let status = new.get("status").cloned();
            let tracked = new["metadata"].get("managedFields").cloned();
            *new = old.clone();
            copy_or_remove(new, "status", status);
            if let Some(tracked) = tracked {
                meta::set(new, "managedFields", tracked);
            }
        }
        "finalize" => {
            let finalizers = new["spec"]["finalizers"].as_array().cloned();
            let finalizers = finalizers.filter(|list| !list.is_empty());
            new["spec"] = serde_json::json!({});
            copy_or_remove(&mut new["spec"], "finalizers", finalizers.map(Value::Array));
            copy(new, "status");
            complete(Builtin::Namespace, new, None);
        }
        _ => {
            if version.status {
                copy(new, "status");
            }
            match call.resource.builtin {
                Some(Builtin::Crd) | None => {}
                Some(builtin) => complete(builtin, new, Some(old)),
            }
        }
    }
    meta::set(new, "resourceVersion", meta::text(old, "resourceVersion"));
}

/// What a request asked for, where more is owned than is taken over; none where both are one.
/// `sent` is its metadata, `sent_spec` its spec, both before they were put right.
pub(super) fn asked(
    call: &Call<'_>,
    new: &Value,
    old: &Value,
    sent: &Value,
    sent_spec: Option<Value>,
) -> Option<Value> {
    let subresource = call.target.subresource.as_str();
    let keys: &[&str] = match subresource {
        "status" if !call.resource.typed() => {
            &["labels", "annotations", "finalizers", "ownerReferences"]
        }
        "" if meta::terminating(old) => &["deletionTimestamp"],
        _ => &[],
    };
    let namespace = call.resource.builtin == Some(Builtin::Namespace) && subresource.is_empty();
    if keys.is_empty() && !namespace {
        return None;
    }
    let mut asked = new.clone();
    for key in keys {
        copy_or_remove(&mut asked["metadata"], key, sent.get(key).cloned());
    }
    if namespace {
        // What is left out of the spec is nobody's any more, though it stays.
        copy_or_remove(&mut asked, "spec", sent_spec);
    }
    Some(asked)
}

pub(super) fn copy_or_remove(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(map) = object.as_object_mut() {
        match value {
            Some(value) => map.insert(key.to_owned(), value),
            None => map.remove(key),
        };
    }
}

/// Counts a change of the desired state.
pub(super) fn generation(resource: &Resource, version: usize, new: &mut Value, old: &Value) {
    if !matches!(resource.builtin, None | Some(Builtin::Crd)) {
        return;
    }
    let status = resource.versions[version].status;
    let skip = |key: &str| key == "metadata" || (status && key == "status");
    if !equal_beside(new, old, skip) {
        meta::set(new, "generation", meta::generation(old) + 1);
    }
}

/// Whether two objects are equal, some of their fields left out.
fn equal_beside(new: &Value, old: &Value, skip: impl Fn(&str) -> bool) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
        return new == old;
    };
    let mut names = new.keys().chain(old.keys()).filter(|name| !skip(name));
    names.all(|name| new.get(name) == old.get(name))
}

/// Whether a write would change nothing; times of managedFields do not count.
pub(super) fn same(new: &Value, old: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut metadata = object["metadata"].clone();
        if let Some(list) = metadata["managedFields"].as_array_mut() {
            for entry in list.iter_mut().filter_map(Value::as_object_mut) {
                entry.remove("time");
            }
        }
        if let Some(map) = metadata.as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
        metadata
    };
    equal_beside(new, old, |key| key == "metadata") && timeless(new) == timeless(old)
}
