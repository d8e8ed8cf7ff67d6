//! Pure. Tests of the structural schema: pruning, defaults and the words of validation.

use serde_json::{Value, json};

use super::{Schema, apply_defaults, prune, validate};

fn texts(schema: Value, value: Value) -> Vec<String> {
    let schema = Schema::parse(&schema);
    validate(&schema, &value, "")
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn check(schema: Value, value: Value, expected: &[&str]) {
    let root = json!({ "type": "object", "properties": { "x": schema } });
    assert_eq!(texts(root, json!({ "x": value })), expected);
}

#[test]
fn violations_have_the_real_servers_words() {
    check(
        json!({"type": "string"}),
        json!(1),
        &[r#"x: Invalid value: "integer": x in body must be of type string: "integer""#],
    );
    check(
        json!({"type": "string"}),
        json!(null),
        &[r#"x: Invalid value: "null": x in body must be of type string: "null""#],
    );
    check(
        json!({"type": "string", "nullable": true}),
        json!(null),
        &[],
    );
    check(json!({"type": "integer"}), json!(1.0), &[]);
    check(
        json!({"type": "string", "enum": ["A", "B"]}),
        json!("C"),
        &[r#"x: Unsupported value: "C": supported values: "A", "B""#],
    );
    check(
        json!({"type": "string", "pattern": "^a+$"}),
        json!("b"),
        &[r#"x: Invalid value: "b": x in body should match '^a+$'"#],
    );
    check(
        json!({"type": "string", "minLength": 1}),
        json!(""),
        &[r#"x: Invalid value: "": x in body should be at least 1 chars long"#],
    );
    check(
        json!({"type": "string", "maxLength": 1}),
        json!("ab"),
        &["x: Too long: may not be more than 1 byte"],
    );
    check(
        json!({"type": "integer", "minimum": 2}),
        json!(1),
        &["x: Invalid value: 1: x in body should be greater than or equal to 2"],
    );
}

#[test]
fn bounds_and_formats_have_the_real_servers_words() {
    check(
        json!({"type": "integer", "maximum": 2, "exclusiveMaximum": true}),
        json!(2),
        &["x: Invalid value: 2: x in body should be less than 2"],
    );
    check(
        json!({"type": "array", "items": {"type": "string"}, "maxItems": 1}),
        json!(["a", "b"]),
        &["x: Too many: 2: must have at most 1 item"],
    );
    check(
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        json!([]),
        &["x: Invalid value: 0: x in body should have at least 1 items"],
    );
    check(
        json!({"type": "object", "required": ["a"]}),
        json!({}),
        &["x.a: Required value"],
    );
    check(
        json!({"type": "object", "minProperties": 1}),
        json!({}),
        &["x: Invalid value: 0: x in body should have at least 1 properties"],
    );
    check(
        json!({"type": "string", "format": "date-time"}),
        json!("now"),
        &[r#"x: Invalid value: "now": x in body must be of type date-time: "now""#],
    );
    check(
        json!({"x-kubernetes-int-or-string": true}),
        json!("50%"),
        &[],
    );
    check(
        json!({"x-kubernetes-int-or-string": true}),
        json!(true),
        &[r#"x: Invalid value: "boolean": x in body must be of type integer,string: "boolean""#],
    );
}

fn one_of(found: &str) -> String {
    let rule = "\"x\" must validate one and only one schema (oneOf)";
    format!("<nil>: Invalid value: \"\": {rule}. {found}")
}

#[test]
fn compound_schemas_say_which_rule_failed() {
    let one = json!({"type": "object", "properties": {"a": {}, "b": {}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    check(
        one.clone(),
        json!({"a": 1, "b": 2}),
        &[&one_of("Found 2 valid alternatives")],
    );
    check(
        one,
        json!({}),
        &[&one_of("Found none valid"), "x.a: Required value"],
    );
    let not = json!({"type": "string", "not": {"enum": ["no"]}});
    check(
        not,
        json!("no"),
        &[r#"<nil>: Invalid value: "": "x" must not validate the schema (not)"#],
    );
}

#[test]
fn keyed_lists_refuse_a_key_twice() {
    let list = json!({"type": "array", "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"], "items": {"type": "object",
        "properties": {"type": {"type": "string"}}}});
    check(
        list,
        json!([{"type": "a"}, {"type": "b"}, {"type": "a"}]),
        &[r#"x[2]: Duplicate value: {"type":"a"}"#],
    );
}

#[test]
fn unknown_fields_are_pruned_and_named() {
    let schema = Schema::parse(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "known": {"type": "string"},
            "list": {"type": "array", "items": {"type": "object"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": {"type": "object"}},
        }},
    }}));
    let mut value = json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "top": 1,
        "spec": {"known": "k", "no": 1, "list": [{"a": 1}], "free": {"b": 1},
            "map": {"k": {"c": 1}}}});
    let mut unknown = Vec::new();
    prune(&schema, &mut value, "", &mut unknown);
    assert_eq!(
        unknown,
        ["spec.list[0].a", "spec.map.k.c", "spec.no", "top"]
    );
    assert_eq!(
        value,
        json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"},
        "spec": {"known": "k", "list": [{}], "free": {"b": 1}, "map": {"k": {}}}})
    );
}

#[test]
fn defaults_fill_in_and_nulls_go() {
    let schema = Schema::parse(&json!({"type": "object", "properties": {
        "a": {"type": "string", "default": "d"},
        "n": {"type": "string"},
        "keep": {"type": "string", "nullable": true},
        "o": {"type": "object", "default": {}, "properties": {
            "in": {"type": "integer", "default": 3}}},
        "absent": {"type": "object", "properties": {"in": {"type": "integer", "default": 3}}},
    }}));
    let mut value = json!({"a": null, "n": null, "keep": null});
    apply_defaults(&schema, &mut value);
    assert_eq!(value, json!({"a": "d", "keep": null, "o": {"in": 3}}));
}
