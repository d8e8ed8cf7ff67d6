//! Pure. Pruning: fields that a schema does not know are dropped, and named for strict requests.

use serde_json::{Map, Value};

use super::{Additional, Schema, Type};
use crate::engine::field::{child, index};

/// Drops unknown fields and gives their paths, sorted as found.
pub(crate) fn prune(schema: &Schema, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => prune_map(schema, map, path, unknown),
        Value::Array(items) => {
            if let Some(inner) = &schema.items {
                for (i, item) in items.iter_mut().enumerate() {
                    prune(inner, item, &index(path, i), unknown);
                }
            }
        }
        _ => {}
    }
}

fn prune_map(schema: &Schema, map: &mut Map<String, Value>, path: &str, unknown: &mut Vec<String>) {
    let root = path.is_empty() || schema.embedded;
    map.retain(|key, value| {
        if root
            && matches!(key.as_str(), "apiVersion" | "kind" | "metadata")
            && !schema.properties.contains_key(key)
        {
            return true;
        }
        let at = child(path, key);
        if let Some(inner) = schema.properties.get(key) {
            prune(inner, value, &at, unknown);
            return true;
        }
        match &schema.additional {
            Additional::Schema(inner) => {
                prune(inner, value, &at, unknown);
                true
            }
            Additional::Any => true,
            Additional::None if schema.preserve => true,
            Additional::None => {
                unknown.push(at);
                false
            }
        }
    });
}

/// Drops nulls and empty fields of structs, as Go's `omitempty` does on the way out; the entries
/// of maps and lists stay as they are.
pub(crate) fn drop_empty(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if schema.properties.is_empty() {
                if let Additional::Schema(inner) = &schema.additional {
                    for value in map.values_mut() {
                        drop_empty(inner, value);
                        // A Go map of strings has no null.
                        if value.is_null() && inner.kind == Some(Type::String) {
                            *value = "".into();
                        }
                    }
                }
                return;
            }
            map.retain(|key, v| {
                let Some(inner) = schema.properties.get(key) else {
                    return true;
                };
                drop_empty(inner, v);
                match v {
                    Value::Null => false,
                    // An empty object of free form can be a flag, as `subresources.status` is.
                    Value::Object(m) => !m.is_empty() || inner.preserve,
                    Value::Array(a) => !a.is_empty(),
                    Value::String(s) => !s.is_empty() || inner.pointer,
                    Value::Number(n) => !inner.omit_zero || n.as_i64() != Some(0),
                    _ => true,
                }
            });
        }
        Value::Array(items) => {
            if let Some(inner) = &schema.items {
                items.iter_mut().for_each(|v| drop_empty(inner, v));
            }
        }
        _ => {}
    }
}
