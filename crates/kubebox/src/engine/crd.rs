//! Pure. CustomResourceDefinitions: checks, conditions, and the resource that each one defines.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cel::Rules;
use super::field::{FieldError, index};
use super::meta;
use super::names;
use super::resource::{Column, Resource, TableId, Version};
use super::schema::Schema;

/// Holds a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Fills in what the real server defaults in a definition.
pub(crate) fn complete(crd: &mut Value) {
    let kind = text(&crd["spec"]["names"], "kind").to_owned();
    let names = &mut crd["spec"]["names"];
    if !names.is_object() {
        return;
    }
    if text(names, "singular").is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if text(names, "listKind").is_empty() && !kind.is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    if !crd["spec"]["conversion"].is_object() {
        crd["spec"]["conversion"] = json!({ "strategy": "None" });
    }
}

/// Validates a definition.
pub(crate) fn check(crd: &Value, old: Option<&Value>, out: &mut Vec<FieldError>) {
    let spec = &crd["spec"];
    let (group, plural) = (text(spec, "group"), text(&spec["names"], "plural"));
    let expected = format!("{plural}.{group}");
    if meta::text(crd, "name") != expected {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        out.push(FieldError::invalid(
            "metadata.name",
            meta::text(crd, "name"),
            detail,
        ));
    }
    for (field, value) in [
        ("spec.group", group),
        ("spec.names.plural", plural),
        ("spec.names.kind", text(&spec["names"], "kind")),
        ("spec.scope", text(spec, "scope")),
    ] {
        if value.is_empty() {
            out.push(FieldError::required(field, ""));
        }
    }
    for detail in names::subdomain_problems(group)
        .into_iter()
        .filter(|_| !group.is_empty())
    {
        out.push(FieldError::invalid("spec.group", group, detail));
    }
    let scope = text(spec, "scope");
    if !matches!(scope, "" | "Namespaced" | "Cluster") {
        let allowed = ["Cluster", "Namespaced"];
        out.push(FieldError::not_supported(
            "spec.scope",
            scope.into(),
            allowed,
        ));
    }
    versions(spec, out);
    if text(&spec["conversion"], "strategy") == "Webhook" {
        let detail = "conversion webhooks are not served by this API";
        out.push(FieldError::forbidden("spec.conversion.strategy", detail));
    }
    if let Some(old) = old {
        for key in ["group", "scope"] {
            if old["spec"][key] != spec[key] {
                let value = spec[key].clone();
                out.push(FieldError::invalid(
                    format!("spec.{key}"),
                    value,
                    "field is immutable",
                ));
            }
        }
        for key in ["plural", "kind"] {
            if old["spec"]["names"][key] != spec["names"][key] {
                let value = spec["names"][key].clone();
                let at = format!("spec.names.{key}");
                out.push(FieldError::invalid(at, value, "field is immutable"));
            }
        }
    }
}

fn versions(spec: &Value, out: &mut Vec<FieldError>) {
    let list = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let stored = list.iter().filter(|v| v["storage"] == true).count();
    if stored != 1 {
        let all = spec["versions"].clone();
        let detail = "must have exactly one version marked as storage version";
        out.push(FieldError::invalid("spec.versions", all, detail));
    }
    for (i, version) in list.iter().enumerate() {
        let at = index("spec.versions", i);
        if text(version, "name").is_empty() {
            out.push(FieldError::required(format!("{at}.name"), ""));
        }
        let schema = &version["schema"]["openAPIV3Schema"];
        if !schema.is_object() {
            let detail = "schemas are required";
            out.push(FieldError::required(
                format!("{at}.schema.openAPIV3Schema"),
                detail,
            ));
        } else if text(schema, "type") != "object" {
            let root = format!("{at}.schema.openAPIV3Schema.type");
            if text(schema, "type").is_empty() {
                out.push(FieldError::required(root, "must not be empty at the root"));
            } else {
                let detail = "must be object at the root";
                out.push(FieldError::invalid(root, schema["type"].clone(), detail));
            }
        }
    }
}

/// Sets the status that the real server's controllers would set.
pub(crate) fn establish(crd: &mut Value, now: &str) {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({ "type": kind, "status": "True", "lastTransitionTime": now,
            "reason": reason, "message": message })
    };
    let stored: Vec<String> = crd["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|v| v["storage"] == true)
        .map(|v| text(v, "name").to_owned())
        .collect();
    let mut all = strings(&crd["status"]["storedVersions"]);
    all.extend(
        stored
            .into_iter()
            .filter(|v| !all.contains(v))
            .collect::<Vec<_>>(),
    );
    let conditions = match crd["status"]["conditions"].as_array() {
        Some(list) if !list.is_empty() => json!(list),
        _ => json!([
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition(
                "Established",
                "InitialNamesAccepted",
                "the initial names have been accepted"
            ),
        ]),
    };
    crd["status"] = json!({
        "acceptedNames": crd["spec"]["names"], "storedVersions": all, "conditions": conditions,
    });
}

/// The resource that a definition defines.
pub(crate) fn resource(crd: &Value, table: TableId) -> Resource {
    let spec = &crd["spec"];
    let names = &spec["names"];
    let kind = text(names, "kind");
    let list = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    Resource {
        group: text(spec, "group").to_owned(),
        plural: text(names, "plural").to_owned(),
        singular: text(names, "singular").to_owned(),
        kind: kind.to_owned(),
        list_kind: text(names, "listKind").to_owned(),
        short_names: strings(&names["shortNames"]),
        categories: strings(&names["categories"]),
        namespaced: text(spec, "scope") == "Namespaced",
        builtin: None,
        terminating: meta::terminating(crd),
        indexed: indexed(list),
        versions: list
            .iter()
            .map(|v| version(v, text(spec, "group"), kind))
            .collect(),
        table,
    }
}

fn indexed(versions: &[Value]) -> Vec<String> {
    let fields = versions
        .iter()
        .filter_map(|v| v["selectableFields"].as_array())
        .flatten();
    let mut all: Vec<String> = fields.map(|f| text(f, "jsonPath").to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

fn version(raw: &Value, group: &str, kind: &str) -> Version {
    let schema = &raw["schema"]["openAPIV3Schema"];
    let name = text(raw, "name");
    let warning = (raw["deprecated"] == true).then(|| {
        let own = text(raw, "deprecationWarning");
        if own.is_empty() {
            format!("{group}/{name} {kind} is deprecated")
        } else {
            own.to_owned()
        }
    });
    let fields = raw["selectableFields"].as_array().into_iter().flatten();
    Version {
        name: name.to_owned(),
        served: raw["served"] == true,
        schema: Arc::new(Schema::parse(schema)),
        raw: Arc::new(schema.clone()),
        status: raw["subresources"]["status"].is_object(),
        columns: columns(raw),
        selectable: fields.map(|f| text(f, "jsonPath").to_owned()).collect(),
        warning,
        rules: Rules::compile(schema).map(Arc::new),
    }
}

fn columns(raw: &Value) -> Vec<Column> {
    let column = |c: &Value| Column {
        name: text(c, "name").to_owned(),
        kind: text(c, "type").to_owned(),
        format: text(c, "format").to_owned(),
        description: match text(c, "description") {
            "" => format!(
                "Custom resource definition column (in JSONPath format): {}",
                text(c, "jsonPath")
            ),
            told => told.to_owned(),
        },
        priority: c["priority"].as_i64().unwrap_or(0),
        path: text(c, "jsonPath").to_owned(),
    };
    match raw["additionalPrinterColumns"].as_array() {
        Some(list) => list.iter().map(column).collect(),
        None => vec![Column {
            name: "Age".to_owned(),
            kind: "date".to_owned(),
            format: String::new(),
            description: "When the object was created.".to_owned(),
            priority: 0,
            path: ".metadata.creationTimestamp".to_owned(),
        }],
    }
}
