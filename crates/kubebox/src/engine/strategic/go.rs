//! Pure. Values and types as Go's `fmt` prints them, for the texts of errors.

use serde_json::{Map, Value};

/// A value as `%v` prints it.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => print_list(list),
        Value::Object(map) => print_map(map),
        other => other.to_string(),
    }
}

pub(super) fn print_list(list: &[Value]) -> String {
    let items: Vec<String> = list.iter().map(print).collect();
    format!("[{}]", items.join(" "))
}

/// A map as `%v` prints it: sorted by key.
pub(super) fn print_map(map: &Map<String, Value>) -> String {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let entries: Vec<String> = entries
        .into_iter()
        .map(|(key, value)| format!("{key}:{}", print(value)))
        .collect();
    format!("map[{}]", entries.join(" "))
}

/// The type of a decoded JSON value.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// What `%s` prints of a value that is no text.
pub(super) fn wrong_text(value: &Value) -> String {
    match value {
        Value::Null => "%!s(<nil>)".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("%!s({}={})", type_of(value), print(value)),
        other => print(other),
    }
}
