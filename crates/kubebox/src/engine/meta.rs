//! Pure. Reading and writing an object's metadata.

use jiff::Timestamp;
use serde_json::{Value, json};

/// One entry of `ownerReferences`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) blocks: bool,
}

/// A string of the metadata; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

pub(crate) fn set(object: &mut Value, key: &str, value: impl Into<Value>) {
    let slot = &mut object["metadata"];
    if !slot.is_object() {
        *slot = json!({});
    }
    slot[key] = value.into();
}

pub(crate) fn remove(object: &mut Value, key: &str) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove(key)
}

/// The entries of a string map of the metadata (labels, annotations).
pub(crate) fn strings<'a>(
    object: &'a Value,
    key: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = object["metadata"][key].as_object();
    map.into_iter()
        .flatten()
        .map(|(k, v)| (k.as_str(), v.as_str().unwrap_or_default()))
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object["metadata"]["finalizers"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

pub(crate) fn set_finalizers(object: &mut Value, list: &[String]) {
    if list.is_empty() {
        remove(object, "finalizers");
    } else {
        set(object, "finalizers", json!(list));
    }
}

pub(crate) fn owners(object: &Value) -> impl Iterator<Item = Owner<'_>> {
    let list = object["metadata"]["ownerReferences"].as_array();
    list.into_iter().flatten().map(|o| Owner {
        api_version: o["apiVersion"].as_str().unwrap_or_default(),
        kind: o["kind"].as_str().unwrap_or_default(),
        name: o["name"].as_str().unwrap_or_default(),
        uid: o["uid"].as_str().unwrap_or_default(),
        blocks: o["blockOwnerDeletion"] == true,
    })
}

/// Whether deletion was asked for.
pub(crate) fn terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

pub(crate) fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or(0)
}

/// RFC 3339 in whole seconds, as `metav1.Time` prints.
pub(crate) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The value at a simple JSON path (`.a.b`, `.a[0]`, `.a['x']`); lists answer by index only.
pub(crate) fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = object;
    for part in path_parts(path) {
        at = match (at, part.parse::<usize>()) {
            (Value::Array(items), Ok(i)) => items.get(i)?,
            _ => at.get(part.as_str())?,
        };
    }
    Some(at)
}

fn path_parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut current = String::new();
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => current.extend(chars.next()),
            '.' | ']' => parts.push(std::mem::take(&mut current)),
            '[' => {
                parts.push(std::mem::take(&mut current));
                if let Some(&q @ ('\'' | '"')) = chars.peek() {
                    chars.next();
                    current.extend(chars.by_ref().take_while(|c| *c != q));
                }
            }
            c => current.push(c),
        }
    }
    parts.push(current);
    parts.retain(|p| !p.is_empty());
    parts
}

/// A selectable field as selectors compare it.
pub(crate) fn field_text(object: &Value, path: &str) -> Box<str> {
    match at_path(object, path) {
        Some(Value::String(s)) => s.as_str().into(),
        Some(v @ (Value::Bool(_) | Value::Number(_))) => v.to_string().into(),
        // An event's `source` selects by its component.
        Some(v @ Value::Object(_)) => v["component"].as_str().unwrap_or_default().into(),
        _ => "".into(),
    }
}
