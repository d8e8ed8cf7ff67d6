//! Pure. What a digest keeps and what it drops.

use serde_json::json;
use tidegate_api::names;

use super::*;
use crate::testing::*;

const MANAGER: &str = "externalsecrets.external-secrets.io/app";

#[test]
fn a_digest_knows_names_owners_and_hash() {
    let secret = written(&simple(json!({})), &[("password", "x"), ("user", "y")]);
    let digest = TargetDigest::from_secret(&secret);
    let names: Vec<&str> = digest.keys.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["password", "user"]);
    assert!(digest.keys.iter().all(|field| digest.owns(MANAGER, field)));
    assert!(
        !digest
            .keys
            .iter()
            .any(|field| digest.owns("kubectl-create", field))
    );
    assert_eq!(digest.annotated, Annotated::Hash(digest.hash));
    assert_eq!(digest.labels.len(), 1, "ours have fields of their own");
    let owner = digest
        .controller()
        .map(|(_, owner)| (&owner.kind, &*owner.name));
    assert_eq!(owner, Some((&None, "app")));
}

#[test]
fn owners_of_all_entries_of_a_manager_count() {
    let mut secret = written(&simple(json!({})), &[("a", "x"), ("b", "y"), ("c", "z")]);
    let entries = secret.metadata.managed_fields.as_mut().unwrap();
    let entry = |manager: &str, key: &str| {
        let mut entry = entries[0].clone();
        entry.manager = Some(manager.to_owned());
        entry.operation = Some("Apply".to_owned());
        entry.fields_v1.as_mut().unwrap().0 = json!({ "f:data": { key: {} } });
        entry
    };
    let other = "externalsecrets.external-secrets.io/other";
    *entries = vec![
        entry(MANAGER, "f:a"),
        entry(other, "f:b"),
        entry(MANAGER, "f:b"),
    ];
    let digest = TargetDigest::from_secret(&secret);
    let owned = |manager: &str| -> Vec<&str> {
        let fields = digest
            .keys
            .iter()
            .filter(|field| digest.owns(manager, field));
        fields.map(|field| &*field.name).collect()
    };
    assert_eq!(owned(MANAGER), ["a", "b"]);
    assert_eq!(owned(other), ["b"]);
    assert_eq!(owned("kubectl"), Vec::<&str>::new());
}

#[test]
fn forty_managers_are_bounded_and_a_live_look_follows_the_one() {
    let mut secret = written(&simple(json!({})), &[("a", "x")]);
    let template = secret.metadata.managed_fields.as_ref().unwrap()[0].clone();
    let manager = |at: usize| format!("{}{at}", names::FIELD_MANAGER_PREFIX);
    secret.metadata.managed_fields = Some(
        (0..40)
            .map(|at| {
                let mut entry = template.clone();
                entry.manager = Some(manager(at));
                entry
            })
            .collect(),
    );
    let digest = TargetDigest::from_secret(&secret);
    assert!(digest.owns(&manager(31), &digest.keys[0]));
    assert!(!digest.owns(&manager(39), &digest.keys[0]));
    let live = TargetDigest::for_manager(&secret, &manager(39));
    assert!(live.owns(&manager(39), &live.keys[0]));
}

#[test]
fn no_value_is_kept() {
    let marker = "MARKER-7f3a";
    let mut secret = handmade(&[("password", marker)]);
    // What `kubectl apply` leaves on a Secret.
    secret.metadata.annotations = Some(
        [(
            "kubectl.kubernetes.io/last-applied-configuration".to_owned(),
            marker.to_owned(),
        )]
        .into(),
    );
    let printed = format!("{:?}", TargetDigest::from_secret(&secret));
    assert!(
        printed.contains("last-applied") && !printed.contains(marker),
        "{printed}"
    );
}

#[test]
fn a_digest_is_small() {
    // At 10,000 objects each byte here is 10 KB; the budget is 9 KiB an object, all in.
    assert!(
        size_of::<TargetDigest>() <= 320,
        "{}",
        size_of::<TargetDigest>()
    );
    assert_eq!(size_of::<Field>(), 24);
    assert_eq!(size_of::<Labelled>(), 40);
    assert_eq!(size_of::<OwnerRef>(), 56);
}

#[test]
fn hashes_that_are_none_are_told_apart() {
    for (text, expected) in [
        (None, Annotated::Absent),
        (Some("F".repeat(56)), Annotated::Other),
        (Some("f".repeat(55)), Annotated::Other),
        (Some(String::new()), Annotated::Other),
    ] {
        assert_eq!(Annotated::of(text.as_ref()), expected, "{text:?}");
    }
}
