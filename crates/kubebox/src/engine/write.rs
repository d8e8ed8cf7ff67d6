//! Pure. CREATE and UPDATE: admission, validation, managedFields, optimistic concurrency.

use std::sync::Arc;

use serde_json::Value;

use super::admit::{body, complete, prepare};
use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::managed::{Write, track};
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
        let object = body(call.request)?;
        let stored = self.create_object(call, object)?;
        Ok(self.answer(call, 201, &stored))
    }

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
        let (version, strictness) = (call.version, call.strictness);
        self.admit(
            &resource,
            version,
            &mut object,
            strictness,
            &mut call.warnings,
        )?;
        if !meta::text(&object, "resourceVersion").is_empty() {
            let text = "resourceVersion should not be set on objects to be created";
            return Err(ApiError::version_on_create(text));
        }
        place(call, &mut object)?;
        let prefix = meta::text(&object, "generateName").to_owned();
        if meta::text(&object, "name").is_empty() && !prefix.is_empty() {
            meta::set(&mut object, "name", self.ids.name(&prefix));
        }
        let name = meta::text(&object, "name").to_owned();
        self.namespace_takes_content(call, &name)?;
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
        meta::set(&mut object, "uid", self.ids.uid());
        let key = store::key(meta::text(&object, "namespace"), &name);
        if self.store.table(resource.table).get(&key).is_some() {
            return Err(ApiError::already_exists(resource.named(), &name));
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
        let new = body(call.request)?;
        let creates = matches!(call.resource.builtin, Some(Builtin::Lease | Builtin::Event));
        let old = match self.stored(call) {
            Err(_) if creates => {
                let stored = self.create_object(call, new)?;
                return Ok(self.answer(call, 201, &stored));
            }
            other => other?,
        };
        let unconditional = call.resource.typed() && call.resource.builtin != Some(Builtin::Crd);
        if meta::text(&new, "resourceVersion").is_empty() && !unconditional {
            let text = "must be specified for an update";
            let errors = [FieldError::invalid("metadata.resourceVersion", 0, text)];
            let kind = call.resource.named();
            return Err(ApiError::invalid(kind, &call.target.name, &errors));
        }
        let stored = self.replace(call, &old, new)?;
        Ok(self.answer(call, 200, &stored))
    }

    /// Turns the stored object into a new one, as PUT and every PATCH do.
    pub(crate) fn replace(
        &mut self,
        call: &mut Call<'_>,
        stored: &Arc<Stored>,
        mut new: Value,
    ) -> Result<Arc<Stored>> {
        let resource = Arc::clone(&call.resource);
        let (version, strictness) = (call.version, call.strictness);
        let name = call.target.name.clone();
        self.admit(&resource, version, &mut new, strictness, &mut call.warnings)?;
        place(call, &mut new)?;
        let old = typed(&resource, version, stored.value());
        let sent = meta::text(&new, "resourceVersion");
        if !sent.is_empty() && sent != meta::text(&old, "resourceVersion") {
            return Err(ApiError::stale(resource.named(), &name));
        }
        let (uid, own) = (meta::text(&new, "uid"), meta::text(&old, "uid"));
        if !uid.is_empty() && uid != own {
            let path = if resource.typed() {
                ""
            } else {
                resource.group.as_str()
            };
            let key = [path, &resource.plural, &stored.key()].join("/");
            let key = key.trim_start_matches('/');
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{key}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in \
                 object meta: {own}"
            );
            return Err(ApiError::conflict(resource.named(), &name, &why));
        }
        restore(call, &mut new, &old);
        let status = call.target.subresource == "status";
        generation(&resource, version, &mut new, &old);
        if resource.builtin == Some(Builtin::Crd) && !status {
            crd::complete(&mut new);
            crd::establish(&mut new, &meta::time(call.now));
        }
        check_object(&resource, version, &new, Some(&old), status)?;
        self.track(call, Some(&old), &mut new);
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
        track(&version.schema, old, new, &write);
    }

    /// Refuses a create in a namespace that is missing or going away.
    fn namespace_takes_content(&self, call: &Call<'_>, name: &str) -> Result<()> {
        let namespace = call.target.namespace.as_str();
        let Some(resource) = self.registry.by_builtin(Builtin::Namespace) else {
            return Ok(());
        };
        if !call.resource.namespaced {
            return Ok(());
        }
        let Some(found) = self.store.table(resource.table).get(namespace) else {
            let namespaces = Named {
                group: "",
                name: "namespaces",
            };
            return Err(ApiError::not_found(namespaces, namespace));
        };
        if meta::terminating(&found.value()) {
            return Err(ApiError::terminating(
                call.resource.named(),
                name,
                namespace,
            ));
        }
        Ok(())
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
    }
    let (sent, asked) = (meta::text(object, "name"), call.target.name.as_str());
    if asked.is_empty() || sent == asked {
        return Ok(());
    }
    if sent.is_empty() {
        meta::set(object, "name", asked);
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "the name of the object ({sent}) does not match the name on the URL ({asked})"
    )))
}

/// Puts back what this request may not change.
fn restore(call: &Call<'_>, new: &mut Value, old: &Value) {
    for key in SYSTEM.iter().chain(&["generation", "generateName"]) {
        let keep = *key != "generateName";
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
            let finalizers = new["spec"]["finalizers"].clone();
            *new = old.clone();
            new["spec"]["finalizers"] = finalizers;
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
        track(&resource.versions[0].schema, Some(&old), object, &write);
    }

    /// Removes an object whose last state is given, at a resourceVersion of its own.
    pub(crate) fn erase(&mut self, resource: &Resource, object: Value) -> Arc<Stored> {
        let tombstone = self.encode(resource, untyped(resource, object));
        self.store.remove(resource.table, tombstone)
    }
}
