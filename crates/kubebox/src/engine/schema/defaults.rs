//! Pure. Structural defaulting, and the removal of nulls where null is not allowed.

use serde_json::Value;

use super::{Additional, Schema};

/// Fills in defaults and drops nulls of fields that are not nullable.
pub(crate) fn apply_defaults(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in &schema.properties {
                let null = map.get(key).is_some_and(Value::is_null) && !inner.nullable;
                if let (true, Some(default)) = (null || !map.contains_key(key), &inner.default) {
                    map.insert(key.clone(), default.clone());
                } else if null {
                    map.remove(key);
                }
                if let Some(v) = map.get_mut(key) {
                    apply_defaults(inner, v);
                }
            }
            if let Additional::Schema(inner) = &schema.additional {
                map.retain(|key, v| {
                    schema.properties.contains_key(key) || inner.nullable || !v.is_null()
                });
                for (key, v) in map.iter_mut() {
                    if !schema.properties.contains_key(key) {
                        apply_defaults(inner, v);
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = &schema.items {
                for item in items {
                    apply_defaults(inner, item);
                }
            }
        }
        _ => {}
    }
}
