//! Pure. The rules in CEL: what ESO's webhook rejects is rejected, what it accepts is accepted.

use std::sync::LazyLock;

use kube_cel::CompiledSchema;
use serde_json::{Value, json};

use crate::schema::{fill_in, of_kind};

/// The messages of the rules that an object breaks.
pub(crate) fn errors(rules: &CompiledSchema, object: &Value) -> Vec<String> {
    match kube_cel::validate_compiled(rules, object, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .as_slice()
            .iter()
            .map(|error| error.message.clone())
            .collect(),
    }
}

/// Checks an ExternalSecret of the given spec; `expected` is part of the one message, or empty.
#[track_caller]
fn check(spec: Value, expected: &str) {
    static SECRET: LazyLock<(Value, CompiledSchema)> = LazyLock::new(|| {
        let schema = of_kind("ExternalSecret");
        let rules = kube_cel::compile_schema(&schema);
        (schema, rules)
    });
    let (schema, rules) = &*SECRET;
    let mut object = json!({ "spec": spec });
    fill_in(schema, &mut object);
    let found = errors(rules, &object);
    match &found[..] {
        [] => assert_eq!("", expected, "accepted: {object}"),
        [one] => assert!(
            !expected.is_empty() && one.contains(expected),
            "{one}: {object}"
        ),
        more => panic!("{more:?}: {object}"),
    }
}

fn data() -> Value {
    json!([{ "secretKey": "a", "remoteRef": { "key": "b" } }])
}

#[test]
fn what_esos_definitions_take_is_taken() {
    check(json!({ "data": data() }), "");
    check(json!({ "dataFrom": [{ "extract": { "key": "a" } }] }), "");
    check(json!({}), "");
}

#[test]
fn policies_must_go_together() {
    let policies = ["Owner", "Orphan", "Merge", "None", "CreateOrMerge"];
    for creation in policies {
        for deletion in ["Delete", "Merge", "Retain"] {
            let target = json!({ "creationPolicy": creation, "deletionPolicy": deletion });
            let expected = match (deletion, creation) {
                ("Delete", "Merge" | "None" | "CreateOrMerge") => "deletionPolicy=Delete",
                ("Merge", "None") => "deletionPolicy=Merge",
                _ => "",
            };
            check(json!({ "data": data(), "target": target }), expected);
        }
    }
    check(
        json!({ "data": data(), "target": { "deletionPolicy": "Delete" } }),
        "",
    );
    check(
        json!({ "data": data(), "target": { "creationPolicy": "None" } }),
        "",
    );
    check(json!({ "data": data(), "target": {} }), "");
}

#[test]
fn entries_of_data_from_have_one_source() {
    let generator = json!({ "generatorRef": { "kind": "Fake", "name": "a" } });
    let store = json!({ "storeRef": { "name": "a" } });
    let (extract, find) = (json!({ "key": "a" }), json!({ "name": { "regexp": "a" } }));
    let entry = |entry: Value| json!({ "dataFrom": [{ "find": {} }, entry] });
    check(entry(json!({ "extract": extract })), "");
    check(entry(json!({ "find": find })), "");
    check(entry(json!({ "sourceRef": generator })), "");
    check(entry(json!({ "sourceRef": store })), "");
    check(entry(json!({ "extract": extract, "sourceRef": store })), "");
    check(entry(json!({ "find": find, "sourceRef": store })), "");
    check(entry(json!({})), "one of extract, find and sourceRef");
    check(
        entry(json!({ "rewrite": [] })),
        "one of extract, find and sourceRef",
    );
    check(
        entry(json!({ "extract": extract, "find": find })),
        "exclude each other",
    );
    check(
        entry(json!({ "extract": extract, "sourceRef": generator })),
        "excludes extract",
    );
    check(
        entry(json!({ "find": find, "sourceRef": generator })),
        "excludes extract",
    );
}

#[test]
fn templates_make_no_tokens() {
    let template = |kind: &str, annotation: &str| {
        let metadata = json!({ "annotations": { annotation: "x" } });
        let template = json!({ "type": kind, "metadata": metadata });
        json!({ "data": data(), "target": { "template": template } })
    };
    let token = "kubernetes.io/service-account-token";
    let name = "kubernetes.io/service-account.name";
    check(template("Opaque", name), "");
    check(template(token, "other"), "");
    check(template(token, name), "service-account.name");
    check(
        template("bootstrap.kubernetes.io/token", "other"),
        "bootstrap",
    );
    check(json!({ "data": data(), "target": { "template": {} } }), "");
}
