//! Pure. Tables of what goes away: keys, Secrets, Secrets of an older name; and on what evidence.

use serde_json::{Value, json};

use super::{THEN, apply, wish, word};
use crate::TargetView;
use crate::diff::*;
use crate::testing::*;

fn lacking(data: &[(&str, &str)], confirmed: bool) -> Rendered {
    let Rendered::Secret(mut desired) = wish(data) else {
        unreachable!()
    };
    desired.missing = vec![missing(confirmed)];
    Rendered::Secret(desired)
}

fn missing(confirmed: bool) -> MissingEntry {
    MissingEntry {
        position: "spec.data[0] (key=db)".into(),
        confirmed,
    }
}

#[test]
fn keys_that_the_spec_no_longer_wants_go_without_evidence() {
    for policy in ["Owner", "Orphan", "CreateOrMerge", "Merge"] {
        let observed = simple(json!({ "creationPolicy": policy }));
        let mut live = written(&observed, &[("old", "x"), ("password", "x")]);
        (live.data.as_mut().unwrap())
            .insert("foreign".into(), k8s_openapi::ByteString(b"y".to_vec()));
        let mut observed = observed.synced(THEN, &[]).found(&live);
        observed.edit(|es| es.metadata.generation = Some(2));
        let change = diff(&wish(&[("password", "x")]), &observed);
        assert_eq!(change.removal, None, "{policy}");
        let after = data(&apply(&change, Some(&live)).1.unwrap());
        assert!(!after.contains_key("old"), "{policy}");
        let merges = policy.ends_with("Merge");
        assert_eq!(after.contains_key("foreign"), merges, "{policy}");
    }
}

#[test]
fn keys_that_the_backend_no_longer_has_go_on_evidence_alone() {
    let both = [("password", "x"), ("user", "y")];
    let live = written(&simple(json!({})), &both);
    let check = |rendered: &Rendered, expected: &str, removal: Option<(usize, bool)>| {
        let observed = simple(json!({ "deletionPolicy": "Merge" })).synced(THEN, &both);
        let change = diff(rendered, &observed);
        assert_eq!(apply(&change, Some(&live)).0, expected);
        assert_eq!(change.removal.map(|r| (r.keys, r.confirmed)), removal);
    };
    check(
        &lacking(&[("user", "y")], false),
        "AbsenceUnconfirmed",
        Some((1, false)),
    );
    check(&lacking(&[("user", "y")], true), "update", Some((1, true)));
    // A good answer that lacks a key of `extract` is evidence by itself, and is still counted.
    check(&wish(&[("user", "y")]), "update", Some((1, true)));
    check(&lacking(&both, false), "Equal", None);
    check(&lacking(&[], true), "update", Some((2, true)));
}

#[test]
fn an_absence_that_takes_nothing_away_does_not_hold_up() {
    let observed = simple(json!({ "deletionPolicy": "Merge" }));
    assert_eq!(
        word(&diff(&lacking(&[("user", "y")], false), &observed).action),
        "create"
    );
}

#[test]
fn nothing_found() {
    let empty = |target: Value, live: Option<&Secret>, missing: Vec<MissingEntry>| {
        let mut observed = simple(target).synced(THEN, &[("password", "x")]);
        observed.target = TargetView::Absent;
        if let Some(live) = live {
            observed = observed.found(live);
        }
        let change = diff(&Rendered::Empty { missing }, &observed);
        (word(&change.action), change.ready, change.removal.is_some())
    };
    let ours = written(&simple(json!({})), &[("password", "x")]);
    let delete = || json!({ "deletionPolicy": "Delete" });
    let seen = |confirmed| vec![missing(confirmed)];
    for (target, live, missing, expected) in [
        (
            json!({}),
            Some(&ours),
            vec![],
            ("Retained".into(), Ready::Retained, false),
        ),
        (
            delete(),
            Some(&ours),
            seen(true),
            ("delete app uid-of-secret 41".into(), Ready::Deleted, true),
        ),
        (
            delete(),
            Some(&ours),
            seen(false),
            ("AbsenceUnconfirmed".to_owned(), Ready::Deleted, true),
        ),
        (
            delete(),
            None,
            seen(true),
            ("AlreadyGone".into(), Ready::Deleted, false),
        ),
        (
            json!({ "deletionPolicy": "Delete", "creationPolicy": "Orphan" }),
            Some(&ours),
            seen(true),
            (
                "could not delete secret: deletionPolicy=Delete needs creationPolicy=Owner".into(),
                Ready::Deleted,
                false,
            ),
        ),
    ] {
        assert_eq!(empty(target, live, missing), expected);
    }
    let foreign = handmade(&[("password", "x")]);
    let (word, ..) = empty(delete(), Some(&foreign), seen(true));
    assert_eq!(
        word,
        "could not delete secret: Secret \"app\" is not owned by this ExternalSecret"
    );
    let other = owned_by(foreign, "ExternalSecret", "external-secrets.io/v1", "other");
    let (word, ..) = empty(delete(), Some(&other), seen(true));
    assert!(
        word.starts_with("target is owned by another ExternalSecret"),
        "{word}"
    );
}

#[test]
fn secrets_of_an_older_name_go_when_they_are_ours() {
    let observed = simple(json!({ "name": "new" }));
    let mut old = written(&observed, &[]);
    old.metadata.name = Some("old".to_owned());
    let mut copied = old.clone();
    copied.metadata.name = Some("copied".to_owned());
    copied.metadata.owner_references = None;
    let digests = [&old, &copied].map(|secret| TargetDigest::from_secret(secret).into());
    let names = |policy: &str| {
        let observed = simple(json!({ "name": "new", "creationPolicy": policy }))
            .with(|o| o.orphans = digests.to_vec());
        let change = diff(&wish(&[]), &observed);
        change
            .orphans
            .iter()
            .map(|Orphan(at)| at.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("Owner"),
        ["old"],
        "a copy by hand carries the label too"
    );
    assert!(names("Orphan").is_empty());
    let other = owned_by(
        handmade(&[]),
        "ExternalSecret",
        "external-secrets.io/v1",
        "other",
    );
    let refused = simple(json!({ "name": "new" }))
        .found(&other)
        .with(|o| o.orphans = digests.to_vec());
    let change = diff(&wish(&[]), &refused);
    assert!(
        matches!(change.action, Action::Refuse(_)) && change.orphans.is_empty(),
        "the old Secret stays while the new one cannot be written"
    );
}
