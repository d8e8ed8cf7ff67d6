//! Pure. A reader of structural schemas: walks them, fills in defaults, checks objects strictly.

use regex::Regex;
use serde_json::{Map, Value};
use tidegate_api::crd::crds;

/// The v1 schema of a kind.
pub(crate) fn of_kind(kind: &str) -> Value {
    let crd = crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .expect(kind);
    let version = crd
        .spec
        .versions
        .into_iter()
        .find(|version| version.name == "v1");
    let schema = version
        .and_then(|version| version.schema)
        .expect("a schema");
    serde_json::to_value(schema.open_api_v3_schema).expect("a schema is JSON")
}

/// Shows every schema node with its path, as the field list writes paths, and whether its parent
/// demands it.
pub(crate) fn walk(
    node: &Value,
    path: &str,
    required: bool,
    see: &mut impl FnMut(&str, &Value, bool),
) {
    see(path, node, required);
    let demanded: Vec<&str> = strings(&node["required"]);
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        let demanded = demanded.contains(&name.as_str());
        walk(property, &format!("{path}{dot}{name}"), demanded, see);
    }
    if node["items"].is_object() {
        walk(&node["items"], &format!("{path}[]"), false, see);
    }
    if node["additionalProperties"].is_object() {
        walk(
            &node["additionalProperties"],
            &format!("{path}{{}}"),
            false,
            see,
        );
    }
}

pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Does to an object what the API server does before it validates: drops nulls that the schema
/// does not keep, then fills in defaults.
pub(crate) fn fill_in(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let properties = schema["properties"].as_object();
            for (name, property) in properties.into_iter().flatten() {
                if map.get(name).is_some_and(Value::is_null) && property["nullable"] != true {
                    map.remove(name);
                }
                if let (None, Some(default)) = (map.get(name), property.get("default")) {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in map {
                fill_in(below(schema, name), value);
            }
        }
        Value::Array(list) => list
            .iter_mut()
            .for_each(|item| fill_in(&schema["items"], item)),
        _ => {}
    }
}

fn below<'a>(schema: &'a Value, name: &str) -> &'a Value {
    match &schema["properties"][name] {
        Value::Null => &schema["additionalProperties"],
        property => property,
    }
}

/// What is wrong with an object, unknown fields included.
pub(crate) fn problems(schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    let mut wrong = |what: &str| out.push(format!("{path}: {what}"));
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if schema["x-kubernetes-int-or-string"] == true {
        if !value.is_string() && !value.is_i64() {
            wrong("neither integer nor string");
        }
        return;
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => schema["x-kubernetes-preserve-unknown-fields"] == true,
    };
    if !fits {
        return wrong(&format!("{value} is no {}", schema["type"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|allowed| !allowed.contains(value))
    {
        wrong(&format!("{value} is none of {}", schema["enum"]));
    }
    match value {
        Value::Object(map) => object_problems(schema, map, path, out),
        Value::Array(list) => {
            limits(schema, "Items", list.len(), path, out);
            for (number, item) in list.iter().enumerate() {
                problems(&schema["items"], item, &format!("{path}[{number}]"), out);
            }
        }
        Value::String(text) => {
            limits(schema, "Length", text.chars().count(), path, out);
            if let Some(pattern) = schema["pattern"].as_str()
                && !Regex::new(pattern).expect(pattern).is_match(text)
            {
                out.push(format!("{path}: {text:?} does not match {pattern}"));
            }
        }
        _ => {}
    }
}

fn object_problems(schema: &Value, map: &Map<String, Value>, path: &str, out: &mut Vec<String>) {
    limits(schema, "Properties", map.len(), path, out);
    for name in strings(&schema["required"]) {
        if !map.contains_key(name) {
            out.push(format!("{path}: {name} is missing"));
        }
    }
    for (name, value) in map {
        match below(schema, name) {
            Value::Null if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
            Value::Null => out.push(format!("{path}: {name} is unknown")),
            property => problems(property, value, &format!("{path}.{name}"), out),
        }
    }
}

fn limits(schema: &Value, what: &str, count: usize, path: &str, out: &mut Vec<String>) {
    let count = count as u64;
    if schema[format!("min{what}")]
        .as_u64()
        .is_some_and(|least| count < least)
    {
        out.push(format!("{path}: fewer than min{what}"));
    }
    if schema[format!("max{what}")]
        .as_u64()
        .is_some_and(|most| count > most)
    {
        out.push(format!("{path}: more than max{what}"));
    }
}
