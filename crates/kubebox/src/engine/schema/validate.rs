//! Pure. Validation of a custom resource by its schema, in the real server's words.

use serde_json::{Map, Value};

use super::{Additional, ListType, Schema, Type, formats, type_name};
use crate::engine::field::{FieldError, child, index};

/// Gives every violation, in the order of the fields' names.
pub(crate) fn validate(schema: &Schema, value: &Value, path: &str) -> Vec<FieldError> {
    let mut out = Vec::new();
    node(schema, value, path, &mut out);
    keyed_lists(schema, value, path, &mut out);
    out
}

fn node(schema: &Schema, value: &Value, path: &str, out: &mut Vec<FieldError>) {
    if value.is_null() && (schema.nullable || (schema.kind.is_none() && !schema.int_or_string)) {
        return;
    }
    if let Some(expected) = wrong_type(schema, value) {
        let got = type_name(value);
        let detail = format!("{path} in body must be of type {expected}: \"{got}\"");
        out.push(FieldError::type_invalid(
            shown(path),
            Value::from(got),
            detail,
        ));
        return;
    }
    compound(schema, value, path, out);
    match value {
        Value::String(text) => string(schema, text, path, out),
        Value::Number(number) => {
            if let Some(n) = number.as_f64() {
                numeric(schema, n, value, path, out);
            }
        }
        Value::Array(items) => array(schema, items, path, out),
        _ => {}
    }
    if let Some(allowed) = &schema.allowed
        && !allowed.contains(value)
    {
        let list: Vec<String> = allowed
            .iter()
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
            .collect();
        let names = list.iter().map(String::as_str);
        out.push(FieldError::not_supported(shown(path), value.clone(), names));
    }
    if let Value::Object(map) = value {
        object(schema, map, path, out);
    }
}

fn shown(path: &str) -> String {
    path.to_owned()
}

fn wrong_type(schema: &Schema, value: &Value) -> Option<&'static str> {
    if schema.int_or_string {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("integer,string");
    }
    let kind = schema.kind?;
    let fits = match kind {
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Boolean => value.is_boolean(),
        Type::Number => value.is_number(),
        Type::Integer => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
        }
    };
    (!fits).then_some(kind.name())
}

fn bad(out: &mut Vec<FieldError>, path: &str, value: Value, text: String) {
    out.push(FieldError::invalid(
        shown(path),
        value,
        format!("{path} in body {text}"),
    ));
}

fn string(schema: &Schema, text: &str, path: &str, out: &mut Vec<FieldError>) {
    let length = text.chars().count() as u64;
    let limits = &schema.limits;
    if let Some(max) = limits.max_length.filter(|max| length > *max) {
        out.push(FieldError::too_long(shown(path), max));
    } else if let Some(min) = limits.min_length.filter(|min| length < *min) {
        bad(
            out,
            path,
            text.into(),
            format!("should be at least {min} chars long"),
        );
    } else if let Some((source, Some(regex))) = &schema.pattern
        && !regex.is_match(text)
    {
        bad(out, path, text.into(), format!("should match '{source}'"));
    }
    if !formats::fits(&schema.format, text) {
        let detail = format!(
            "{path} in body must be of type {}: \"{text}\"",
            schema.format
        );
        out.push(FieldError::type_invalid(shown(path), text.into(), detail));
    }
}

fn numeric(schema: &Schema, n: f64, value: &Value, path: &str, out: &mut Vec<FieldError>) {
    let limits = &schema.limits;
    if let Some(max) = limits.maximum {
        if limits.exclusive_maximum && n >= max {
            bad(
                out,
                path,
                value.clone(),
                format!("should be less than {max}"),
            );
        } else if n > max {
            bad(
                out,
                path,
                value.clone(),
                format!("should be less than or equal to {max}"),
            );
        }
    }
    if let Some(min) = limits.minimum {
        if limits.exclusive_minimum && n <= min {
            bad(
                out,
                path,
                value.clone(),
                format!("should be greater than {min}"),
            );
        } else if n < min {
            bad(
                out,
                path,
                value.clone(),
                format!("should be greater than or equal to {min}"),
            );
        }
    }
    if let Some(factor) = limits
        .multiple_of
        .filter(|f| *f > 0.0 && (n / f).fract() != 0.0)
    {
        bad(
            out,
            path,
            value.clone(),
            format!("should be a multiple of {factor}"),
        );
    }
}

fn array(schema: &Schema, items: &[Value], path: &str, out: &mut Vec<FieldError>) {
    if let Some(inner) = &schema.items {
        for (i, item) in items.iter().enumerate() {
            node(inner, item, &index(path, i), out);
        }
    }
    let limits = &schema.limits;
    let count = items.len() as u64;
    if let Some(min) = limits.min_items.filter(|min| count < *min) {
        bad(
            out,
            path,
            count.into(),
            format!("should have at least {min} items"),
        );
    }
    if let Some(max) = limits.max_items.filter(|max| count > *max) {
        out.push(FieldError::too_many(shown(path), items.len(), max));
    }
    if limits.unique_items && (1..items.len()).any(|i| items[..i].contains(&items[i])) {
        bad(out, path, "".into(), "shouldn't contain duplicates".into());
    }
}

/// Sets and keyed lists may not hold the same item twice; looked at after everything else.
fn keyed_lists(schema: &Schema, value: &Value, path: &str, out: &mut Vec<FieldError>) {
    match value {
        Value::Array(items) => {
            match &schema.list {
                ListType::Set => {
                    let repeats = (1..items.len()).filter(|i| items[..*i].contains(&items[*i]));
                    for i in repeats {
                        out.push(FieldError::duplicate(index(path, i), items[i].clone()));
                    }
                }
                ListType::Map(keys) => duplicate_keys(keys, items, path, out),
                ListType::Atomic => {}
            }
            for (i, item) in items.iter().enumerate() {
                if let Some(inner) = &schema.items {
                    keyed_lists(inner, item, &index(path, i), out);
                }
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(inner) = schema.field(key) {
                    keyed_lists(inner, value, &child(path, key), out);
                }
            }
        }
        _ => {}
    }
}

fn duplicate_keys(keys: &[String], items: &[Value], path: &str, out: &mut Vec<FieldError>) {
    let mut seen: Vec<Map<String, Value>> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let key: Map<String, Value> = keys
            .iter()
            .filter_map(|k| item.get(k).map(|v| (k.clone(), v.clone())))
            .collect();
        if seen.contains(&key) {
            out.push(FieldError::duplicate(index(path, i), Value::Object(key)));
        } else {
            seen.push(key);
        }
    }
}

fn object(schema: &Schema, map: &Map<String, Value>, path: &str, out: &mut Vec<FieldError>) {
    let count = map.len() as u64;
    if let Some(max) = schema.limits.max_properties.filter(|max| count > *max) {
        out.push(FieldError::too_many(shown(path), map.len(), max));
    }
    if let Some(min) = schema.limits.min_properties.filter(|min| count < *min) {
        bad(
            out,
            path,
            count.into(),
            format!("should have at least {min} properties"),
        );
    }
    for (key, value) in map {
        let inner = match (schema.properties.get(key), &schema.additional) {
            (Some(inner), _) => inner,
            (None, Additional::Schema(inner)) => inner,
            _ => continue,
        };
        node(inner, value, &child(path, key), out);
    }
    for key in schema.required.iter().filter(|k| !map.contains_key(*k)) {
        out.push(FieldError::required(child(path, key), ""));
    }
}

/// The `allOf`, `anyOf`, `oneOf` and `not` of a node; their own errors have no field.
fn compound(schema: &Schema, value: &Value, path: &str, out: &mut Vec<FieldError>) {
    let nowhere = |text: String| FieldError::invalid("<nil>", "", text);
    if !schema.any_of.is_empty() {
        let (passed, best) = branches(&schema.any_of, value, path);
        if passed == 0 {
            out.push(nowhere(format!(
                "\"{path}\" must validate at least one schema (anyOf)"
            )));
            out.extend(best);
        }
    }
    if !schema.one_of.is_empty() {
        let (passed, best) = branches(&schema.one_of, value, path);
        if passed != 1 {
            let found = if passed == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {passed} valid alternatives")
            };
            out.push(nowhere(format!(
                "\"{path}\" must validate one and only one schema (oneOf). {found}"
            )));
            if passed == 0 {
                out.extend(best);
            }
        }
    }
    if !schema.all_of.is_empty() {
        let mut passed = 0;
        for branch in &schema.all_of {
            let errors = validate(branch, value, path);
            passed += usize::from(errors.is_empty());
            out.extend(errors);
        }
        if passed != schema.all_of.len() {
            let none = if passed == 0 { ". None validated" } else { "" };
            out.push(nowhere(format!(
                "\"{path}\" must validate all the schemas (allOf){none}"
            )));
        }
    }
    if let Some(not) = &schema.not
        && validate(not, value, path).is_empty()
    {
        out.push(nowhere(format!(
            "\"{path}\" must not validate the schema (not)"
        )));
    }
}

/// How many branches accept, and the errors of the one that came closest.
fn branches(list: &[Schema], value: &Value, path: &str) -> (usize, Vec<FieldError>) {
    let mut passed = 0;
    let mut best: Option<Vec<FieldError>> = None;
    for branch in list {
        let errors = validate(branch, value, path);
        if errors.is_empty() {
            passed += 1;
        } else if best.as_ref().is_none_or(|b| errors.len() < b.len()) {
            best = Some(errors);
        }
    }
    (passed, best.unwrap_or_default())
}
