//! Pure. DELETE: preconditions, finalizers, propagation, and whole collections.

use std::sync::Arc;

use serde_json::{Value, json};

use super::admit::body;
use super::crd::CLEANUP;
use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::read::{prefix, view};
use super::request::dry_run_problem;
use super::resource::{Builtin, Resource};
use super::selector::Selector;
use super::shape::Shape;
use super::store::Stored;
use super::view::typed;
use super::{Answer, Call, Engine, meta};

const DELETE_OPTIONS: Named<'static> = Named {
    group: "meta.k8s.io",
    name: "DeleteOptions",
};
/// The finalizers by which the garbage collector knows what to do.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";

/// How a deletion is to go.
#[derive(Debug, Default)]
struct Options {
    uid: Option<String>,
    resource_version: Option<String>,
    propagation: Option<String>,
    dry: bool,
    /// The old way to ask for background deletion, answered in the old way.
    accepted: bool,
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Self> {
        let query = &call.request.query;
        let mut body = body(call.request)?;
        // Parameters count only when there is no body.
        if body.is_null() {
            body = json!({});
            for key in ["propagationPolicy", "orphanDependents", "dryRun"] {
                match query.get(key) {
                    "" => {}
                    text if key == "dryRun" => body[key] = json!([text]),
                    text if key == "orphanDependents" => body[key] = (text == "true").into(),
                    text => body[key] = text.into(),
                }
            }
        }
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let mut options = Self {
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            propagation: text(&body["propagationPolicy"]),
            accepted: body["orphanDependents"] == false,
            dry: body["dryRun"]
                .as_array()
                .is_some_and(|list| !list.is_empty()),
        };
        let mut errors = Vec::new();
        let policies = ["Orphan", "Background", "Foreground"];
        if let Some(other) = options
            .propagation
            .as_deref()
            .filter(|p| !policies.contains(p))
        {
            let allowed = ["Foreground", "Background", "Orphan", "nil"];
            errors.push(FieldError::not_supported(
                "propagationPolicy",
                other.into(),
                allowed,
            ));
        }
        if options.propagation.is_some() && body["orphanDependents"].is_boolean() {
            let text = "orphanDependents and deletionPropagation cannot be both set";
            let sent = body["propagationPolicy"].clone();
            errors.insert(0, FieldError::invalid("propagationPolicy", sent, text));
        }
        if options.dry && body["dryRun"] != json!(["All"]) {
            errors.push(dry_run_problem(body["dryRun"].clone()));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid(DELETE_OPTIONS, "", &errors));
        }
        options.propagation = match body["orphanDependents"].as_bool() {
            Some(true) => Some("Orphan".to_owned()),
            Some(false) => Some("Background".to_owned()),
            None => options.propagation,
        };
        Ok(options)
    }
}

impl Options {
    /// What is to become of dependents. Events own nothing, whatever is asked.
    fn policy(&self, resource: &Resource, terminating: bool) -> Option<&str> {
        match resource.builtin {
            Some(Builtin::Event) => Some("Background"),
            // The first deletion of a namespace goes a way of its own on a real server.
            Some(Builtin::Namespace) if !terminating && self.accepted => Some("Foreground"),
            _ => self.propagation.as_deref(),
        }
    }

    /// Holds the preconditions against the stored object.
    fn check(&self, resource: &Resource, stored: &Stored) -> Result<()> {
        let kind = resource.named_kind();
        let name = stored.meta.name.to_string();
        if resource.builtin == Some(Builtin::Namespace) {
            return self.check_namespace(resource, stored);
        }
        if let Some(uid) = self.uid.as_deref().filter(|u| *u != &*stored.meta.uid) {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). The \
                 object might have been deleted and then recreated",
                stored.meta.uid
            );
            return Err(ApiError::conflict(kind, &name, &why));
        }
        let own = stored.meta.version.to_string();
        if let Some(sent) = self.resource_version.as_deref().filter(|v| *v != own) {
            let why = format!(
                "the ResourceVersion in the precondition ({sent}) does not match the \
                 ResourceVersion in record ({own}). The object might have been modified"
            );
            return Err(ApiError::conflict(kind, &name, &why));
        }
        Ok(())
    }

    /// The same, in the words that a real server has for namespaces.
    fn check_namespace(&self, resource: &Resource, stored: &Stored) -> Result<()> {
        let version = stored.meta.version.to_string();
        for (what, sent, own) in [
            ("UID", &self.uid, &*stored.meta.uid),
            ("ResourceVersion", &self.resource_version, version.as_str()),
        ] {
            if let Some(sent) = sent.as_deref().filter(|sent| *sent != own) {
                let why = format!(
                    "Precondition failed: {what} in precondition: {sent}, {what} in object meta: \
                     {own}"
                );
                return Err(ApiError::conflict(
                    resource.named(),
                    &stored.meta.name,
                    &why,
                ));
            }
        }
        Ok(())
    }
}

impl Engine {
    pub(crate) fn delete(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let options = Options::parse(call)?;
        let stored = self.stored(call)?;
        self.protected(call)?;
        let (last, gone) = self.delete_object(call, &stored, &options)?;
        // A real server shows what became of a service account; of others it says only that.
        if !gone || call.resource.builtin == Some(Builtin::ServiceAccount) {
            let code = if !gone && options.accepted { 202 } else { 200 };
            return Ok(self.answer(call, code, &last));
        }
        let resource = &call.resource;
        let mut details = json!({ "name": call.target.name, "kind": resource.plural,
            "uid": &*last.meta.uid });
        if !resource.group.is_empty() {
            details["group"] = resource.group.as_str().into();
        }
        let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Success", "details": details });
        Ok(Answer::json(200, &status))
    }

    /// Some namespaces may not be deleted.
    fn protected(&self, call: &Call<'_>) -> Result<()> {
        let name = call.target.name.as_str();
        let namespace = call.resource.builtin == Some(Builtin::Namespace);
        if namespace && matches!(name, "default" | "kube-system" | "kube-public") {
            let why = "this namespace may not be deleted";
            return Err(ApiError::forbidden(call.resource.named(), name, why));
        }
        Ok(())
    }

    /// Deletes, or marks as deleted what still has finalizers; says which.
    fn delete_object(
        &mut self,
        call: &Call<'_>,
        stored: &Arc<Stored>,
        options: &Options,
    ) -> Result<(Arc<Stored>, bool)> {
        let resource = Arc::clone(&call.resource);
        let mut object = typed(&resource, call.version, stored.value());
        options.check(&resource, stored)?;
        let namespace = resource.builtin == Some(Builtin::Namespace);
        let terminating = meta::terminating(&object);
        if namespace && terminating && is_held(&object) {
            return Ok((Arc::clone(stored), false));
        }
        let mut finalizers: Vec<String> = meta::finalizers(&object)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let before = finalizers.clone();
        if let Some(policy) = options.policy(&resource, terminating) {
            finalizers.retain(|f| f != FOREGROUND && f != ORPHAN);
            match policy {
                "Foreground" => finalizers.push(FOREGROUND.to_owned()),
                "Orphan" => finalizers.push(ORPHAN.to_owned()),
                _ => {}
            }
        }
        let definition = resource.builtin == Some(Builtin::Crd);
        if definition && !terminating {
            finalizers.push(CLEANUP.to_owned());
        }
        // The first deletion of a namespace only marks it, even if nothing holds it.
        let held = namespace && !terminating;
        if finalizers.is_empty() && !held {
            if options.dry {
                return Ok((Arc::clone(stored), !namespace));
            }
            let gone = self.erase(&resource, object);
            self.after_delete(&resource, &gone, call.now);
            // Answers show the last state, watches the deletion's own resourceVersion; what
            // becomes of a service account is shown as watches show it.
            if resource.builtin == Some(Builtin::ServiceAccount) {
                return Ok((gone, true));
            }
            return Ok((Arc::clone(stored), true));
        }
        if terminating && finalizers == before {
            return Ok((Arc::clone(stored), false));
        }
        if !terminating {
            mark(&mut object, &meta::time(call.now), held, definition);
        }
        meta::set_finalizers(&mut object, &finalizers);
        if held {
            object["status"]["phase"] = "Terminating".into();
        }
        if options.dry {
            return Ok((Arc::new(self.encode_unstored(&resource, object)), false));
        }
        let marked = self.commit(&resource, object);
        self.after_write(&resource, &marked, call.now);
        Ok((marked, false))
    }

    pub(crate) fn delete_collection(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let query = &call.request.query;
        if call.resource.namespaced && call.target.namespace.is_empty()
            || call.resource.builtin == Some(Builtin::Namespace)
        {
            if !call.resource.typed() {
                return Ok(Answer::text(404, "404 page not found\n"));
            }
            return Err(ApiError::method_not_allowed());
        }
        let options = Options::parse(call)?;
        let selector = Selector::parse(query, &call.resource)?;
        let mut found = Vec::new();
        let table = self.store.table(call.resource.table);
        table.scan(
            &prefix(&call.target.namespace),
            "",
            self.store.version(),
            |stored| {
                if selector.matches(&stored.meta) {
                    found.push(Arc::clone(stored));
                }
                true
            },
        );
        let mut last = Vec::with_capacity(found.len());
        for stored in found {
            let now = self
                .store
                .table(call.resource.table)
                .get(&stored.key())
                .cloned();
            // What the garbage collector took on the way is gone already.
            if let Some(current) = now {
                self.delete_object(call, &current, &options)?;
                last.push(current);
            }
        }
        let mut metadata = json!({ "resourceVersion": self.store.version().to_string() });
        if !call.resource.typed() && call.shape == Shape::Full {
            metadata["continue"] = "".into();
        }
        Ok(Answer::bytes(200, view(call).list(&last, &metadata)))
    }
}

/// Whether a namespace still has content that somebody must clear: then asking once more to delete
/// it changes nothing, whatever the options say.
fn is_held(namespace: &Value) -> bool {
    let finalizers = namespace["spec"]["finalizers"].as_array();
    finalizers.is_some_and(|list| !list.is_empty())
}

/// Marks an object as being deleted.
fn mark(object: &mut Value, time: &str, held: bool, definition: bool) {
    meta::set(object, "deletionTimestamp", time);
    if !held && !definition {
        meta::set(object, "deletionGracePeriodSeconds", 0);
    }
    if meta::generation(object) > 0 && !definition && !held {
        let next = meta::generation(object) + 1;
        meta::set(object, "generation", next);
    }
}
