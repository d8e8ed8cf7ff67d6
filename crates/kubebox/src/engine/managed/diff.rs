//! Pure. What a write added, modified and removed, field by field, by the schema's ownership rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::FieldSet;
use crate::engine::schema::{ListType, Schema};

/// The three sets of one comparison.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

impl Change {
    fn insert(&mut self, element: &str, child: Change) {
        self.added.insert(element, child.added);
        self.modified.insert(element, child.modified);
        self.removed.insert(element, child.removed);
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// Compares two states; absent means that the field is not there.
pub(crate) fn compare(
    schema: &Schema,
    meta: &Schema,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Change {
    let mut change = node(Some(schema), old, new);
    if !schema.properties.contains_key("metadata") {
        let of = |v: Option<&Value>| v.and_then(|v| v.get("metadata")).cloned();
        let inner = node(Some(meta), of(old).as_ref(), of(new).as_ref());
        for set in [&mut change.added, &mut change.modified, &mut change.removed] {
            set.children.remove("f:metadata");
        }
        change.insert("f:metadata", inner);
    }
    change
}

fn leaf(old: Option<&Value>, new: Option<&Value>) -> Change {
    let mut change = Change::default();
    match (old, new) {
        (None, Some(_)) => change.added = FieldSet::own(),
        (Some(_), None) => change.removed = FieldSet::own(),
        (Some(a), Some(b)) if a != b => change.modified = FieldSet::own(),
        _ => {}
    }
    change
}

fn node(schema: Option<&Schema>, old: Option<&Value>, new: Option<&Value>) -> Change {
    if old == new {
        return Change::default();
    }
    let inline = schema.is_some_and(|s| s.inline);
    let nothing = Value::Object(Map::new());
    let (old, new) = if inline {
        (old.or(Some(&nothing)), new.or(Some(&nothing)))
    } else {
        (old, new)
    };
    let map = |v: Option<&Value>| v.is_none_or(Value::is_object);
    let list = |v: Option<&Value>| v.is_none_or(Value::is_array);
    let empty = |v: Option<&Value>| match v {
        Some(Value::Object(m)) => m.is_empty(),
        Some(Value::Array(a)) => a.is_empty(),
        _ => true,
    };
    let mut change = if empty(old) && empty(new) {
        return leaf(old, new);
    } else if map(old) && map(new) && !schema.is_some_and(|s| s.atomic) {
        maps(schema, old, new)
    } else if list(old) && list(new) && schema.is_some_and(|s| s.list != ListType::Atomic) {
        lists(schema, old, new)
    } else {
        return leaf(old, new);
    };
    match (old, new) {
        (None, _) => change.added.member = true,
        (_, None) => change.removed.member = true,
        _ => {}
    }
    change
}

fn maps(schema: Option<&Schema>, old: Option<&Value>, new: Option<&Value>) -> Change {
    let mut change = Change::default();
    let nothing = Map::new();
    let old = old.and_then(Value::as_object).unwrap_or(&nothing);
    let new = new.and_then(Value::as_object).unwrap_or(&nothing);
    let keys = old
        .keys()
        .chain(new.keys().filter(|k| !old.contains_key(*k)));
    for key in keys {
        let inner = schema.and_then(|s| s.field(key));
        let child = node(inner, old.get(key), new.get(key));
        if !child.is_empty() {
            change.insert(&format!("f:{key}"), child);
        }
    }
    change
}

fn lists(schema: Option<&Schema>, old: Option<&Value>, new: Option<&Value>) -> Change {
    let Some(schema) = schema else {
        return leaf(old, new);
    };
    let mut change = Change::default();
    let old = by_element(schema, old);
    let new = by_element(schema, new);
    let keys = old
        .keys()
        .chain(new.keys().filter(|k| !old.contains_key(*k)));
    for key in keys {
        let inner = schema.items.as_deref();
        let (a, b) = (old.get(key).copied(), new.get(key).copied());
        change.insert(key, node(inner, a, b));
    }
    change
}

/// The items of an associative list by their path element.
fn by_element<'a>(schema: &Schema, list: Option<&'a Value>) -> BTreeMap<String, &'a Value> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let element = |item: &Value| match &schema.list {
        ListType::Map(keys) => {
            let key: Map<String, Value> = keys
                .iter()
                .filter_map(|k| {
                    let default = || field_default(schema, k);
                    Some((k.clone(), item.get(k).cloned().or_else(default)?))
                })
                .collect();
            format!("k:{}", Value::Object(key))
        }
        _ => format!("v:{item}"),
    };
    items.map(|item| (element(item), item)).collect()
}

fn field_default(schema: &Schema, key: &str) -> Option<Value> {
    schema.items.as_ref()?.properties.get(key)?.default.clone()
}
