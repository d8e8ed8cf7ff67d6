//! Pure. managedFields: who owns which field, tracked for every write as the real server does.

mod diff;
mod set;

use serde_json::{Value, json};

pub(crate) use diff::compare;
pub(crate) use set::FieldSet;

use super::meta;
use super::schema::Schema;

/// More update entries than this are merged, oldest first.
const MAX_UPDATE_MANAGERS: usize = 10;
/// Paths of the metadata that nobody owns.
const NOBODYS: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// Who writes, when, and through what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: &'a str,
    /// Empty for the main resource.
    pub(crate) subresource: &'a str,
    pub(crate) time: &'a str,
}

#[derive(Clone, Debug)]
struct Entry {
    manager: String,
    operation: String,
    api_version: String,
    subresource: String,
    time: Option<String>,
    fields: FieldSet,
}

impl Entry {
    fn is(&self, write: &Write<'_>) -> bool {
        self.operation == "Update"
            && self.manager == write.manager
            && self.api_version == write.api_version
            && self.subresource == write.subresource
    }

    fn encode(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation,
            "apiVersion": self.api_version, "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.encode(),
        });
        if let Some(time) = &self.time {
            entry["time"] = json!(time);
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }
}

/// Rewrites `new`'s managedFields for a write that turns `old` into it.
/// `meta_schema` is the schema of the metadata of custom resources, whose own schema has none.
pub(crate) fn track(
    schema: &Schema,
    meta_schema: &Schema,
    old: Option<&Value>,
    new: &mut Value,
    write: &Write<'_>,
) {
    let mut entries = source(old, new, write);
    meta::remove(new, "managedFields");
    if old.is_some() && entries.is_empty() {
        return;
    }
    let empty = json!({});
    // Of what was written through another group (events have two), the real server knows nothing.
    let group = |api_version: &str| api_version.split_once('/').map(|(g, _)| g.to_owned());
    entries.retain(|e| group(&e.api_version) == group(write.api_version));
    let change = compare(schema, meta_schema, Some(old.unwrap_or(&empty)), Some(new));
    let mut mine = change.added;
    mine.union(&change.modified);
    for entry in &mut entries {
        entry.fields.subtract(&mine);
        entry.fields.subtract(&change.removed);
    }
    strip(&mut mine);
    if !mine.is_empty() {
        match entries.iter_mut().find(|e| e.is(write)) {
            Some(entry) => {
                entry.fields.union(&mine);
                entry.time = Some(write.time.to_owned());
            }
            None => entries.push(Entry {
                manager: write.manager.to_owned(),
                operation: "Update".to_owned(),
                api_version: write.api_version.to_owned(),
                subresource: write.subresource.to_owned(),
                time: Some(write.time.to_owned()),
                fields: mine,
            }),
        }
    }
    entries.retain(|e| !e.fields.is_empty());
    cap(&mut entries);
    entries.sort_by(|a, b| {
        let order = |e: &Entry| {
            let place = (
                e.manager.clone(),
                e.api_version.clone(),
                e.subresource.clone(),
            );
            (e.operation.clone(), e.time.clone(), place)
        };
        order(a).cmp(&order(b))
    });
    if !entries.is_empty() {
        let encoded: Vec<Value> = entries.iter().map(Entry::encode).collect();
        meta::set(new, "managedFields", encoded);
    }
}

/// The entries to start from: those the request carries, or else the stored ones.
fn source(old: Option<&Value>, new: &Value, write: &Write<'_>) -> Vec<Entry> {
    let stored = || decode(old.and_then(|o| o["metadata"]["managedFields"].as_array()));
    if !write.subresource.is_empty() {
        return stored();
    }
    match new["metadata"]["managedFields"].as_array() {
        Some(list) if list.is_empty() || (list.len() == 1 && list[0] == json!({})) => Vec::new(),
        Some(list) if !list.is_empty() && list.iter().all(is_entry) => decode(Some(list)),
        _ => stored(),
    }
}

/// Whether an entry that a request carries can be read; one that cannot makes all of them void.
fn is_entry(entry: &Value) -> bool {
    let text = |key: &str| entry[key].as_str().unwrap_or_default();
    matches!(text("operation"), "Apply" | "Update")
        && !text("apiVersion").is_empty()
        && text("fieldsType") == "FieldsV1"
        && (entry["fieldsV1"].is_null() || entry["fieldsV1"].is_object())
}

fn decode(list: Option<&Vec<Value>>) -> Vec<Entry> {
    let text = |e: &Value, key: &str| e[key].as_str().unwrap_or_default().to_owned();
    list.into_iter()
        .flatten()
        .map(|e| Entry {
            manager: text(e, "manager"),
            operation: text(e, "operation"),
            api_version: text(e, "apiVersion"),
            subresource: text(e, "subresource"),
            time: e["time"].as_str().map(str::to_owned),
            fields: FieldSet::decode(&e["fieldsV1"]),
        })
        .collect()
}

fn strip(set: &mut FieldSet) {
    set.remove_member(&["f:apiVersion"]);
    set.remove_member(&["f:kind"]);
    set.remove_member(&["f:metadata"]);
    for name in NOBODYS {
        set.remove_member(&["f:metadata", &format!("f:{name}")]);
    }
}

/// Merges the oldest update entries into `ancient-changes` until few enough remain.
fn cap(entries: &mut Vec<Entry>) {
    let updates = |entries: &[Entry]| entries.iter().filter(|e| e.operation == "Update").count();
    while updates(entries) > MAX_UPDATE_MANAGERS {
        let mut order: Vec<usize> = (0..entries.len())
            .filter(|i| entries[*i].operation == "Update")
            .collect();
        order.sort_by_key(|i| (entries[*i].time.clone(), entries[*i].manager.clone()));
        let (Some(&first), Some(&second)) = (order.first(), order.get(1)) else {
            return;
        };
        let old = entries[first].clone();
        let bucket = &mut entries[second];
        bucket.fields.union(&old.fields);
        bucket.manager = "ancient-changes".to_owned();
        bucket.subresource.clear();
        entries.remove(first);
    }
}

#[cfg(test)]
mod tests;
