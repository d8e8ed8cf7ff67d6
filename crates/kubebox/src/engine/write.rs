//! Pure. CREATE and UPDATE: admission, validation, managedFields, optimistic concurrency.

use std::sync::Arc;

use serde_json::Value;

use super::admit::{prepare, sent};
use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::managed::{Write, track};
use super::resource::{Builtin, Resource};
use super::store::{self, Stored};
use super::validate::check_object;
use super::view::{typed, untyped};
use super::{Answer, Call, Engine, crd, event, meta};

mod rules;

use rules::{
    asked, begin, copy_or_remove, generation, place, restore, same, single_owners,
    warn_of_finalizers, wrong_uid,
};

/// Content that is not the same sent empty and not sent at all, until it was validated: a real
/// server takes the one for a change of an immutable object.
const EMPTIED: [&str; 2] = ["data", "binaryData"];

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
        let time = meta::time(call.now);
        begin(&resource, call.version, &mut object, &time);
        check_object(&resource, call.version, &object, None, false)?;
        forget_emptied(&resource, &mut object);
        warn_of_finalizers(call, &object, None);
        meta::set(&mut object, "uid", self.ids.uid());
        let key = store::key(meta::text(&object, "namespace"), &name);
        if let Some(other) = self.store.table(resource.table).get(&key) {
            let (going, generated) = (other.meta.terminating, !prefix.is_empty());
            let mut named = resource.named();
            if generated && resource.is_new_event() {
                named.group = "";
            }
            return Err(ApiError::already_exists(named, &name, going, generated));
        }
        // Only a PUT that creates says whose the fields are: by the owners that were read once.
        if call.target.name.is_empty() {
            meta::remove(&mut object, "managedFields");
        }
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
                // What was there once may be put back as it was read.
                meta::remove(&mut new, "resourceVersion");
                let stored = self.create_object(call, new)?;
                return Ok(self.answer(call, 201, &stored));
            }
            other => other?,
        };
        let (uid, own) = (meta::text(&new, "uid"), &*old.meta.uid);
        if !uid.is_empty() && uid != own {
            return Err(wrong_uid(call, &self.registry, uid, own));
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
        let kept = matches!(resource.builtin, Some(Builtin::Secret | Builtin::ConfigMap));
        let emptied = EMPTIED.map(|key| kept && object[key] == serde_json::json!({}));
        self.admit(&resource, version, object, strictness, &repeated, warnings)?;
        for (key, emptied) in EMPTIED.iter().zip(emptied) {
            if emptied {
                object[*key] = serde_json::json!({});
            }
        }
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
        let sent = if sent == "0" { "" } else { sent };
        if !sent.is_empty() && sent.parse::<u64>().is_err() {
            let text = format!("strconv.ParseUint: parsing \"{sent}\": invalid syntax");
            return Err(ApiError::internal(text));
        }
        if sent.is_empty() && !unconditional(&resource) {
            let text = "must be specified for an update";
            let errors = [FieldError::invalid("metadata.resourceVersion", 0, text)];
            return Err(ApiError::invalid(resource.named(), &name, &errors));
        }
        if !sent.is_empty() && sent != meta::text(&old, "resourceVersion") {
            return Err(ApiError::stale(resource.named(), &name));
        }
        let sent = new["metadata"].clone();
        let sent_spec = new.get("spec").cloned();
        restore(call, &mut new, &old);
        let status = call.target.subresource == "status";
        generation(&resource, version, &mut new, &old);
        if resource.builtin == Some(Builtin::Crd) && !status {
            crd::complete(&mut new);
            crd::establish(&mut new, &meta::time(call.now));
        }
        check_object(&resource, version, &new, Some(&old), status)?;
        forget_emptied(&resource, &mut new);
        warn_of_finalizers(call, &new, Some(&old));
        match asked(call, &new, &old, &sent, sent_spec) {
            Some(mut asked) => {
                self.track(call, Some(&old), &mut asked);
                let tracked = asked["metadata"].get("managedFields").cloned();
                copy_or_remove(&mut new["metadata"], "managedFields", tracked);
            }
            None => self.track(call, Some(&old), &mut new),
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
            // Watches hear of the state that was stored; the answer shows the one that was sent.
            let gone = self.erase(&resource, old);
            self.after_delete(&resource, &gone, call.now);
            return Ok(Arc::new(self.encode_unstored(&resource, new)));
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
        let (schema, meta_schema) = (&version.schema, &self.registry.meta);
        let (Some(old), Some(Builtin::Event)) = (old, call.resource.builtin) else {
            return track(schema, meta_schema, old, new, &write);
        };
        // Who empties a field of an event that Go prints even then, owns it.
        let new_face = call.resource.is_new_event();
        let (mut before, mut after) = (old.clone(), new.clone());
        event::fill(&call.resource, new_face, &mut before);
        event::fill(&call.resource, new_face, &mut after);
        track(schema, meta_schema, Some(&before), &mut after, &write);
        let tracked = after["metadata"].get("managedFields").cloned();
        copy_or_remove(&mut new["metadata"], "managedFields", tracked);
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
            let name = if name.is_empty() { "Unknown" } else { name };
            return Err(ApiError::terminating(
                call.resource.named(),
                name,
                namespace,
            ));
        }
        Ok(())
    }
}

/// Whether a write need not say which version it is based on.
fn unconditional(resource: &Resource) -> bool {
    !matches!(resource.builtin, None | Some(Builtin::Crd | Builtin::Lease))
}

fn forget_emptied(resource: &Resource, object: &mut Value) {
    if let Some(map) = object.as_object_mut().filter(|_| resource.typed()) {
        map.retain(|key, v| !EMPTIED.contains(&key.as_str()) || *v != serde_json::json!({}));
    }
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
