//! Pure. What follows a write of a CustomResourceDefinition: serving, clearing, withdrawing.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::crd::CLEANUP;
use super::resource::Builtin;
use super::{Engine, crd, meta};

impl Engine {
    /// Deletes the objects of a terminating definition; when none is left, the definition goes.
    pub(crate) fn clear_definition(&mut self, name: &str, now: Timestamp) {
        let Some(definitions) = self.registry.by_builtin(Builtin::Crd).cloned() else {
            return;
        };
        let stored = self.store.table(definitions.table).get(name).cloned();
        let Some(stored) = stored.filter(|s| s.meta.terminating) else {
            return;
        };
        let mut object = stored.value();
        if !meta::finalizers(&object).contains(&CLEANUP) {
            return;
        }
        let spec = &object["spec"];
        let group = spec["group"].as_str().unwrap_or_default();
        let plural = spec["names"]["plural"].as_str().unwrap_or_default();
        let Some(resource) = self.registry.get(group, plural).cloned() else {
            return;
        };
        let mut queue = VecDeque::new();
        for instance in self.instances(resource.table) {
            if !instance.meta.terminating {
                self.reap(&resource, instance.value(), None, now, &mut queue);
            }
        }
        if self.settings.controllers {
            self.work_off(queue, now);
        }
        if !self.instances(resource.table).is_empty() {
            return;
        }
        let left: Vec<String> = meta::finalizers(&object)
            .into_iter()
            .filter(|f| *f != CLEANUP)
            .map(str::to_owned)
            .collect();
        meta::set_finalizers(&mut object, &left);
        if left.is_empty() {
            let gone = self.erase(&definitions, object);
            self.after_delete(&definitions, &gone, now);
        } else {
            self.commit(&definitions, object);
        }
    }

    fn instances(&self, table: super::TableId) -> Vec<Arc<super::store::Stored>> {
        let mut all = Vec::new();
        self.store
            .table(table)
            .scan("", "", self.store.version(), |s| {
                all.push(Arc::clone(s));
                true
            });
        all
    }

    /// Serves what a definition defines.
    pub(crate) fn serve(&mut self, definition: &Value) {
        let spec = &definition["spec"];
        let (group, plural) = (
            spec["group"].as_str().unwrap_or_default().to_owned(),
            spec["names"]["plural"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
        let before = self.registry.get(&group, &plural).cloned();
        let table = before
            .as_ref()
            .map_or_else(|| self.registry.new_table(), |r| r.table);
        self.store.reserve(self.registry.table_count());
        let resource = crd::resource(definition, table);
        if before.is_some_and(|b| b.indexed != resource.indexed) {
            self.store.reindex(table, &resource.indexed);
        }
        self.registry.insert(resource);
    }

    /// Deletes the objects of a definition that is gone, and stops serving them.
    pub(crate) fn withdraw(&mut self, definition: &Value, now: Timestamp) {
        let spec = &definition["spec"];
        let group = spec["group"].as_str().unwrap_or_default();
        let plural = spec["names"]["plural"].as_str().unwrap_or_default();
        let Some(resource) = self.registry.get(group, plural).cloned() else {
            return;
        };
        let mut left = Vec::new();
        self.store
            .table(resource.table)
            .scan("", "", self.store.version(), |s| {
                left.push(Arc::clone(s));
                true
            });
        self.registry.remove(group, plural);
        for stored in left {
            let gone = self.erase(&resource, stored.value());
            self.after_delete(&resource, &gone, now);
        }
    }
}
