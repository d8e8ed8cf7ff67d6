//! Pure. How the engine is used: parsed once, other delimiters, what errors name and hold back.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_api::Template;
use tidegate_contract::SecretValue;

use super::{MARKER, desired, remote, templated, with_sources};
use crate::testing::*;
use crate::{Config, Observed, Offline, Seed, TemplateSourceKey, TemplateSourceKind};
use crate::{TemplateSources, Templates, plan};

fn with_delimiters(template: Value, left: &str, right: &str) -> Observed {
    let mut observed = templated(template);
    observed.config = Arc::new(Config {
        templates: Arc::new(Templates::new(left, right)),
        ..Config::default()
    });
    observed
}

#[test]
fn a_text_is_parsed_once_however_often_it_is_looked_at_and_rendered() {
    let texts = json!({
        "metadata": { "labels": { "who": "{{ .user }}" } },
        "data": { "a": "{{ .user }}", "b": "{{ .user }}", "plain": "text" },
        "templateFrom": [{ "literal": "c: {{ .user }}" }],
    });
    let observed = with_delimiters(texts, "", "");
    let templates = Arc::clone(&observed.config.templates);
    for round in 0..5 {
        let _reads = plan(&observed, &env());
        desired(&observed);
        // `who`, `a`, `b` and the literal, which are named apart, and the plain one.
        assert_eq!(templates.parsed(), 5, "round {round}");
    }
}

#[test]
fn delimiters_are_those_of_the_process() {
    let texts = json!({
        "data": { "k": "<% .user %> {{ .user }}", "now": "<% if false %><% now %><% end %>x" },
        "metadata": { "labels": { "l": "<% .user %>" } },
    });
    let observed = with_delimiters(texts.clone(), "<%", "%>");
    let made = desired(&observed);
    assert_eq!(made.data["k"].expose(), b"ann {{ .user }}");
    assert_eq!(made.shape.unwrap().labels["l"], "ann");
    assert!(crate::render::volatile(&observed));
    let template = observed.object.spec.target.template.as_ref().unwrap();
    let fixed = |templates: &Templates| crate::Shape::fixed(template, templates).is_some();
    assert!(!fixed(&observed.config.templates));
    // Between the usual ones the same texts are other templates.
    assert!(fixed(&Templates::default()));
    assert!(!crate::render::volatile(&templated(texts)));
}

fn fault(observed: &Observed) -> String {
    let error = rendered(observed, remote()).unwrap_err().to_string();
    assert!(!error.contains(MARKER), "{error}");
    error
}

#[test]
fn a_function_that_there_is_none_of_is_named_unless_the_text_is_a_secret() {
    let source = |field: &str| {
        let object = json!({ "name": "texts", "items": [{ "key": "bad" }] });
        let mut observed = with_sources(templated(json!({ "templateFrom": [{ field: object }] })));
        for contents in observed.templates.values_mut() {
            let bad = BTreeMap::from([("bad".to_owned(), SecretValue::from("{{ toJSON .user }}"))]);
            *contents = Some(Arc::new(bad));
        }
        fault(&observed)
    };
    let place = "template bad: line 1, column 3: ";
    let told = source("configMap");
    assert!(
        told.ends_with(&format!("{place}function \"toJSON\" is not defined")),
        "{told}"
    );
    let told = source("secret");
    assert!(
        told.ends_with(&format!("{place}a function is not defined")),
        "{told}"
    );
}

#[test]
fn all_keys_that_are_missing_are_told_at_once() {
    let told = fault(&templated(
        json!({ "data": { "k": "{{ .user }}{{ .a }}{{ .b }}" } }),
    ));
    assert!(
        told.ends_with(
            "no entry for key \"a\"; of the keys it reads there are none for \"a\", \"b\""
        ),
        "{told}"
    );
    let one = fault(&templated(json!({ "data": { "k": "{{ .a }}" } })));
    assert!(one.ends_with("no entry for key \"a\""), "{one}");
}

#[test]
fn offline_is_the_same_with_the_full_text() {
    let template: Template = serde_json::from_value(json!({
        "data": { "k": "{{ .v | upper }}" },
        "templateFrom": [{ "secret": { "name": "more", "items": [{ "key": "t" }] } }],
    }))
    .unwrap();
    let needed = Offline::sources(&template);
    let expected = TemplateSourceKey {
        kind: TemplateSourceKind::Secret,
        name: "more".into(),
    };
    assert_eq!(needed, std::slice::from_ref(&expected));
    let run = |text: &str, full: bool| {
        let contents = BTreeMap::from([("t".to_owned(), SecretValue::from(text))]);
        let sources: TemplateSources = [(expected.clone(), Some(Arc::new(contents)))].into();
        let offline = Offline {
            template: &template,
            data: BTreeMap::from([("v".to_owned(), SecretValue::from(MARKER))]),
            sources: &sources,
            templates: &Templates::default(),
            full,
        };
        let made = offline.render(&env(), &Seed::new([7; 32]));
        made.map_err(|error| error.detail.to_string())
    };
    let made = run("{{ len .v }}", false).unwrap();
    assert_eq!(made.data["k"].expose(), MARKER.to_uppercase().as_bytes());
    assert_eq!(made.data["t"].expose(), b"11");
    let place = "spec.target.template.templateFrom[0].secret: ";
    assert_eq!(
        run("{{ fail .v }}", false).unwrap_err(),
        format!("{place}template t: line 1, column 3: function fail failed")
    );
    assert_eq!(
        run("{{ fail .v }}", true).unwrap_err(),
        format!(
            "{place}template: t:1:3: executing \"t\" at <fail .v>: error calling fail: {MARKER}"
        )
    );
}
