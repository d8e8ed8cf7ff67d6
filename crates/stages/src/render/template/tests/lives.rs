//! Pure. A templated Secret from the first write on: what is posted, patched, refused, left alone.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use tidegate_api::names;

use super::{desired, templated};
use crate::testing::*;
use crate::{
    Action, IdleReason, Observed, Outcome, Plan, ReadWhy, Rendered, TargetDigest, Trigger, Why,
};
use crate::{diff, plan, schedule};

const MANAGER: &str = "externalsecrets.external-secrets.io/app";

fn action(observed: &Observed) -> Action {
    diff(&Rendered::Secret(desired(observed)), observed).action
}

fn created(observed: &Observed) -> Secret {
    match action(observed) {
        Action::Create(intent) => {
            let secret = serde_json::from_slice(intent.create_body().expose()).unwrap();
            stored(secret, MANAGER)
        }
        other => panic!("{other:?}"),
    }
}

fn full() -> Value {
    json!({
        "type": "example.com/url",
        "metadata": {
            "labels": { "who": "{{ .user }}" }, "annotations": { "note": "{{ .note }}" },
            "finalizers": ["x.io/keep"],
        },
        "data": { "url": "{{ .user }}@db" },
    })
}

#[test]
fn the_whole_template_is_posted_and_then_nothing_is_written() {
    let observed = templated(full());
    let secret = created(&observed);
    assert_eq!(secret.type_.as_deref(), Some("example.com/url"));
    assert_eq!(
        data(&secret).into_iter().collect::<Vec<_>>(),
        [("url".into(), "ann@db".into())]
    );
    let meta = &secret.metadata;
    assert_eq!(
        meta.finalizers.as_deref(),
        Some(&["x.io/keep".to_owned()][..])
    );
    let labels = meta.labels.as_ref().unwrap();
    assert_eq!(labels["who"], "ann");
    assert!(
        !labels.contains_key("team"),
        "labels of the ExternalSecret are not copied"
    );
    let annotations: Vec<&String> = meta.annotations.as_ref().unwrap().keys().collect();
    assert_eq!(annotations, ["note", names::DATA_HASH_ANNOTATION]);
    let again = action(&observed.found(&secret));
    assert!(matches!(again, Action::Nothing(Why::Equal)), "{again:?}");
}

#[test]
fn what_was_drawn_once_is_not_drawn_again_by_a_process_that_finds_no_status() {
    let wish = |policy: &str| {
        observed(json!({
            "refreshPolicy": policy,
            "target": { "template": { "data": { "pin": "{{ .user }}" } } },
            "dataFrom": [{ "extract": { "key": "db" } }],
        }))
    };
    let mut made = created(&wish("CreatedOnce"));
    made.data = Some([("pin".to_owned(), ByteString(b"drawn before".to_vec()))].into());
    let hash = TargetDigest::from_secret(&made).hash.to_string();
    let annotations = made.metadata.annotations.as_mut().unwrap();
    annotations.insert(names::DATA_HASH_ANNOTATION.into(), hash);
    let word = |policy: &str, made: &Secret| match action(&wish(policy).found(made)) {
        Action::Nothing(why) => format!("{why:?}"),
        Action::Update(_) => "update".to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(word("CreatedOnce", &made), "Made");
    assert_eq!(word("Periodic", &made), "update");
    // An object of that name that was deleted and made again draws anew.
    let mut older = made.clone();
    older.metadata.owner_references.as_mut().unwrap()[0].uid = "older".into();
    assert_ne!(word("CreatedOnce", &older), "Made");
    // So does one whose Secret somebody edited.
    made.data = Some([("pin".to_owned(), ByteString(b"by hand".to_vec()))].into());
    assert_eq!(word("CreatedOnce", &made), "update");
}

#[test]
fn what_differs_is_patched_and_foreign_finalizers_stay() {
    let observed = templated(full());
    let mut other = created(&observed);
    other.metadata.finalizers = Some(vec!["y.io/theirs".into()]);
    (other.metadata.labels.as_mut().unwrap()).insert("who".into(), "bob".into());
    (other.metadata.labels.as_mut().unwrap()).insert("stale".into(), "x".into());
    let other = stored(other, MANAGER);
    let Action::Update(update) = action(&observed.found(&other)) else {
        panic!("no update");
    };
    let after = patched(&other, &update);
    let labels = after.metadata.labels.as_ref().unwrap();
    assert_eq!((labels["who"].as_str(), labels.get("stale")), ("ann", None));
    assert_eq!(
        after.metadata.finalizers.unwrap(),
        ["y.io/theirs", "x.io/keep"]
    );
    // No value that a template put into a label is told.
    assert!(!format!("{update:?}").contains("ann\""), "{update:?}");
    let mut none = other.clone();
    none.metadata.finalizers = None;
    let observed = templated(full());
    let Action::Update(update) = action(&observed.found(&none)) else {
        panic!("no update");
    };
    assert_eq!(
        patched(&none, &update).metadata.finalizers.unwrap(),
        ["x.io/keep"]
    );
}

#[test]
fn the_type_of_a_secret_does_not_change() {
    let retyped = |found: Option<&str>, wanted: Option<&str>, immutable: bool| {
        let mut template = full();
        template["type"] = json!(wanted);
        let observed = templated(template);
        let mut secret = created(&observed);
        secret.type_ = found.map(ToOwned::to_owned);
        secret.immutable = immutable.then_some(true);
        match action(&observed.found(&secret)) {
            Action::Refuse(error) => error.to_string(),
            Action::Nothing(why) => format!("{why:?}"),
            other => panic!("{other:?}"),
        }
    };
    let refused = |lead: &str, found: &str, wanted: &str| {
        format!(
            "{lead}: Secret \"app\" has type \"{found}\" and spec.target.template.type asks for \
             \"{wanted}\": the type of a Secret cannot be changed; delete the Secret, or set the \
             type back"
        )
    };
    let other = "example.com/other";
    for (found, wanted, immutable, expected) in [
        (Some("Opaque"), Some("Opaque"), false, "Equal".to_owned()),
        (None, Some("Opaque"), false, "Equal".to_owned()),
        (Some(other), None, false, "Equal".to_owned()),
        (Some(other), Some(""), false, "Equal".to_owned()),
        (
            None,
            Some(other),
            false,
            refused(names::MSG_UPDATE, "Opaque", other),
        ),
        (
            Some(other),
            Some("Opaque"),
            false,
            refused(names::MSG_UPDATE, other, "Opaque"),
        ),
        (
            Some(other),
            Some("Opaque"),
            true,
            refused(names::MSG_IMMUTABLE, other, "Opaque"),
        ),
    ] {
        assert_eq!(
            retyped(found, wanted, immutable),
            expected,
            "{found:?} {wanted:?}"
        );
    }
}

/// Healthy, synced half an hour ago under an interval of an hour.
fn healthy(template: Value) -> Observed {
    let observed = templated(template);
    let secret = created(&observed);
    observed.synced("2026-11-23T11:30:00Z", &[]).found(&secret)
}

#[test]
fn random_and_time_bound_templates_are_rendered_when_due_and_not_by_a_look() {
    let random = json!({ "data": { "k": "{{ randAlpha 8 }}" } });
    let timed = json!({ "metadata": { "labels": { "at": "{{ now | unixEpoch }}" } } });
    let nested =
        json!({ "templateFrom": [{ "literal": "{{ if .user }}k: {{ uuidv4 }}{{ end }}" }] });
    for template in [random, timed, nested] {
        for trigger in [
            Trigger::First,
            Trigger::GroupChanged,
            Trigger::Drift,
            Trigger::StoreChanged,
            Trigger::Timer,
            Trigger::Retry,
            Trigger::Spec,
        ] {
            let look = healthy(template.clone()).with(|o| o.memory.trigger = trigger);
            let plan = plan(&look, &env());
            assert!(
                matches!(plan, Plan::Idle(IdleReason::UpToDate)),
                "{trigger:?} {plan:?}"
            );
        }
        let due = healthy(template.clone())
            .with(|o| o.memory.refreshed_at = None)
            .synced("2026-11-23T10:30:00Z", &[]);
        let secret = created(&templated(template.clone()));
        let Plan::Read(reads) = plan(&due.found(&secret), &env()) else {
            panic!("not due");
        };
        assert_eq!(reads.why, ReadWhy::Due);
        let forced = healthy(template.clone()).with(|o| {
            o.memory.trigger = Trigger::Spec;
            o.edit(|object| object.metadata.generation = Some(2));
        });
        assert!(matches!(plan(&forced, &env()), Plan::Read(reads) if reads.why == ReadWhy::Edited));
        // Nobody polls for it; its own timer comes when the interval is over.
        let next = schedule(
            &healthy(template),
            &Outcome::Idle(IdleReason::UpToDate),
            &env(),
        );
        assert!(next.poll.is_none());
        let after = next.requeue.unwrap().after.as_secs();
        assert!((1800..1810).contains(&after), "{after}");
    }
}

#[test]
fn other_templates_are_polled_unless_they_stand_elsewhere() {
    let idle = Outcome::Idle(IdleReason::UpToDate);
    let polled = |observed: &Observed| schedule(observed, &idle, &env()).poll.is_some();
    let changed = |o: &mut Observed| o.memory.trigger = Trigger::GroupChanged;
    let plain = healthy(json!({ "data": { "k": "{{ .user }} now" } })).with(changed);
    assert!(polled(&plain));
    assert!(matches!(plan(&plain, &env()), Plan::Read(reads) if reads.why == ReadWhy::Changed));
    // Nobody watches a ConfigMap for it: the timer reads it anew.
    let from = json!([{ "configMap": { "name": "texts", "items": [{ "key": "tpl" }] } }]);
    let elsewhere = super::with_sources(templated(json!({ "templateFrom": from })));
    assert!(!polled(&elsewhere));
}

#[test]
fn drifted_metadata_is_mended_where_it_is_not_rendered() {
    for (value, mended) in [("fixed", true), ("{{ .user }}", false)] {
        let template = json!({ "metadata": { "labels": { "who": value } } });
        let observed = templated(template.clone());
        let mut secret = created(&observed);
        (secret.metadata.labels.as_mut().unwrap()).insert("who".into(), "bob".into());
        let drifted = healthy(template)
            .found(&secret)
            .with(|o| o.memory.trigger = Trigger::Timer);
        let plan = plan(&drifted, &env());
        assert_eq!(matches!(plan, Plan::Read(_)), mended, "{value}: {plan:?}");
    }
}
