//! Pure. The store: encoded objects by key, one resourceVersion for all, and a bounded history.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::meta;
use super::resource::TableId;

/// What lists, watches and the garbage collector need of an object without decoding it.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) version: u64,
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) uid: Box<str>,
    pub(crate) labels: Box<[(Box<str>, Box<str>)]>,
    /// Whether deletion was asked for.
    pub(crate) terminating: bool,
    /// UIDs of the owners.
    pub(crate) owners: Box<[Box<str>]>,
    /// Values of the selectable fields, in the resource's order.
    pub(crate) fields: Box<[Box<str>]>,
}

/// One version of one object, encoded once for storage, lists and watches alike.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) json: Bytes,
    pub(crate) meta: Meta,
}

impl Stored {
    /// Encodes an object; its metadata must already carry the resourceVersion.
    pub(crate) fn encode(object: &Value, version: u64, selectable: &[String]) -> Self {
        let labels = meta::strings(object, "labels");
        let owners = meta::owners(object).map(|o| o.uid.into()).collect();
        let fields = selectable
            .iter()
            .map(|path| meta::field_text(object, path))
            .collect();
        let text = |key: &str| meta::text(object, key).into();
        Self {
            meta: Meta {
                version,
                namespace: text("namespace"),
                name: text("name"),
                uid: text("uid"),
                labels: labels.map(|(k, v)| (k.into(), v.into())).collect(),
                owners,
                terminating: meta::terminating(object),
                fields,
            },
            json: serde_json::to_vec(object).unwrap_or_default().into(),
        }
    }

    /// Decodes the object.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }

    pub(crate) fn key(&self) -> String {
        key(&self.meta.namespace, &self.meta.name)
    }
}

/// `namespace/name`, or the name alone: the order in which a real server lists.
pub(crate) fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

/// One committed write.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) before: Option<Arc<Stored>>,
    /// The new state; of a deletion, the last state at the deletion's resourceVersion.
    pub(crate) after: Arc<Stored>,
    pub(crate) deleted: bool,
}

/// The objects of one resource.
#[derive(Debug, Default)]
pub(crate) struct Table {
    objects: BTreeMap<Box<str>, Arc<Stored>>,
    history: VecDeque<Change>,
    /// Changes up to this resourceVersion are forgotten.
    compacted: u64,
    /// The newest change of each namespace that ever had one.
    newest: HashMap<Box<str>, u64>,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Stored>> {
        self.objects.get(key)
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Whether a watcher of a namespace (all, when empty) at a resourceVersion missed changes
    /// that are forgotten.
    pub(crate) fn missed(&self, namespace: &str, version: u64) -> bool {
        let newest = self.newest.get(namespace).copied().unwrap_or(0);
        version < self.compacted && (namespace.is_empty() || newest > version)
    }

    /// Changes after a resourceVersion, oldest first.
    pub(crate) fn since(&self, version: u64) -> impl Iterator<Item = &Change> {
        let start = self.history.partition_point(|c| c.version <= version);
        self.history.range(start..)
    }

    /// Visits the objects under a prefix, after a key, as they were at a resourceVersion, until
    /// the visitor answers false.
    pub(crate) fn scan(
        &self,
        prefix: &str,
        after: &str,
        at: u64,
        mut visit: impl FnMut(&Arc<Stored>) -> bool,
    ) {
        let mut past: BTreeMap<String, Option<&Arc<Stored>>> = BTreeMap::new();
        for change in self.since(at) {
            past.entry(change.after.key())
                .or_insert(change.before.as_ref());
        }
        let from = if after > prefix {
            Bound::Excluded(after)
        } else {
            Bound::Included(prefix)
        };
        let inside = |key: &str| key.starts_with(prefix);
        let mut now = self
            .objects
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(k, _)| inside(k))
            .peekable();
        let mut then = past
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(k, _)| inside(k))
            .peekable();
        loop {
            let old_first = match (now.peek(), then.peek()) {
                (None, None) => return,
                (Some(_), None) => false,
                (None, Some(_)) => true,
                (Some((n, _)), Some((t, _))) => t.as_str() <= &***n,
            };
            let found = if old_first {
                let Some((key, old)) = then.next() else {
                    return;
                };
                now.next_if(|(k, _)| &***k == key.as_str());
                *old
            } else {
                now.next().map(|(_, stored)| stored)
            };
            if found.is_some_and(|stored| !visit(stored)) {
                return;
            }
        }
    }

    fn record(&mut self, change: Change, limit: usize) {
        match self.newest.get_mut(&change.after.meta.namespace) {
            Some(newest) => *newest = change.version,
            None => {
                self.newest
                    .insert(change.after.meta.namespace.clone(), change.version);
            }
        }
        self.history.push_back(change);
        while self.history.len() > limit {
            if let Some(gone) = self.history.pop_front() {
                self.compacted = gone.version;
            }
        }
    }
}

/// Every table, and what ties them together.
#[derive(Debug)]
pub(crate) struct Store {
    tables: Vec<Table>,
    version: u64,
    /// Changes remembered per table.
    history: usize,
    /// Where each living object is, by UID.
    places: HashMap<Box<str>, (TableId, Box<str>)>,
    /// Dependents by owner's UID.
    dependents: HashMap<Box<str>, BTreeSet<(TableId, Box<str>)>>,
    touched: BTreeSet<(TableId, Box<str>)>,
}

impl Store {
    pub(crate) fn new(history: usize) -> Self {
        Self {
            tables: Vec::new(),
            version: 1,
            history: history.max(1),
            places: HashMap::new(),
            dependents: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Makes room for tables up to a count.
    pub(crate) fn reserve(&mut self, tables: usize) {
        while self.tables.len() < tables {
            self.tables.push(Table::default());
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn table(&self, id: TableId) -> &Table {
        &self.tables[id]
    }

    /// The resourceVersion that the next write gets.
    pub(crate) fn next_version(&self) -> u64 {
        self.version + 1
    }

    /// Where the object with a UID is, if it lives.
    pub(crate) fn place(&self, uid: &str) -> Option<&(TableId, Box<str>)> {
        self.places.get(uid)
    }

    /// Who names this UID as an owner.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<(TableId, Box<str>)> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Stores an object that was encoded with `next_version`.
    pub(crate) fn put(&mut self, id: TableId, stored: Stored) -> Arc<Stored> {
        let stored = Arc::new(stored);
        let key: Box<str> = stored.key().into();
        self.version = stored.meta.version;
        self.touched.insert((id, stored.meta.namespace.clone()));
        let before = self.tables[id]
            .objects
            .insert(key.clone(), Arc::clone(&stored));
        if let Some(before) = &before {
            self.unlink(id, &key, before);
        }
        self.places
            .insert(stored.meta.uid.clone(), (id, key.clone()));
        for owner in &stored.meta.owners {
            self.dependents
                .entry(owner.clone())
                .or_default()
                .insert((id, key.clone()));
        }
        let after = Arc::clone(&stored);
        let version = stored.meta.version;
        let limit = self.history;
        self.tables[id].record(
            Change {
                version,
                before,
                after,
                deleted: false,
            },
            limit,
        );
        stored
    }

    /// Removes an object; the tombstone was encoded with `next_version`.
    pub(crate) fn remove(&mut self, id: TableId, tombstone: Stored) -> Arc<Stored> {
        let after = Arc::new(tombstone);
        let key = after.key();
        self.version = after.meta.version;
        self.touched.insert((id, after.meta.namespace.clone()));
        let before = self.tables[id].objects.remove(key.as_str());
        if let Some(before) = &before {
            self.unlink(id, &key, before);
        }
        let version = self.version;
        let limit = self.history;
        let change = Change {
            version,
            before,
            after: Arc::clone(&after),
            deleted: true,
        };
        self.tables[id].record(change, limit);
        after
    }

    fn unlink(&mut self, id: TableId, key: &str, before: &Stored) {
        self.places.remove(&before.meta.uid);
        for owner in &before.meta.owners {
            if let Some(set) = self.dependents.get_mut(owner) {
                set.remove(&(id, key.into()));
                if set.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }

    /// Replaces the encoding of what is stored without a write, after a change of the
    /// selectable fields.
    pub(crate) fn reindex(&mut self, id: TableId, selectable: &[String]) {
        for stored in self.tables[id].objects.values_mut() {
            let again = Stored::encode(&stored.value(), stored.meta.version, selectable);
            *stored = Arc::new(again);
        }
    }

    /// Forgets the history up to a resourceVersion, as etcd's compaction does.
    pub(crate) fn compact(&mut self, version: u64) {
        for table in &mut self.tables {
            while table.history.front().is_some_and(|c| c.version <= version) {
                table.history.pop_front();
            }
            table.compacted = table.compacted.max(version.min(self.version));
        }
    }

    /// The tables and namespaces written since the last call.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<(TableId, Box<str>)> {
        std::mem::take(&mut self.touched)
    }
}

#[cfg(test)]
mod tests;
