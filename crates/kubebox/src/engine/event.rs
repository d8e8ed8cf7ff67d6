//! Pure. Events: one store with two faces, what Go prints of them, and their validation.

use serde_json::{Value, json};

use super::field::FieldError;
use super::meta;
use super::names;
use super::resource::{Builtin, Resource};

/// Turns a core event into an events.k8s.io one, or back; other objects pass unchanged.
pub(crate) fn convert_event(object: &mut Value, to_new: bool) {
    const NAMES: [(&str, &str); 7] = [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
        ("reportingComponent", "reportingController"),
    ];
    let Some(map) = object.as_object_mut() else {
        return;
    };
    for (old, new) in NAMES {
        let (from, to) = if to_new { (old, new) } else { (new, old) };
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
    let version = if to_new { "events.k8s.io/v1" } else { "v1" };
    map.insert("apiVersion".to_owned(), version.into());
}

/// What Go prints of an event though it is empty: the fields of each face.
fn always(new: bool) -> &'static [(&'static str, &'static str)] {
    if new {
        &[
            ("deprecatedFirstTimestamp", "null"),
            ("deprecatedLastTimestamp", "null"),
            ("deprecatedSource", "{}"),
            ("eventTime", "null"),
            ("regarding", "{}"),
        ]
    } else {
        &[
            ("eventTime", "null"),
            ("firstTimestamp", "null"),
            ("involvedObject", "{}"),
            ("lastTimestamp", "null"),
            ("reportingComponent", "\"\""),
            ("reportingInstance", "\"\""),
            ("source", "{}"),
        ]
    }
}

/// Adds the empty fields that an answer shows.
pub(crate) fn fill(resource: &Resource, new: bool, object: &mut Value) {
    if resource.builtin != Some(Builtin::Event) {
        return;
    }
    for (key, empty) in always(new) {
        if object.get(key).is_none() {
            object[*key] = match *empty {
                "null" => Value::Null,
                "{}" => json!({}),
                _ => "".into(),
            };
        }
    }
}

/// Takes those empty fields away again.
pub(crate) fn strip(resource: &Resource, new: bool, object: &mut Value) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    if resource.builtin == Some(Builtin::Event) {
        for (key, _) in always(new) {
            let empty = |v: &Value| {
                v.is_null() || v.as_str() == Some("") || v.as_object().is_some_and(|m| m.is_empty())
            };
            if map.get(*key).is_some_and(empty) {
                map.remove(*key);
            }
        }
    }
}

/// Validates an event; `object` is in its core form, whichever face was asked.
pub(crate) fn check(
    new_face: bool,
    object: &Value,
    old: Option<&Value>,
    out: &mut Vec<FieldError>,
) {
    legacy(new_face, object, out);
    if !new_face {
        return;
    }
    match old {
        None => modern(object, out),
        Some(old) => unchanged(object, old, out),
    }
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}

fn legacy(new_face: bool, object: &Value, out: &mut Vec<FieldError>) {
    let at = "involvedObject.namespace";
    let about = text(&object["involvedObject"], "namespace");
    let own = meta::text(object, "namespace");
    let differs = FieldError::invalid(at, about, "does not match event.namespace");
    if !object["eventTime"].is_string() {
        if about != own && !(about.is_empty() && own == "default") {
            out.push(differs);
        }
        return;
    }
    if about.is_empty() && !matches!(own, "default" | "kube-system") {
        out.push(differs);
    }
    let controller = if new_face {
        "reportingController"
    } else {
        "reportingComponent"
    };
    let reporter = text(object, "reportingComponent");
    if reporter.is_empty() {
        out.push(FieldError::required(controller, ""));
    }
    for problem in names::qualified_problems(reporter) {
        out.push(FieldError::invalid(controller, reporter, problem));
    }
    for key in ["reportingInstance", "action", "reason"] {
        let value = text(object, key);
        if value.is_empty() {
            out.push(FieldError::required(key, ""));
        }
        if value.len() > 128 {
            out.push(FieldError::invalid(
                key,
                "",
                "can have at most 128 characters",
            ));
        }
    }
    if text(object, "message").len() > 1024 {
        out.push(FieldError::invalid(
            "message",
            "",
            "can have at most 1024 characters",
        ));
    }
}

fn series(object: &Value, out: &mut Vec<FieldError>) {
    let Some(series) = object.get("series").filter(|s| s.is_object()) else {
        return;
    };
    if series["count"].as_i64().unwrap_or(0) < 2 {
        out.push(FieldError::invalid(
            "series.count",
            "",
            "should be at least 2",
        ));
    }
    if !series["lastObservedTime"].is_string() {
        out.push(FieldError::required("series.lastObservedTime", ""));
    }
}

fn modern(object: &Value, out: &mut Vec<FieldError>) {
    series(object, out);
    if !object["eventTime"].is_string() {
        out.push(FieldError::required("eventTime", ""));
    }
    let kind = text(object, "type");
    if !matches!(kind, "Normal" | "Warning") {
        out.push(FieldError::invalid(
            "type",
            "",
            format!("has invalid value: {kind}"),
        ));
    }
    for key in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        if object.get(key).is_some_and(|v| !v.is_null()) {
            out.push(FieldError::invalid(key, "", "needs to be unset"));
        }
    }
}

/// Almost nothing of an event of the new face can change.
fn unchanged(object: &Value, old: &Value, out: &mut Vec<FieldError>) {
    if object["series"] != old["series"] {
        series(object, out);
    }
    for key in [
        "involvedObject",
        "reason",
        "reportingComponent",
        "reportingInstance",
        "action",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "related",
        "type",
        "eventTime",
    ] {
        if object[key] != old[key] {
            let shown = match key {
                "reportingComponent" => "reportingController",
                other => other,
            };
            out.push(FieldError::invalid(
                shown,
                object[key].clone(),
                "field is immutable",
            ));
        }
    }
}
