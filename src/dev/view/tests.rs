//! Pure. Tests of rows, as tables.

use serde_json::json;

use super::*;

fn row(kind: &str, object: Value) -> Row {
    let id = id(kind, Some("team"), "app");
    let mut seen = Seen::default();
    seen.objects.insert(id, object);
    let at = |second| Timestamp::from_second(second).unwrap();
    for (name, second) in [("app", 1), ("other", 2)] {
        seen.secrets
            .insert(("team".to_owned(), name.to_owned()), at(second));
    }
    seen.rows(|_| Some(at(9))).remove(0)
}

#[test]
fn an_external_secret_shows_store_target_and_when_its_secret_was_written() {
    let told = |spec: Value| {
        let row = row("ExternalSecret", json!({ "spec": spec }));
        (row.store, row.target, row.changed.map(Timestamp::as_second))
    };
    let expected = |store: &str, target: &str, at| (store.to_owned(), target.to_owned(), at);
    let plain = json!({ "secretStoreRef": { "name": "vault" } });
    assert_eq!(told(plain), expected("vault", "app", Some(1)));
    let named = json!({ "secretStoreRef": { "name": "v", "kind": "ClusterSecretStore" },
                        "target": { "name": "other" } });
    assert_eq!(told(named), expected("v (cluster)", "other", Some(2)));
    let several = json!({ "target": { "name": "none" },
        "secretStoreRef": { "name": "a" },
        "data": [{ "sourceRef": { "storeRef": { "name": "b" } } }],
        "dataFrom": [{ "sourceRef": { "storeRef": { "name": "a" } } }] });
    assert_eq!(told(several), expected("a,b", "none", None));
}

#[test]
fn a_store_shows_its_backend() {
    let row = row(
        "SecretStore",
        json!({ "spec": { "provider": { "vault": {} } } }),
    );
    assert_eq!(
        (&*row.store, &*row.target, row.is_store()),
        ("vault", "", true)
    );
}

#[test]
fn the_condition_decides_the_state() {
    let told = |status: Value| {
        let row = row("ExternalSecret", json!({ "status": status }));
        (row.state, row.reason, row.cause)
    };
    assert_eq!(told(json!({})).0, State::Waiting);
    let other = json!({ "conditions": [{ "type": "Deleted", "status": "True" }] });
    assert_eq!(told(other).0, State::Waiting);
    let bad = json!({ "conditions": [{ "type": "Ready", "status": "False",
        "reason": "SecretSyncedError", "message": "no\n\u{1b}[31m such key" }] });
    let expected = (
        State::Failed,
        "SecretSyncedError".to_owned(),
        "no [31m such key".to_owned(),
    );
    assert_eq!(told(bad), expected);
    let good = json!({ "conditions": [{ "type": "Ready", "status": "True" }] });
    assert_eq!(told(good).0, State::Ready);
}
