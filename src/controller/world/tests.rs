//! Pure. What counts as a store's status while one is on its way.

use serde_json::json;
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
