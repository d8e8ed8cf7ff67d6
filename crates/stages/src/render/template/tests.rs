//! Pure. Tables of templates: precedence, targets, sources, coercion, errors, and who renders when.

mod engine;
mod lives;

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Rendered;
use super::*;
use crate::testing::*;
use crate::{TemplateSourceKey, TemplateSourceKind, template_sources};

/// Stands in the remote value; no text of an error may have it.
pub(super) const MARKER: &str = "MARKER-7f3a";

/// `user`, `note` and `secret`, all extracted from one value, under `template`.
pub(super) fn templated(template: Value) -> Observed {
    observed(json!({
        "target": { "template": template },
        "dataFrom": [{ "extract": { "key": "db" } }],
    }))
}

pub(super) fn remote() -> Vec<Answer> {
    vec![answer(&format!(
        r#"{{"user":"ann","note":"aGk=","big":12345678901234567890,"secret":"{MARKER}"}}"#
    ))]
}

pub(super) fn desired(observed: &Observed) -> Desired {
    match rendered(observed, remote()).unwrap() {
        Rendered::Secret(desired) => desired,
        Rendered::Empty { .. } => panic!("empty"),
    }
}

fn text(data: &BTreeMap<String, SecretValue>) -> Value {
    (data.iter())
        .map(|(key, value)| {
            (
                key.clone(),
                String::from_utf8(value.expose().to_vec()).unwrap().into(),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Contents of the ConfigMap `texts` and the Secret `texts`.
fn with_sources(mut observed: Observed) -> Observed {
    for (kind, key, source) in [
        (TemplateSourceKind::ConfigMap, "tpl", "map: {{ .user }}"),
        (TemplateSourceKind::Secret, "tpl", "secret: {{ .user }}"),
    ] {
        let contents = BTreeMap::from([(key.to_owned(), SecretValue::from(source))]);
        let key = TemplateSourceKey {
            kind,
            name: "texts".into(),
        };
        observed.templates.insert(key, Some(Arc::new(contents)));
    }
    observed
}

#[test]
fn data_is_rendered_over_the_values() {
    let all = json!({ "user": "ann", "note": "aGk=", "big": "12345678901234567890",
                      "secret": MARKER });
    let mut merged = all.clone();
    merged["user"] = json!("ANN");
    let map = |at: &str| json!({ "name": "texts", "items": [{ "key": "tpl", "templateAs": at }] });
    for (template, expected) in [
        (json!({}), all),
        (
            json!({ "data": { "url": "https://{{ .user }}@db", "n": "{{ len .note }}" } }),
            json!({ "url": "https://ann@db", "n": "4" }),
        ),
        (
            json!({ "mergePolicy": "Merge", "data": { "user": "{{ upper .user }}" } }),
            merged,
        ),
        (
            json!({ "data": { "a-b": "{{ index . \"no\" }}" } }),
            json!({ "a-b": "" }),
        ),
        (
            json!({ "templateFrom": [{ "literal": "{{ .user }}: 0755\nflag: yes\n" }] }),
            json!({ "ann": "493", "flag": "true" }),
        ),
        (
            json!({ "templateFrom": [
                { "literal": "a: {{ .note }}", "valuesDecodingStrategy": "Base64" }] }),
            json!({ "a": "hi" }),
        ),
        (
            json!({ "templateFrom": [{ "literal": "{{ if false }}a: 1{{ end }}" }] }),
            json!({}),
        ),
        (
            json!({ "templateFrom": [{ "configMap": map("Values") }] }),
            json!({ "tpl": "map: ann" }),
        ),
        (
            json!({ "templateFrom": [{ "configMap": map("KeysAndValues"), "target": "dAtA" }] }),
            json!({ "map": "ann" }),
        ),
        // Within an entry ConfigMap, Secret, literal; later entries win, and `data` wins most.
        (
            json!({ "templateFrom": [
                { "configMap": map("Values"), "secret": map("Values"), "literal": "x: 1\nz: 1" },
                { "literal": "x: 2\nz: 2" },
            ], "data": { "z": "3" } }),
            json!({ "tpl": "secret: ann", "x": "2", "z": "3" }),
        ),
    ] {
        let observed = with_sources(templated(template.clone()));
        assert_eq!(text(&desired(&observed).data), expected, "{template}");
    }
}

#[test]
fn metadata_is_that_of_the_template_alone() {
    let plain = templated(json!({ "type": "kubernetes.io/tls" }));
    let shape = desired(&plain).shape.unwrap();
    assert_eq!(
        shape,
        Shape {
            type_: Some("kubernetes.io/tls".into()),
            ..Shape::default()
        }
    );
    let rendered = templated(json!({
        "metadata": {
            "labels": { "who": "{{ .user }}" }, "annotations": { "a/b": "{{ .note | b64dec }}" },
            "finalizers": ["x.io/keep"],
        },
        "templateFrom": [
            { "target": "labels", "literal": "who: lost\nport: 0x10" },
            { "target": "Annotations", "literal": "hint: '{{ .note }}'",
              "valuesDecodingStrategy": "Auto" },
        ],
    }));
    let desired = desired(&rendered);
    let map = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
        (entries.iter())
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    let shape = desired.shape.unwrap();
    assert_eq!(shape.labels, map(&[("port", "16"), ("who", "ann")]));
    assert_eq!(shape.annotations, map(&[("a/b", "hi"), ("hint", "hi")]));
    assert_eq!(shape.finalizers, ["x.io/keep"]);
    // templateFrom counts as a template of data even where it makes none.
    assert!(desired.data.is_empty());
    assert!(!format!("{shape:?}").contains("ann\""));
}

fn check_error(template: Value, expected: &str) {
    let gone = TemplateSourceKey {
        kind: TemplateSourceKind::ConfigMap,
        name: "gone".into(),
    };
    let mut observed = with_sources(templated(template));
    observed.templates.insert(gone, None);
    let error = rendered(&observed, remote()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("could not update secret: {expected}")
    );
    assert!(!error.message().contains(MARKER));
}

#[test]
fn errors_name_the_place_and_nothing_of_a_value() {
    let literal = |text: &str| json!({ "templateFrom": [{ "literal": text }] });
    for (template, expected) in [
        (
            json!({ "data": { "url": "a\n{{ .host }}" } }),
            "spec.target.template.data[\"url\"]: template url: line 2, column 3: \
             no entry for key \"host\"",
        ),
        (
            json!({ "data": { "k": "{{ fail .secret }}" } }),
            "spec.target.template.data[\"k\"]: template k: line 1, column 3: function fail failed",
        ),
        (
            json!({ "data": { "k": "MARKER-7f3a {{ if }}" } }),
            "spec.target.template.data[\"k\"]: template k: line 1, column 18: \
             does not parse: missing value",
        ),
        (
            json!({ "metadata": { "labels": { "l": "{{ .secret }} !" } } }),
            "spec.target.template.metadata.labels[\"l\"]: the value is none for a label: \
             up to 63 letters, digits, '-', '_' and '.'",
        ),
        (
            json!({ "templateFrom": [{ "target": "Labels", "literal": "'{{ .secret }} !': 1" }] }),
            "spec.target.template.templateFrom[0].literal: the name is none for a label \
             or annotation",
        ),
        (
            literal("{{ .secret }}"),
            "spec.target.template.templateFrom[0].literal: template literal: \
             the result is no YAML map",
        ),
        (
            literal("'{{ .secret }} !': 1"),
            "a template makes a key that is not valid in a Secret: use letters, digits, '-', '_' \
             or '.'",
        ),
        (
            json!({ "templateFrom": [
                { "literal": "{{ .secret }}: '!'", "valuesDecodingStrategy": "Base64" }] }),
            "spec.target.template.templateFrom[0].literal: template literal: \
             the value is not base64 (decodingStrategy: Base64)",
        ),
        (
            json!({ "data": { "k": "{{ range until 100000000 }}{{ . }}{{ end }}" } }),
            "spec.target.template.data[\"k\"]: template k: line 1, column 9: \
             template makes too much data",
        ),
        (
            json!({ "data": { "k": "{{ repeat 2000000 \"x\" }}" } }),
            "the values are larger than 1 MiB together",
        ),
    ] {
        check_error(template, expected);
    }
}

#[test]
fn absent_sources_are_named() {
    let source = |key: &str, name: &str| {
        let map = json!({ "name": name, "items": [{ "key": key }] });
        json!({ "templateFrom": [{ "configMap": map }] })
    };
    for (template, expected) in [
        (
            source("no", "texts"),
            "spec.target.template.templateFrom[0].configMap: ConfigMap \"texts\" has no key \"no\"",
        ),
        (
            source("tpl", "gone"),
            "spec.target.template.templateFrom[0].configMap: ConfigMap \"gone\" does not exist",
        ),
        (
            source("tpl", "unknown"),
            "spec.target.template.templateFrom[0].configMap: \
             ConfigMap \"unknown\" could not be read",
        ),
    ] {
        check_error(template, expected);
    }
}

#[test]
fn all_templates_share_one_bound_of_output() {
    let text = "{{ repeat 6000000 \"x\" | trunc 6000000 }}";
    let same: Value = (0..4)
        .map(|n| (format!("k{n}"), json!(text)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let error = rendered(&templated(json!({ "data": same })), remote()).unwrap_err();
    assert!(error.detail.contains("data[\"k2\"]"), "{error}");
    assert!(
        error.detail.contains("template output is too long"),
        "{error}"
    );
}

#[test]
fn rounded_numbers_of_eso_count_as_equal_through_templates() {
    let observed = templated(json!({ "data": { "n": "n={{ .big }}", "u": "{{ .user }}" } }));
    let desired = desired(&observed);
    assert_eq!(
        text(&desired.data),
        json!({ "n": "n=12345678901234567890", "u": "ann" })
    );
    assert_eq!(
        text(&desired.legacy),
        json!({ "n": "n=12345678901234567000" })
    );
    // What is drawn at random never was the same.
    let random = templated(json!({ "data": { "n": "{{ .big }}{{ randAlpha 4 }}" } }));
    assert!(super::tests::desired(&random).legacy.is_empty());
}

#[test]
fn random_bytes_come_from_the_seed() {
    let observed = templated(
        json!({ "data": { "a": "{{ randAlphaNum 32 }}", "b": "{{ randAlphaNum 32 }}" } }),
    );
    let draw = |seed: u8| {
        let seed = crate::Seed::new([seed; 32]);
        match crate::render(&observed, &reads(&observed), remote(), &env(), seed).unwrap() {
            Rendered::Secret(desired) => text(&desired.data),
            Rendered::Empty { .. } => panic!("empty"),
        }
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1)["a"], draw(2)["a"]);
    assert_ne!(draw(1)["a"], draw(1)["b"]);
}

#[test]
fn sources_are_named_once_and_sorted() {
    let of = |name: &str| json!({ "name": name, "items": [{ "key": "tpl" }] });
    let observed = templated(json!({ "templateFrom": [
        { "secret": of("b") },
        { "configMap": of("b"), "secret": of("a") },
        { "configMap": of("b") },
    ] }));
    let named: Vec<String> = template_sources(&observed.object)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(named, ["ConfigMap \"b\"", "Secret \"a\"", "Secret \"b\""]);
}
