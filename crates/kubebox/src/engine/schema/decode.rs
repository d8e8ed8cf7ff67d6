//! Pure. Type checks of typed (built-in) objects, worded as Go's JSON decoder words them.

use serde_json::Value;

use super::{Additional, Schema, Type, times};

/// Finds the first field whose JSON type does not fit; `owner` names the Go struct.
pub(crate) fn mismatch(schema: &Schema, value: &Value, owner: &str, path: &str) -> Option<String> {
    if value.is_null() {
        return None;
    }
    // A wrong time ends Go's decoding at once; what has another type is told only at the end.
    if path.is_empty()
        && let Some(text) = wrong_time(schema, value)
    {
        return Some(text);
    }
    let kind = schema.kind?;
    if !schema.int_or_string && !fits(kind, value) {
        let got = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            _ => "object",
        };
        let place = if path.is_empty() {
            "Go value".to_owned()
        } else {
            format!("Go struct field {owner}.{path}")
        };
        return Some(format!(
            "json: cannot unmarshal {got} into {place} of type {}",
            go_type(schema, kind)
        ));
    }
    match value {
        Value::String(text) if matches!(schema.format.as_str(), "microtime" | "date-time") => {
            times::canonical(&schema.format, text).err()
        }
        Value::Object(map) => map.iter().find_map(|(key, v)| {
            let inner = match (schema.properties.get(key), &schema.additional) {
                (Some(inner), _) => inner,
                (None, Additional::Schema(inner)) => {
                    return mismatch(inner, v, owner, path);
                }
                _ => return None,
            };
            let owner = if path == "metadata" {
                "ObjectMeta"
            } else {
                owner
            };
            let at = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            mismatch(inner, v, owner, &at)
        }),
        Value::Array(items) => {
            let inner = schema.items.as_deref()?;
            items.iter().find_map(|v| mismatch(inner, v, owner, path))
        }
        _ => None,
    }
}

fn wrong_time(schema: &Schema, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if matches!(schema.format.as_str(), "microtime" | "date-time") => {
            times::canonical(&schema.format, text).err()
        }
        Value::Object(map) => map.iter().find_map(|(key, v)| {
            let inner = schema.properties.get(key)?;
            wrong_time(inner, v)
        }),
        Value::Array(items) => {
            let inner = schema.items.as_deref()?;
            items.iter().find_map(|v| wrong_time(inner, v))
        }
        _ => None,
    }
}

/// Brings the times of a typed object, which [`mismatch`] has let through, to their one form.
pub(crate) fn canonical_times(schema: &Schema, value: &mut Value) {
    match value {
        Value::String(text) if matches!(schema.format.as_str(), "microtime" | "date-time") => {
            if let Ok(form) = times::canonical(&schema.format, text) {
                *text = form;
            }
        }
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if let Some(field) = schema.properties.get(key) {
                    canonical_times(field, inner);
                }
            }
        }
        Value::Array(items) => {
            if let Some(field) = &schema.items {
                items.iter_mut().for_each(|v| canonical_times(field, v));
            }
        }
        _ => {}
    }
}

fn fits(kind: Type, value: &Value) -> bool {
    match kind {
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
    }
}

fn go_type(schema: &Schema, kind: Type) -> String {
    match (kind, &schema.additional) {
        (Type::Object, Additional::Schema(inner)) if inner.format == "byte" => {
            "map[string][]uint8".into()
        }
        (Type::Object, Additional::Schema(_)) => "map[string]string".into(),
        (Type::Object, _) => "struct".into(),
        (Type::Array, _) => "[]string".into(),
        (Type::String, _) if schema.format == "byte" => "[]uint8".into(),
        (Type::String, _) => "string".into(),
        (Type::Integer, _) => "int32".into(),
        (Type::Number, _) => "float64".into(),
        (Type::Boolean, _) => "bool".into(),
    }
}
