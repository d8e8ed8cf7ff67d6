//! Pure. What kube-controller-manager does after writes: garbage collection, namespaces, CRDs.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::delete::{FOREGROUND, ORPHAN};
use super::resource::{Builtin, Resource, TableId};
use super::store::Stored;
use super::{Engine, meta};

/// Something that a write or a deletion makes necessary.
#[derive(Debug)]
pub(crate) enum Duty {
    Written(TableId, String),
    /// An object is gone: its dependents, waiting owners and its namespace may follow.
    Gone {
        uid: String,
        owners: Box<[Box<str>]>,
        namespace: String,
    },
}

fn gone(stored: &Stored) -> Duty {
    Duty::Gone {
        uid: stored.meta.uid.to_string(),
        owners: stored.meta.owners.clone(),
        namespace: stored.meta.namespace.to_string(),
    }
}

impl Engine {
    /// Follows up a write, until nothing more is to be done.
    pub(crate) fn after_write(
        &mut self,
        resource: &Arc<Resource>,
        stored: &Stored,
        now: Timestamp,
    ) {
        let definition = resource.builtin == Some(Builtin::Crd);
        if definition {
            self.serve(&stored.value());
        }
        if self.settings.controllers {
            self.work(Duty::Written(resource.table, stored.key()), now);
        }
        if definition {
            self.clear_definition(&stored.meta.name, now);
        }
    }

    /// Follows up a deletion.
    pub(crate) fn after_delete(&mut self, resource: &Arc<Resource>, gone: &Stored, now: Timestamp) {
        if resource.builtin == Some(Builtin::Crd) {
            self.withdraw(&gone.value(), now);
        }
        if self.settings.controllers {
            self.work(self::gone(gone), now);
        }
        if resource.terminating {
            let name = format!("{}.{}", resource.plural, resource.group);
            self.clear_definition(&name, now);
        }
    }

    /// Each duty erases or marks at least one object, so the queue ends.
    fn work(&mut self, first: Duty, now: Timestamp) {
        self.work_off(VecDeque::from([first]), now);
    }

    pub(crate) fn work_off(&mut self, mut queue: VecDeque<Duty>, now: Timestamp) {
        while let Some(duty) = queue.pop_front() {
            match duty {
                Duty::Written(table, key) => self.written(table, &key, now, &mut queue),
                Duty::Gone {
                    uid,
                    owners,
                    namespace,
                } => {
                    let owners = owners.iter().filter_map(|o| self.store.place(o).cloned());
                    let mut next: Vec<_> = owners.collect();
                    next.extend(self.store.dependents(&uid));
                    for (table, key) in next {
                        self.written(table, &key, now, &mut queue);
                    }
                    self.finish_namespace(&namespace, now, &mut queue);
                }
            }
        }
    }

    fn by_table(&self, table: TableId) -> Option<Arc<Resource>> {
        self.registry
            .all()
            .find(|r| r.table == table && !r.is_new_event())
            .cloned()
    }

    /// Looks at one object: its owners, its own deletion, its role as a namespace.
    fn written(&mut self, table: TableId, key: &str, now: Timestamp, queue: &mut VecDeque<Duty>) {
        let Some(stored) = self.store.table(table).get(key).cloned() else {
            return;
        };
        let Some(resource) = self.by_table(table) else {
            return;
        };
        if resource.builtin == Some(Builtin::Namespace) {
            self.namespace(&stored, now, queue);
            return;
        }
        if stored.meta.terminating {
            self.propagate(&resource, stored.value(), now, queue);
        } else if !stored.meta.owners.is_empty() {
            self.orphaned(&resource, &stored, stored.value(), now, queue);
        }
    }

    /// Deletes an object whose owners are all gone, or drops the dangling references.
    fn orphaned(
        &mut self,
        resource: &Arc<Resource>,
        stored: &Stored,
        mut object: Value,
        now: Timestamp,
        queue: &mut VecDeque<Duty>,
    ) {
        let namespace = stored.meta.namespace.to_string();
        let mut solid = 0;
        let mut waiting = false;
        let mut dangling = Vec::new();
        for owner in meta::owners(&object) {
            match self.owner_state(&owner, &namespace) {
                OwnerState::Solid => solid += 1,
                OwnerState::Foreground => waiting = true,
                OwnerState::Absent => dangling.push(owner.uid.to_owned()),
            }
        }
        if solid > 0 {
            if dangling.is_empty() {
                return;
            }
            if let Some(list) = object["metadata"]["ownerReferences"].as_array_mut() {
                list.retain(|o| dangling.iter().all(|d| o["uid"] != d.as_str()));
            }
            self.commit(resource, object);
            return;
        }
        let policy = if waiting && !self.store.dependents(&stored.meta.uid).is_empty() {
            Some(FOREGROUND)
        } else {
            None
        };
        self.reap(resource, object, policy, now, queue);
    }

    /// Deletes as the garbage collector: erased, or marked when finalizers hold it.
    pub(crate) fn reap(
        &mut self,
        resource: &Arc<Resource>,
        mut object: Value,
        finalizer: Option<&str>,
        now: Timestamp,
        queue: &mut VecDeque<Duty>,
    ) {
        let mut finalizers: Vec<String> = meta::finalizers(&object)
            .into_iter()
            .map(str::to_owned)
            .collect();
        if let Some(extra) = finalizer.filter(|f| !finalizers.iter().any(|g| g == f)) {
            finalizers.push(extra.to_owned());
        }
        if finalizers.is_empty() {
            let erased = self.erase(resource, object);
            if resource.builtin == Some(Builtin::Crd) {
                self.withdraw(&erased.value(), now);
            }
            queue.push_back(gone(&erased));
            return;
        }
        if meta::terminating(&object) {
            return;
        }
        meta::set_finalizers(&mut object, &finalizers);
        meta::set(&mut object, "deletionTimestamp", meta::time(now));
        meta::set(&mut object, "deletionGracePeriodSeconds", 0);
        if meta::generation(&object) > 0 {
            let next = meta::generation(&object) + 1;
            meta::set(&mut object, "generation", next);
        }
        let marked = self.commit(resource, object);
        queue.push_back(Duty::Written(resource.table, marked.key()));
    }

    /// Does what the finalizers `orphan` and `foregroundDeletion` ask for.
    fn propagate(
        &mut self,
        resource: &Arc<Resource>,
        mut object: Value,
        now: Timestamp,
        queue: &mut VecDeque<Duty>,
    ) {
        let uid = meta::text(&object, "uid").to_owned();
        let has = |name: &str| meta::finalizers(&object).contains(&name);
        let done = if has(ORPHAN) {
            for (table, key) in self.store.dependents(&uid) {
                self.disown(table, &key, &uid);
            }
            ORPHAN
        } else if has(FOREGROUND) {
            for (table, key) in self.store.dependents(&uid) {
                // What is going already goes by itself; asking again would not end for a cycle.
                let found = self.store.table(table).get(&key);
                if found.is_some_and(|dependent| !dependent.meta.terminating) {
                    self.written(table, &key, now, queue);
                }
            }
            if self.blocked(&uid) {
                return;
            }
            FOREGROUND
        } else {
            return;
        };
        let left: Vec<String> = meta::finalizers(&object)
            .into_iter()
            .filter(|f| *f != done)
            .map(str::to_owned)
            .collect();
        meta::set_finalizers(&mut object, &left);
        if left.is_empty() {
            self.reap(resource, object, None, now, queue);
        } else {
            self.commit(resource, object);
        }
    }

    /// Whether a dependent still blocks the foreground deletion of its owner.
    fn blocked(&self, uid: &str) -> bool {
        self.store.dependents(uid).iter().any(|(table, key)| {
            self.store.table(*table).get(key).is_some_and(|stored| {
                meta::owners(&stored.value()).any(|o| o.uid == uid && o.blocks)
            })
        })
    }

    fn disown(&mut self, table: TableId, key: &str, uid: &str) {
        let Some(resource) = self.by_table(table) else {
            return;
        };
        let Some(stored) = self.store.table(table).get(key) else {
            return;
        };
        let mut object = stored.value();
        if let Some(list) = object["metadata"]["ownerReferences"].as_array_mut() {
            list.retain(|o| o["uid"] != uid);
            if list.is_empty() {
                meta::remove(&mut object, "ownerReferences");
            }
        }
        self.commit(&resource, object);
    }

    fn owner_state(&self, owner: &meta::Owner<'_>, namespace: &str) -> OwnerState {
        let group = owner.api_version.rsplit_once('/').map_or("", |(g, _)| g);
        let Some(kind) = self.registry.by_kind(group, owner.kind) else {
            // The real collector cannot judge a kind that it does not know, and waits.
            return OwnerState::Solid;
        };
        let Some((table, key)) = self.store.place(owner.uid) else {
            return OwnerState::Absent;
        };
        let Some(found) = self.store.table(*table).get(key) else {
            return OwnerState::Absent;
        };
        let elsewhere = kind.namespaced && *found.meta.namespace != *namespace;
        if *table != kind.table || *found.meta.name != *owner.name || elsewhere {
            return OwnerState::Absent;
        }
        let object = found.value();
        if meta::terminating(&object) && meta::finalizers(&object).contains(&FOREGROUND) {
            return OwnerState::Foreground;
        }
        OwnerState::Solid
    }

    /// A namespace was written: gives it its service account, or empties it.
    fn namespace(&mut self, stored: &Stored, now: Timestamp, queue: &mut VecDeque<Duty>) {
        let name = stored.meta.name.to_string();
        if !stored.meta.terminating {
            self.default_account(&name, now);
            return;
        }
        for (table, key) in self.content(&name) {
            let Some(found) = self.store.table(table).get(&key) else {
                continue;
            };
            let object = found.value();
            if let Some(owner) = self.by_table(table) {
                self.reap(&owner, object, None, now, queue);
            }
        }
        self.finish_namespace(&name, now, queue);
    }

    /// Takes the finalizer off an empty terminating namespace, which erases it.
    fn finish_namespace(&mut self, name: &str, now: Timestamp, queue: &mut VecDeque<Duty>) {
        let Some(resource) = self.registry.by_builtin(Builtin::Namespace).cloned() else {
            return;
        };
        let Some(stored) = self.store.table(resource.table).get(name) else {
            return;
        };
        let mut object = stored.value();
        if !meta::terminating(&object) || !self.content(name).is_empty() {
            return;
        }
        object["spec"] = json!({});
        if meta::finalizers(&object).is_empty() {
            self.reap(&resource, object, None, now, queue);
        } else if stored.value()["spec"] != json!({}) {
            self.commit(&resource, object);
        }
    }

    /// Everything in a namespace.
    fn content(&self, namespace: &str) -> Vec<(TableId, String)> {
        let prefix = format!("{namespace}/");
        let mut out = Vec::new();
        for resource in self
            .registry
            .all()
            .filter(|r| r.namespaced && !r.is_new_event())
        {
            self.store
                .table(resource.table)
                .scan(&prefix, "", self.store.version(), |s| {
                    out.push((resource.table, s.key()));
                    true
                });
        }
        out
    }
}

enum OwnerState {
    Solid,
    Foreground,
    Absent,
}
