//! Pure. What counts while a write of ours is on its way: statuses of stores, versions of targets.

use serde_json::json;
use tidegate_api::StoreStatus;
use tidegate_stages::StoreKey;

use super::*;

fn status(ready: &str) -> StoreStatus {
    let condition = json!({ "type": names::READY, "status": ready });
    serde_json::from_value(json!({ "conditions": [condition] })).unwrap()
}

fn entry(uid: &str, ready: &str) -> StoreEntry {
    StoreEntry {
        spec: Arc::default(),
        uid: uid.into(),
        generation: 1,
        version: None,
        release: None,
        status: Arc::new(status(ready)),
        told: None,
        usable: Ok(()),
    }
}

#[test]
fn what_was_told_counts_until_the_watch_shows_it() {
    let key = StoreKey {
        kind: StoreKind::SecretStore,
        name: "s".into(),
    };
    let id = StoreId::seen_from(&"n".into(), &key);
    let mut world = World::default();
    let current = |world: &World| {
        world.store(&id).unwrap().current().conditions[0]
            .status
            .clone()
    };
    world.set_store(&id, entry("u", "True"), false);
    world.validated(&id, Ok(()), Some(status("False")));
    assert_eq!(current(&world), "False");
    // An older event, while ours is on its way.
    world.set_store(&id, entry("u", "True"), true);
    assert_eq!(current(&world), "False");
    world.set_store(&id, entry("u", "False"), true);
    assert!(world.store(&id).unwrap().told.is_none(), "it has arrived");
    // Nothing of ours is to come: somebody else wrote it.
    world.validated(&id, Ok(()), Some(status("False")));
    world.set_store(&id, entry("u", "True"), false);
    assert_eq!(current(&world), "True");
    // Another store of that name was told nothing.
    world.validated(&id, Ok(()), Some(status("False")));
    world.set_store(&id, entry("v", "True"), true);
    assert_eq!(current(&world), "True");
}

fn secret(version: &str) -> TargetDigest {
    let meta = json!({ "name": "a", "namespace": "n", "resourceVersion": version });
    TargetDigest::from_secret(&serde_json::from_value(json!({ "metadata": meta })).unwrap())
}

#[test]
fn a_late_answer_does_not_undo_what_the_watch_has_shown() {
    let key = ObjectKey::new("n", "a");
    let mut world = World::default();
    let known = |world: &World| {
        let digest = world.targets.get(&key);
        digest.map(|digest| digest.resource_version.to_string())
    };
    world.keep_target(&key, secret("10"));
    assert_eq!(known(&world).as_deref(), Some("10"), "an answer in time");
    // Somebody else writes after us, and the watch is quicker than our answer.
    world.set_target(&key, secret("12"));
    world.keep_target(&key, secret("11"));
    assert_eq!(known(&world).as_deref(), Some("12"));
    // Our delete of an old version was answered late.
    world.target_deleted(&key, "11");
    assert_eq!(known(&world).as_deref(), Some("12"));
    // Somebody deletes what we wrote before our answer comes.
    world.remove_target(&key);
    world.keep_target(&key, secret("12"));
    assert_eq!(known(&world), None);
    world.keep_target(&key, secret("14"));
    assert_eq!(known(&world).as_deref(), Some("14"), "made again");
    world.target_deleted(&key, "14");
    assert_eq!(known(&world), None);
}

#[test]
fn an_object_made_again_is_not_taken_for_its_namesake() {
    let key = ObjectKey::new("n", "a");
    let mut world = World::default();
    let mut arrives = |uid: &str, generation: u64| {
        let meta = json!({ "name": "a", "namespace": "n", "uid": uid, "generation": generation });
        let object = serde_json::from_value(json!({ "metadata": meta, "spec": {} })).unwrap();
        world.set_object(&key, &object).unwrap()
    };
    assert_eq!(arrives("u", 1), Arrival::New);
    assert_eq!(arrives("u", 1), Arrival::Known);
    assert_eq!(arrives("u", 2), Arrival::Edited);
    assert_eq!(arrives("v", 1), Arrival::Namesake);
}
