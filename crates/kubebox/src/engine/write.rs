//! Pure. CREATE and UPDATE: admission, validation, managedFields, optimistic concurrency.

use std::sync::Arc;

use serde_json::Value;

use super::admit::{complete, prepare, sent};
use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::managed::{Write, track};
use super::registry::Registry;
use super::resource::{Builtin, Resource};
use super::store::{self, Stored};
use super::validate::check_object;
use super::view::{typed, untyped};
use super::{Answer, Call, Engine, crd, meta};

/// Fields of the metadata that only the server sets.
const SYSTEM: [&str; 4] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

impl Engine {
    pub(crate) fn create(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let mut object = self.sent(call)?;
        self.decode(call, &mut object)?;
        let stored = self.create_object(call, object)?;
        Ok(self.answer(call, 201, &stored))
    }

    /// Stores a decoded object as a new one.
    pub(crate) fn create_object(
        &mut self,
        call: &mut Call<'_>,
        mut object: Value,
    ) -> Result<Arc<Stored>> {
        let resource = Arc::clone(&call.resource);
        if resource.terminating {
            let text = "create not allowed while custom resource definition is terminating";
            return Err(ApiError::not_while_terminating(text));
        }
        if meta::text(&object, "resourceVersion")
            .parse::<u64>()
            .is_ok_and(|v| v > 0)
        {
            let text = "resourceVersion should not be set on objects to be created";
            return Err(ApiError::internal(text));
        }
        let prefix = meta::text(&object, "generateName").to_owned();
        let named = match meta::text(&object, "name") {
            "" => prefix.as_str(),
            name => name,
        };
        self.namespace_takes_content(call, named)?;
        if meta::text(&object, "name").is_empty() && !prefix.is_empty() {
            meta::set(&mut object, "name", self.ids.name(&prefix));
        }
        let name = meta::text(&object, "name").to_owned();
        for key in SYSTEM {
            meta::remove(&mut object, key);
        }
        meta::remove(&mut object, "selfLink");
        meta::remove(&mut object, "generation");
        if resource.versions[call.version].status
            && let Some(map) = object.as_object_mut()
        {
            map.remove("status");
        }
        let time = meta::time(call.now);
        meta::set(&mut object, "creationTimestamp", time.as_str());
        let generated = matches!(resource.builtin, None | Some(Builtin::Crd));
        if generated {
            meta::set(&mut object, "generation", 1);
        }
        match resource.builtin {
            Some(Builtin::Crd) => crd::complete(&mut object),
            Some(builtin) => complete(builtin, &mut object, None),
            None => {}
        }
        check_object(&resource, call.version, &object, None, false)?;
        warn_of_finalizers(call, &object, None);
        meta::set(&mut object, "uid", self.ids.uid());
        let key = store::key(meta::text(&object, "namespace"), &name);
        if let Some(other) = self.store.table(resource.table).get(&key) {
            let going = other.meta.terminating;
            return Err(ApiError::already_exists(
                resource.named(),
                &name,
                going,
                !prefix.is_empty(),
            ));
        }
        meta::remove(&mut object, "managedFields");
        self.track(call, None, &mut object);
        prepare(resource.builtin, &mut object);
        if resource.builtin == Some(Builtin::Crd) {
            self.establish(&resource, &mut object, &time);
        }
        if call.dry {
            return Ok(Arc::new(self.encode_unstored(&resource, object)));
        }
        let stored = self.commit(&resource, object);
        self.after_write(&resource, &stored, call.now);
        Ok(stored)
    }

    /// PUT.
    pub(crate) fn update(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let mut new = self.sent(call)?;
        self.decode(call, &mut new)?;
        let creates = matches!(call.resource.builtin, Some(Builtin::Lease | Builtin::Event));
        let old = match self.stored(call) {
            Err(_) if creates => {
                let uid = meta::text(&new, "uid");
                if !uid.is_empty() {
                    return Err(wrong_uid(call, &self.registry, uid, ""));
                }
                let stored = self.create_object(call, new)?;
                return Ok(self.answer(call, 201, &stored));
            }
            other => other?,
        };
        let (uid, own) = (meta::text(&new, "uid"), &*old.meta.uid);
        if !uid.is_empty() && uid != own {
            return Err(wrong_uid(call, &self.registry, uid, own));
        }
        let unconditional = !matches!(
            call.resource.builtin,
            None | Some(Builtin::Crd | Builtin::Lease)
        );
        if meta::text(&new, "resourceVersion").is_empty() && !unconditional {
            let text = "must be specified for an update";
            let errors = [FieldError::invalid("metadata.resourceVersion", 0, text)];
            let kind = call.resource.named();
            return Err(ApiError::invalid(kind, &call.target.name, &errors));
        }
        let stored = self.replace(call, &old, new)?;
        Ok(self.answer(call, 200, &stored))
    }

    fn sent(&self, call: &mut Call<'_>) -> Result<Value> {
        let (object, repeated) = sent(call.request, &call.resource)?;
        call.repeated = repeated;
        Ok(object)
    }

    /// Makes a sent or patched object one of the resource, at the request's place.
    pub(crate) fn decode(&self, call: &mut Call<'_>, object: &mut Value) -> Result<()> {
        let resource = Arc::clone(&call.resource);
        let (version, strictness) = (call.version, call.strictness);
        let repeated = std::mem::take(&mut call.repeated);
        let warnings = &mut call.warnings;
        self.admit(&resource, version, object, strictness, &repeated, warnings)?;
        place(call, object)?;
        single_owners(call, object);
        Ok(())
    }

    /// Turns the stored object into a new one, as PUT and every PATCH do once it is decoded.
    pub(crate) fn replace(
        &mut self,
        call: &mut Call<'_>,
        stored: &Arc<Stored>,
        mut new: Value,
    ) -> Result<Arc<Stored>> {
        let resource = Arc::clone(&call.resource);
        let version = call.version;
        let name = call.target.name.clone();
        self.namespace_of(call)?;
        let old = typed(&resource, version, stored.value());
        let sent = meta::text(&new, "resourceVersion");
        if !sent.is_empty() && sent != meta::text(&old, "resourceVersion") {
            return Err(ApiError::stale(resource.named(), &name));
        }
        let sent = new["metadata"].clone();
        restore(call, &mut new, &old);
        let status = call.target.subresource == "status";
        generation(&resource, version, &mut new, &old);
        if resource.builtin == Some(Builtin::Crd) && !status {
            crd::complete(&mut new);
            crd::establish(&mut new, &meta::time(call.now));
        }
        check_object(&resource, version, &new, Some(&old), status)?;
        warn_of_finalizers(call, &new, Some(&old));
        if status && !resource.typed() {
            // What the request says of the metadata is owned, though it is not taken over.
            let mut wished = new.clone();
            for key in ["labels", "annotations", "finalizers", "ownerReferences"] {
                copy_or_remove(&mut wished["metadata"], key, sent.get(key).cloned());
            }
            self.track(call, Some(&old), &mut wished);
            let tracked = wished["metadata"].get("managedFields").cloned();
            copy_or_remove(&mut new["metadata"], "managedFields", tracked);
        } else {
            self.track(call, Some(&old), &mut new);
        }
        let finished = meta::terminating(&new)
            && meta::finalizers(&new).is_empty()
            && new["spec"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty);
        if same(&new, &old) && !finished {
            return Ok(Arc::clone(stored));
        }
        if call.dry {
            return Ok(Arc::new(self.encode_unstored(&resource, new)));
        }
        if finished {
            let gone = self.erase(&resource, new);
            self.after_delete(&resource, &gone, call.now);
            return Ok(gone);
        }
        let stored = self.commit(&resource, new);
        self.after_write(&resource, &stored, call.now);
        Ok(stored)
    }

    fn track(&self, call: &Call<'_>, old: Option<&Value>, new: &mut Value) {
        let version = &call.resource.versions[call.version];
        let write = Write {
            manager: call.request.manager(),
            api_version: &call.resource.api_version(call.version),
            subresource: &call.target.subresource,
            time: &meta::time(call.now),
        };
        track(&version.schema, &self.registry.meta, old, new, &write);
    }

    /// The namespace of a write, if the resource has one; it must be there.
    fn namespace_of(&self, call: &Call<'_>) -> Result<Option<Arc<Stored>>> {
        let namespace = call.target.namespace.as_str();
        let resource = self.registry.by_builtin(Builtin::Namespace);
        let Some(resource) = resource.filter(|_| call.resource.namespaced) else {
            return Ok(None);
        };
        let found = self.store.table(resource.table).get(namespace).cloned();
        let namespaces = Named {
            group: "",
            name: "namespaces",
        };
        found
            .map(Some)
            .ok_or_else(|| ApiError::not_found(namespaces, namespace))
    }

    /// Refuses a create in a namespace that is missing or going away.
    fn namespace_takes_content(&self, call: &Call<'_>, name: &str) -> Result<()> {
        let namespace = call.target.namespace.as_str();
        if self
            .namespace_of(call)?
            .is_some_and(|found| found.meta.terminating)
        {
            return Err(ApiError::terminating(
                call.resource.named(),
                name,
                namespace,
            ));
        }
        Ok(())
    }
}

/// The refusal of a PUT for an object of another uid; without an object, its own is empty.
fn wrong_uid(call: &Call<'_>, registry: &Registry, uid: &str, own: &str) -> ApiError {
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
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{key}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object \
         meta: {own}"
    );
    ApiError::conflict(resource.named(), &call.target.name, &why)
}

/// Drops owners that stand twice, and says so.
fn single_owners(call: &mut Call<'_>, object: &mut Value) {
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
        let text = ".metadata.ownerReferences contains duplicate entries; API server dedups owner \
                    references in 1.20+, and may reject such requests as early as 1.24; please \
                    fix your requests; duplicate UID(s) observed: ";
        call.warnings.push(format!("{text}{}", repeated.join(", ")));
        meta::set(object, "ownerReferences", kept);
    }
}

/// Warns of new finalizers of custom resources that are nobody's domain.
fn warn_of_finalizers(call: &mut Call<'_>, new: &Value, old: Option<&Value>) {
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
fn place(call: &Call<'_>, object: &mut Value) -> Result<()> {
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
fn restore(call: &Call<'_>, new: &mut Value, old: &Value) {
    for key in SYSTEM.iter().chain(&["generation", "generateName"]) {
        // A change of these is refused, not undone.
        let sent = matches!(*key, "uid" | "deletionTimestamp") && !meta::text(new, key).is_empty();
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
            *new = old.clone();
            copy_or_remove(&mut new["spec"], "finalizers", finalizers.map(Value::Array));
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

fn copy_or_remove(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(map) = object.as_object_mut() {
        match value {
            Some(value) => map.insert(key.to_owned(), value),
            None => map.remove(key),
        };
    }
}

/// Counts a change of the desired state.
fn generation(resource: &Resource, version: usize, new: &mut Value, old: &Value) {
    if !matches!(resource.builtin, None | Some(Builtin::Crd)) {
        return;
    }
    let status = resource.versions[version].status;
    let desired = |object: &Value| {
        let map = object.as_object().cloned().unwrap_or_default();
        let skip = |key: &str| key == "metadata" || (status && key == "status");
        map.into_iter()
            .filter(|(k, _)| !skip(k))
            .collect::<serde_json::Map<_, _>>()
    };
    if desired(new) != desired(old) {
        meta::set(new, "generation", meta::generation(old) + 1);
    }
}

/// Whether a write would change nothing; times of managedFields do not count.
fn same(new: &Value, old: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        if let Some(list) = object["metadata"]["managedFields"].as_array_mut() {
            for entry in list.iter_mut().filter_map(Value::as_object_mut) {
                entry.remove("time");
            }
        }
        if let Some(map) = object["metadata"].as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
        object
    };
    new == old || timeless(new) == timeless(old)
}

impl Engine {
    /// Sets a new definition's status, as its own manager.
    fn establish(&self, resource: &Resource, object: &mut Value, time: &str) {
        let mut old = object.clone();
        crd::establish(object, time);
        // What was there before the names were accepted: nobody's, so only what is set counts.
        old["status"] = serde_json::json!({
            "acceptedNames": { "kind": "", "plural": "" }, "conditions": [],
            "storedVersions": object["status"]["storedVersions"],
        });
        let write = Write {
            manager: "kube-apiserver",
            api_version: &resource.api_version(0),
            subresource: "status",
            time,
        };
        let schema = &resource.versions[0].schema;
        track(schema, &self.registry.meta, Some(&old), object, &write);
    }

    /// Removes an object whose last state is given, at a resourceVersion of its own.
    pub(crate) fn erase(&mut self, resource: &Resource, object: Value) -> Arc<Stored> {
        let tombstone = self.encode(resource, untyped(resource, object));
        self.store.remove(resource.table, tombstone)
    }
}
