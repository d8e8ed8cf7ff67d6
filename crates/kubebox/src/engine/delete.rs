//! Pure. DELETE: preconditions, finalizers, propagation, and whole collections.

use std::sync::Arc;

use serde_json::{Value, json};

use super::admit::body;
use super::crd::CLEANUP;
use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::read::{prefix, view};
use super::resource::Builtin;
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
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Self> {
        let query = &call.request.query;
        let body = body(call.request)?;
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let mut options = Self {
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            propagation: text(&body["propagationPolicy"]),
            dry: call.dry || body["dryRun"] == json!(["All"]),
        };
        if options.propagation.is_none() && query.has("propagationPolicy") {
            options.propagation = Some(query.get("propagationPolicy").to_owned());
        }
        let orphan = body["orphanDependents"] == true || query.flag("orphanDependents");
        if orphan && options.propagation.is_none() {
            options.propagation = Some("Orphan".to_owned());
        }
        match options.propagation.as_deref() {
            None | Some("Orphan" | "Background" | "Foreground") => Ok(options),
            Some(other) => {
                let allowed = ["Foreground", "Background", "Orphan", "nil"];
                let at = "propagationPolicy";
                let error = FieldError::not_supported(at, other.into(), allowed);
                Err(ApiError::invalid(DELETE_OPTIONS, "", &[error]))
            }
        }
    }
}

impl Options {
    /// Holds the preconditions against the stored object.
    fn check(&self, kind: Named<'_>, stored: &Stored) -> Result<()> {
        let name = stored.meta.name.to_string();
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
}

impl Engine {
    pub(crate) fn delete(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let stored = self.stored(call)?;
        let options = Options::parse(call)?;
        self.protected(call)?;
        let (last, gone) = self.delete_object(call, &stored, &options)?;
        if !gone {
            return Ok(self.answer(call, 200, &last));
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
        options.check(resource.named_kind(), stored)?;
        let mut finalizers: Vec<String> = meta::finalizers(&object)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let before = finalizers.clone();
        if let Some(policy) = options.propagation.as_deref() {
            finalizers.retain(|f| f != FOREGROUND && f != ORPHAN);
            match policy {
                "Foreground" => finalizers.push(FOREGROUND.to_owned()),
                "Orphan" => finalizers.push(ORPHAN.to_owned()),
                _ => {}
            }
        }
        let definition = resource.builtin == Some(Builtin::Crd);
        if definition && !meta::terminating(&object) {
            finalizers.push(CLEANUP.to_owned());
        }
        let held = resource.builtin == Some(Builtin::Namespace)
            && object["spec"]["finalizers"]
                .as_array()
                .is_some_and(|f| !f.is_empty());
        if finalizers.is_empty() && !held {
            if options.dry {
                return Ok((Arc::clone(stored), true));
            }
            let gone = self.erase(&resource, object);
            self.after_delete(&resource, &gone, call.now);
            return Ok((gone, true));
        }
        if meta::terminating(&object) && finalizers == before {
            return Ok((Arc::clone(stored), false));
        }
        if !meta::terminating(&object) {
            meta::set(&mut object, "deletionTimestamp", meta::time(call.now));
            if !held && !definition {
                meta::set(&mut object, "deletionGracePeriodSeconds", 0);
            }
            if meta::generation(&object) > 0 && !definition {
                let next = meta::generation(&object) + 1;
                meta::set(&mut object, "generation", next);
            }
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
            return Err(ApiError::method_not_allowed());
        }
        let options = Options::parse(call)?;
        let selector = Selector::parse(
            query.get("labelSelector"),
            query.get("fieldSelector"),
            &call.resource,
        )?;
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
                last.push(self.delete_object(call, &current, &options)?.0);
            }
        }
        let mut metadata = json!({ "resourceVersion": self.store.version().to_string() });
        if !call.resource.typed() && call.shape == Shape::Full {
            metadata["continue"] = "".into();
        }
        Ok(Answer {
            ..Answer::bytes(200, view(call).list(&last, &metadata))
        })
    }
}
