//! Pure. Tables of changes: the behaviour matrix, ownership, immutability, metadata.

mod properties;
mod removals;

use serde_json::json;
use tidegate_contract::{ErrorKind, SecretValue};

use super::*;
use crate::testing::*;
use crate::{Desired, Retry, TargetView, Written};

const THEN: &str = "2026-11-23T11:30:00Z";
const MANAGER: &str = "externalsecrets.external-secrets.io/app";

fn wish(data: &[(&str, &str)]) -> Rendered {
    Rendered::Secret(Desired {
        data: (data.iter())
            .map(|(key, value)| ((*key).to_owned(), SecretValue::from(*value)))
            .collect(),
        ..Desired::default()
    })
}

/// One word for an action.
fn word(action: &Action) -> String {
    match action {
        Action::Create(_) => "create".into(),
        Action::Update(_) => "update".into(),
        Action::Merge(_) => "merge".into(),
        Action::Delete(at) => format!("delete {} {} {}", at.name, at.uid, at.resource_version),
        Action::Nothing(why) => format!("{why:?}"),
        Action::Refuse(error) => error.to_string(),
    }
}

/// What comes of a change when the API server holds `live`: its word, and the Secret afterwards.
fn apply(change: &Change, live: Option<&Secret>) -> (String, Option<Secret>) {
    let mut action = change.action.clone();
    if let Action::Merge(intent) = &change.action {
        action = merge(intent, live);
    }
    let after = match &action {
        Action::Create(intent) => {
            Some(serde_json::from_slice(intent.create_body().expose()).unwrap())
        }
        Action::Update(update) => Some(patched(live.unwrap(), update)),
        Action::Delete(_) => None,
        _ => live.cloned(),
    };
    (word(&action), after)
}

/// The whole life of one case: the wish against what is there.
fn outcome(
    policy: &str,
    live: Option<Secret>,
    wished: &[(&str, &str)],
) -> (String, Option<Secret>) {
    let mut observed = simple(json!({ "creationPolicy": policy }));
    if let Some(live) = &live {
        observed = observed.found(live);
    }
    let change = diff(&wish(wished), &observed);
    apply(&change, live.as_ref())
}

fn label<'a>(secret: &'a Secret, name: &str) -> Option<&'a str> {
    Some(secret.metadata.labels.as_ref()?.get(name)?.as_str())
}

fn annotation<'a>(secret: &'a Secret, name: &str) -> Option<&'a str> {
    Some(secret.metadata.annotations.as_ref()?.get(name)?.as_str())
}

fn controller(secret: &Secret) -> Option<(&str, &str)> {
    let owner = secret.metadata.owner_references.iter().flatten();
    owner
        .filter(|owner| owner.controller == Some(true))
        .map(|owner| (owner.name.as_str(), owner.uid.as_str()))
        .next()
}

/// The Secret says of itself what its data is, and is left alone by a second look.
fn check_settled(policy: &str, secret: &Secret, wished: &[(&str, &str)]) {
    let digest = TargetDigest::from_secret(secret);
    assert_eq!(digest.annotated, Annotated::Hash(digest.hash), "{policy}");
    assert!(digest.managed, "{policy}");
    let ours =
        |name: &str| name == "team" || name == "note" || wished.iter().any(|(key, _)| *key == name);
    let live = stored_with(secret.clone(), MANAGER, &ours);
    let (again, _) = outcome(policy, Some(live), wished);
    assert_eq!(again, "Equal", "{policy}");
}

#[test]
fn the_behaviour_matrix() {
    let ours = [("password", "new")];
    let merged = json!({ "password": "new", "foreign": "kept" });
    let replaced = json!({ "password": "new" });
    let found = || handmade(&[("password", "old"), ("foreign", "kept")]);
    for (policy, absent, present, after, owned) in [
        ("Owner", "create", "update", &replaced, true),
        ("Orphan", "create", "update", &replaced, false),
        ("CreateOrMerge", "create", "update", &merged, false),
        ("Merge", "TargetMissing", "update", &merged, false),
    ] {
        let (word, created) = outcome(policy, None, &ours);
        assert_eq!(word, absent, "{policy}");
        if let Some(created) = &created {
            assert_eq!(json!(data(created)), replaced, "{policy}");
            check_settled(policy, created, &ours);
        }
        let (word, updated) = outcome(policy, Some(found()), &ours);
        let updated = updated.unwrap();
        assert_eq!(
            (word.as_str(), &json!(data(&updated))),
            (present, after),
            "{policy}"
        );
        check_settled(policy, &updated, &ours);
        for secret in created.iter().chain([&updated]) {
            let expected = owned.then_some(("app", "uid-of-app"));
            assert_eq!(controller(secret), expected, "{policy}");
            let created_by = text_hash("team/app").to_string();
            let expected = owned.then_some(created_by.as_str());
            assert_eq!(label(secret, names::CREATED_BY_LABEL), expected, "{policy}");
            assert_eq!(label(secret, "team"), Some("blue"), "{policy}");
            assert_eq!(annotation(secret, "note"), Some("hello"), "{policy}");
        }
        assert_eq!(
            label(&updated, "made"),
            Some("by-hand"),
            "labels of others stay"
        );
    }
    for live in [None, Some(found())] {
        assert_eq!(
            outcome("None", live.clone(), &ours),
            ("PolicyNone".to_owned(), live)
        );
    }
}

#[test]
fn a_secret_as_eso_leaves_it_is_not_written() {
    for policy in ["Owner", "Orphan", "CreateOrMerge", "Merge"] {
        let observed = simple(json!({ "creationPolicy": policy }));
        let live = written(&observed, &[("password", "x")]);
        let observed = observed.found(&live);
        let change = diff(&wish(&[("password", "x")]), &observed);
        assert_eq!(apply(&change, Some(&live)).0, "Equal", "{policy}");
    }
}

#[test]
fn a_rounded_number_of_eso_counts_as_equal_until_it_changes() {
    let exact = |value: &str| {
        let Rendered::Secret(mut desired) = wish(&[("id", value), ("other", "x")]) else {
            unreachable!()
        };
        desired
            .legacy
            .insert("id".to_owned(), "9007199254740992".into());
        Rendered::Secret(desired)
    };
    for policy in ["Owner", "CreateOrMerge"] {
        let observed = simple(json!({ "creationPolicy": policy }));
        let live = written(&observed, &[("id", "9007199254740992"), ("other", "x")]);
        let observed = observed.found(&live);
        let same = diff(&exact("9007199254740993"), &observed);
        assert_eq!(apply(&same, Some(&live)).0, "Equal", "{policy}");
    }
    let observed = simple(json!({}));
    let live = written(&observed, &[("id", "9007199254740992"), ("other", "old")]);
    let changed = diff(&exact("9007199254740993"), &observed.found(&live));
    let (_, after) = apply(&changed, Some(&live));
    assert_eq!(data(&after.unwrap())["id"], "9007199254740993");
}

#[test]
fn a_secret_of_somebody_else_is_left_alone() {
    let es = |name: &str| {
        owned_by(
            handmade(&[]),
            "ExternalSecret",
            "external-secrets.io/v1beta1",
            name,
        )
    };
    let deployment = || owned_by(handmade(&[]), "Deployment", "apps/v1", "web");
    let owned = "target is owned by another ExternalSecret: Secret \"app\" belongs to \"other\"";
    let taken = "failed to take ownership of target secret: \
                 Secret \"app\" belongs to Deployment.apps \"web\"";
    for (policy, live, expected) in [
        ("Owner", es("other"), owned),
        ("Orphan", es("other"), owned),
        ("Merge", es("other"), owned),
        ("CreateOrMerge", es("other"), owned),
        ("Owner", es("app"), "update"),
        ("Owner", deployment(), taken),
        ("Orphan", deployment(), "update"),
        ("Merge", deployment(), "update"),
    ] {
        let (word, after) = outcome(policy, Some(live.clone()), &[("password", "x")]);
        assert_eq!(word, expected, "{policy}");
        if word != "update" {
            assert_eq!(after, Some(live), "{policy}");
        }
    }
}

#[test]
fn the_reference_follows_policy_and_uid() {
    let stale = owned_by(
        handmade(&[]),
        "ExternalSecret",
        "external-secrets.io/v1",
        "app",
    );
    let (_, after) = outcome("Owner", Some(stale.clone()), &[]);
    assert_eq!(controller(&after.unwrap()), Some(("app", "uid-of-app")));
    let (_, after) = outcome("Orphan", Some(stale), &[]);
    assert_eq!(controller(&after.unwrap()), None);
    let mut shared = handmade(&[]);
    shared.metadata.owner_references = Some(vec![
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": "cm", "uid": "u",
        }))
        .unwrap(),
    ]);
    let (_, after) = outcome("Owner", Some(shared), &[]);
    let owners = after.unwrap().metadata.owner_references.unwrap();
    assert_eq!(
        owners.iter().map(|o| &*o.name).collect::<Vec<_>>(),
        ["cm", "app"]
    );
}

#[test]
fn immutable_targets() {
    let frozen = |data: &[(&str, &str)]| {
        let mut secret = written(&simple(json!({})), data);
        secret.immutable = Some(true);
        secret
    };
    let (word, _) = outcome(
        "Owner",
        Some(frozen(&[("password", "old")])),
        &[("password", "new")],
    );
    assert_eq!(
        word,
        "could not update secret, target is immutable: \
         Secret \"app\" is immutable and its values changed"
    );
    let (word, _) = outcome(
        "Owner",
        Some(frozen(&[("password", "x")])),
        &[("password", "x")],
    );
    assert_eq!(word, "Equal");
    let declared = |live: &Secret| {
        let observed = simple(json!({ "immutable": true })).found(live);
        apply(&diff(&wish(&[("password", "new")]), &observed), Some(live))
    };
    assert_eq!(
        declared(&frozen(&[("password", "old")])).0,
        "Equal",
        "never rewritten"
    );
    let mutable = written(&simple(json!({})), &[("password", "old")]);
    let (word, after) = declared(&mutable);
    let after = after.unwrap();
    assert_eq!((word.as_str(), after.immutable), ("update", Some(true)));
    assert_eq!(data(&after)["password"], "old");
    let observed = simple(json!({ "immutable": true }));
    let (_, created) = apply(&diff(&wish(&[("password", "x")]), &observed), None);
    assert_eq!(created.unwrap().immutable, Some(true));
}

#[test]
fn stale_labels_go_unless_eso_would_have_left_them() {
    let renamed = |name: &str, edited: bool| {
        let mut before = simple(json!({}));
        before.key = crate::ObjectKey::new("team", name);
        let live = written(&before, &[("password", "x")]);
        let mut after = before.synced(THEN, &[]).found(&live);
        after.edit(|es| {
            es.metadata.labels = None;
            es.metadata.annotations = None;
            if !edited {
                let revision = crate::revision(es);
                es.status.as_mut().unwrap().synced_resource_version = Some(revision);
            }
        });
        let change = diff(&wish(&[("password", "x")]), &after);
        let (word, after) = apply(&change, Some(&live));
        (word, label(&after.unwrap(), "team").is_some())
    };
    let long = "a-name-of-more-than-twenty-seven-characters";
    assert_eq!(renamed("app", true), ("update".to_owned(), false));
    assert_eq!(renamed("app", false), ("update".to_owned(), false));
    assert_eq!(
        renamed(long, true),
        ("update".to_owned(), false),
        "mended with an edit"
    );
    assert_eq!(
        renamed(long, false),
        ("Equal".to_owned(), true),
        "no write by itself (P8)"
    );
}

#[test]
fn a_secret_that_the_watch_does_not_show_is_adopted() {
    // Its label was stripped: the create answers AlreadyExists, and the live Secret decides.
    let observed = simple(json!({}))
        .synced(THEN, &[])
        .with(|o| o.target = TargetView::Absent);
    let mut live = written(&observed, &[("password", "x")]);
    (live.metadata.labels.as_mut().unwrap()).remove(names::MANAGED_LABEL);
    let change = diff(&wish(&[("password", "x")]), &observed);
    let Action::Create(intent) = &change.action else {
        panic!("{:?}", change.action);
    };
    let Action::Update(update) = merge(intent, Some(&live)) else {
        panic!("not adopted");
    };
    let after = patched(&live, &update);
    assert_eq!(label(&after, names::MANAGED_LABEL), Some("true"));
    assert_eq!(word(&merge(intent, None)), "create");
}

#[test]
fn outcomes_of_the_api_server() {
    let change = |rendered: &Rendered| diff(rendered, &simple(json!({})));
    let applied = |written| Applied {
        written,
        nothing: None,
        orphans_deleted: Vec::new(),
    };
    let done = change(&wish(&[])).conclude(Ok(applied(Written::Created)));
    let Outcome::Synced(synced) = done else {
        panic!("{done:?}")
    };
    assert_eq!(
        (synced.ready, synced.written),
        (Ready::Synced, Written::Created)
    );
    let missing = Applied {
        nothing: Some(Why::TargetMissing),
        ..applied(Written::Nothing)
    };
    let done = change(&wish(&[])).conclude(Ok(missing));
    assert!(matches!(
        done,
        Outcome::Synced(Synced {
            ready: Ready::Missing,
            ..
        })
    ));
    let conflict = change(&wish(&[])).conclude(Err(ApplyFailure::Conflict));
    assert_eq!(conflict, Outcome::Again(Again::Conflict));
    for (failure, message) in [
        (
            ApplyFailure::Write {
                public: "no right".into(),
                kind: ErrorKind::Denied,
            },
            "could not update secret: no right",
        ),
        (
            ApplyFailure::Orphan {
                public: "no right".into(),
                kind: ErrorKind::Denied,
            },
            "could not delete orphaned secrets: no right",
        ),
    ] {
        let Outcome::Failed(error) = change(&wish(&[])).conclude(Err(failure)) else {
            panic!("not failed");
        };
        assert_eq!(
            (error.to_string().as_str(), error.retry),
            (message, Retry::Backoff)
        );
    }
}
