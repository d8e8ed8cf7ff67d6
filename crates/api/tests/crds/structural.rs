//! Pure. The rules that the API server holds a definition to, as far as they need no server.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_api::crd::{OPEN_PROVIDERS, crds};

use crate::schema::{fill_in, of_kind, problems, strings, walk};

/// Keywords of OpenAPI v3 that structural schemas may have, and Kubernetes' own.
const KEYWORDS: [&str; 26] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Names what is not fine.
fn named<'a>(checks: &[(bool, &'a str)]) -> impl Iterator<Item = &'a str> {
    checks
        .iter()
        .filter(|(fine, _)| !fine)
        .map(|(_, fault)| *fault)
}

/// What is wrong with one node of a schema.
fn faults(node: &Value) -> Vec<String> {
    let mut out: Vec<String> = named(&shape(node)).map(str::to_owned).collect();
    out.extend(named(&properties(node)).map(str::to_owned));
    out.extend(named(&extensions(node)).map(str::to_owned));
    if let Some(default) = node.get("default") {
        let mut filled = default.clone();
        fill_in(node, &mut filled);
        problems(node, &filled, "default", &mut out);
    }
    out
}

fn shape(node: &Value) -> [(bool, &'static str); 4] {
    let kind = node["type"].as_str().unwrap_or("");
    let known = |word: &String| KEYWORDS.contains(&word.as_str());
    let untyped = node["x-kubernetes-int-or-string"] == true
        || node["x-kubernetes-preserve-unknown-fields"] == true;
    let items = node.get("items");
    [
        (
            node.as_object().is_some_and(|map| map.keys().all(known)),
            "an unknown keyword",
        ),
        (
            TYPES.contains(&kind) || (kind.is_empty() && untyped),
            "no type",
        ),
        (
            items.is_some() == (kind == "array"),
            "items and array go together",
        ),
        (items.is_none_or(Value::is_object), "items by position"),
    ]
}

fn properties(node: &Value) -> [(bool, &'static str); 5] {
    let object = node["type"] == "object";
    let declared = node.get("properties");
    let others = node.get("additionalProperties");
    let required = strings(&node["required"]);
    let known = |name: &&str| declared.is_some_and(|declared| declared.get(*name).is_some());
    let unique: BTreeSet<&&str> = required.iter().collect();
    [
        (declared.is_none() || others.is_none(), "properties twice"),
        (
            object || (declared.is_none() && others.is_none()),
            "properties of no object",
        ),
        (others.is_none_or(Value::is_object), "a bare bool"),
        (
            required.iter().all(known),
            "requires what it does not declare",
        ),
        (unique.len() == required.len(), "requires something twice"),
    ]
}

fn extensions(node: &Value) -> [(bool, &'static str); 4] {
    let kind = node["type"].as_str().unwrap_or("");
    let list = node["x-kubernetes-list-type"].as_str();
    let map = node["x-kubernetes-map-type"].as_str();
    let mut rules = node["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten();
    let one_line = |text: &str| !text.trim().is_empty() && !text.contains('\n');
    let said = |rule: &Value, word: &str| rule[word].as_str().is_some_and(one_line);
    [
        (
            list.is_none_or(|t| kind == "array" && ["atomic", "set", "map"].contains(&t)),
            "list type",
        ),
        (
            list != Some("map") || node.get("x-kubernetes-list-map-keys").is_some(),
            "list map keys",
        ),
        (
            map.is_none_or(|t| kind == "object" && t == "atomic"),
            "map type",
        ),
        (
            rules.all(|rule| said(rule, "rule") && said(rule, "message") && !kind.is_empty()),
            "a rule without words",
        ),
    ]
}

#[test]
fn every_schema_is_structural() {
    for crd in crds() {
        for version in &crd.spec.versions {
            let schema = version.schema.as_ref().unwrap().open_api_v3_schema.as_ref();
            let schema = serde_json::to_value(schema.unwrap()).unwrap();
            assert_eq!(schema["type"], "object");
            let mut nodes = 0;
            let mut wrong = Vec::new();
            walk(&schema, "", false, &mut |path, node, _| {
                nodes += 1;
                wrong.extend(
                    faults(node)
                        .into_iter()
                        .map(|fault| format!("{path}: {fault}")),
                );
            });
            assert!(
                wrong.is_empty(),
                "{:?} {}: {wrong:#?}",
                crd.metadata.name,
                version.name
            );
            assert!(nodes > if version.served { 80 } else { 0 });
        }
    }
}

#[test]
fn the_check_finds_what_is_not_structural() {
    for (schema, fault) in [
        (r#"{"type":"object","oneOf":[]}"#, "an unknown keyword"),
        (r#"{"properties":{}}"#, "no type"),
        (r#"{"type":"array"}"#, "items and array go together"),
        (r#"{"type":"array","items":[]}"#, "items by position"),
        (
            r#"{"type":"object","additionalProperties":false}"#,
            "a bare bool",
        ),
        (
            r#"{"type":"object","required":["a"]}"#,
            "requires what it does not declare",
        ),
        (
            r#"{"type":"string","x-kubernetes-list-type":"set"}"#,
            "list type",
        ),
        (r#"{"type":"string","enum":["a"],"default":"b"}"#, "default"),
        (
            r#"{"type":"string","x-kubernetes-validations":[{"rule":"true"}]}"#,
            "a rule without",
        ),
    ] {
        let found = faults(&serde_json::from_str(schema).unwrap()).join("; ");
        assert!(found.contains(fault), "{schema}: {found}");
    }
    assert!(faults(&serde_json::json!({"type": "array", "items": {}})).is_empty());
}

#[test]
fn selectable_fields_are_scalars_that_exist() {
    for crd in crds() {
        let schema = of_kind(&crd.spec.names.kind);
        for version in &crd.spec.versions {
            let fields: Vec<_> = version.selectable_fields.iter().flatten().collect();
            assert!(fields.len() <= 8, "the API server takes eight");
            for field in fields {
                let pointer = field.json_path.replace('.', "/properties/");
                let node = schema.pointer(&pointer).expect(&pointer);
                assert_eq!(node["type"], "string", "{pointer}");
            }
        }
    }
}

#[test]
fn unbuilt_providers_are_open_and_unknown_ones_are_not_kept() {
    for kind in ["SecretStore", "ClusterSecretStore"] {
        let schema = of_kind(kind);
        let provider = &schema["properties"]["spec"]["properties"]["provider"];
        assert_eq!(
            provider["x-kubernetes-preserve-unknown-fields"],
            Value::Null
        );
        let properties = provider["properties"].as_object().unwrap();
        assert_eq!(properties.len(), OPEN_PROVIDERS.len() + 2);
        for name in OPEN_PROVIDERS {
            assert_eq!(
                properties[name]["x-kubernetes-preserve-unknown-fields"], true,
                "{name}"
            );
            assert_eq!(properties[name]["type"], "object", "{name}");
        }
    }
}

#[test]
fn only_a_time_that_is_not_yet_known_may_be_null() {
    let mut nullable = Vec::new();
    for kind in ["SecretStore", "ClusterSecretStore", "ExternalSecret"] {
        walk(&of_kind(kind), "", false, &mut |path, node, _| {
            if node.get("nullable").is_some() {
                nullable.push(format!("{kind}.{path}"));
            }
        });
    }
    assert_eq!(nullable, ["ExternalSecret.status.refreshTime"]);
}
