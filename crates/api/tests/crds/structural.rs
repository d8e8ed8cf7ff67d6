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

/// What is wrong with one node of a schema.
fn faults(node: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let mut check = |fine: bool, what: &str| {
        if !fine {
            out.push(what.to_owned());
        }
    };
    let has = |word: &str| node.get(word).is_some();
    let known = |word: &String| KEYWORDS.contains(&word.as_str());
    check(
        node.as_object().is_some_and(|map| map.keys().all(known)),
        "an unknown keyword",
    );
    let kind = node["type"].as_str().unwrap_or("");
    let untyped = node["x-kubernetes-int-or-string"] == true
        || node["x-kubernetes-preserve-unknown-fields"] == true;
    check(
        TYPES.contains(&kind) || (kind.is_empty() && untyped),
        "no type",
    );
    check(
        !(has("properties") && has("additionalProperties")),
        "properties twice",
    );
    check(
        !has("properties") || kind == "object",
        "properties of no object",
    );
    check(
        !has("additionalProperties") || node["additionalProperties"].is_object(),
        "a bare bool",
    );
    check(
        has("items") == (kind == "array"),
        "items and array go together",
    );
    check(
        !has("items") || node["items"].is_object(),
        "items by position",
    );
    let properties = node["properties"].as_object();
    let required = strings(&node["required"]);
    let declared = |name: &&str| properties.is_some_and(|known| known.contains_key(*name));
    check(
        required.iter().all(declared),
        "requires what it does not declare",
    );
    let unique: BTreeSet<&&str> = required.iter().collect();
    check(unique.len() == required.len(), "requires something twice");
    let list_types = ["atomic", "set", "map"];
    let list_type = node["x-kubernetes-list-type"].as_str();
    check(
        list_type.is_none_or(|t| kind == "array" && list_types.contains(&t)),
        "list type",
    );
    check(
        list_type != Some("map") || has("x-kubernetes-list-map-keys"),
        "list map keys",
    );
    let map_type = node["x-kubernetes-map-type"].as_str();
    check(
        map_type.is_none_or(|t| kind == "object" && t == "atomic"),
        "map type",
    );
    let rules = node["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten();
    for rule in rules {
        let said = |word: &str| {
            rule[word]
                .as_str()
                .is_some_and(|text| !text.trim().is_empty())
        };
        check(
            said("rule") && said("message") && !kind.is_empty(),
            "a rule without words",
        );
        check(
            rule["message"]
                .as_str()
                .is_some_and(|text| !text.contains('\n')),
            "two lines",
        );
    }
    if let Some(default) = node.get("default") {
        let mut filled = default.clone();
        fill_in(node, &mut filled);
        let mut wrong = Vec::new();
        problems(node, &filled, "default", &mut wrong);
        check(wrong.is_empty(), &wrong.join(", "));
    }
    out
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
