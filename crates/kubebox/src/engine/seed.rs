//! Pure. What a fresh cluster holds: its namespaces and their service accounts.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::admit::{complete, prepare};
use super::managed::{Write, track};
use super::resource::{Builtin, Resource};
use super::store;
use super::{Engine, meta};

impl Engine {
    /// Creates the namespaces that every cluster has.
    pub(crate) fn seed(&mut self, now: Timestamp) {
        let Some(namespaces) = self.registry.by_builtin(Builtin::Namespace).cloned() else {
            return;
        };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let mut object = json!({ "metadata": { "name": name } });
            complete(Builtin::Namespace, &mut object, None);
            self.plant(&namespaces, object, "kube-apiserver", now);
            if self.settings.controllers {
                self.default_account(name, now);
            }
        }
    }

    /// Gives a namespace its `default` service account, unless it has one.
    pub(crate) fn default_account(&mut self, namespace: &str, now: Timestamp) {
        let Some(accounts) = self.registry.by_builtin(Builtin::ServiceAccount).cloned() else {
            return;
        };
        let key = store::key(namespace, "default");
        if self.store.table(accounts.table).get(&key).is_none() {
            let object = json!({ "metadata": { "name": "default", "namespace": namespace } });
            self.plant(&accounts, object, "kube-controller-manager", now);
        }
    }

    /// Stores an object of the server's own.
    fn plant(
        &mut self,
        resource: &Arc<Resource>,
        mut object: Value,
        manager: &str,
        now: Timestamp,
    ) {
        let time = meta::time(now);
        meta::set(&mut object, "uid", self.ids.uid());
        meta::set(&mut object, "creationTimestamp", time.as_str());
        let api_version = &resource.api_version(0);
        let write = Write {
            manager,
            api_version,
            subresource: "",
            time: &time,
        };
        let schema = &resource.versions[0].schema;
        track(schema, &self.registry.meta, None, &mut object, &write);
        prepare(resource.builtin, &mut object);
        self.commit(resource, object);
    }
}
