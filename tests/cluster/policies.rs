//! Shell. Creation, deletion and refresh policies, and evidence of absence.

use serde_json::{Value, json};

use crate::support::{Fixture, World, eventually, extract, properties};

async fn world(fixture: Fixture, name: &str) -> (World, String) {
    let world = World::new(fixture, name).await;
    let key = world.put("app", &json!({ "a": "1" })).await;
    world.vault_store().await;
    (world, key)
}

fn with_target(mut spec: Value, target: &Value) -> Value {
    spec["target"] = target.clone();
    spec
}

async fn merge_waits_for_its_secret_and_leaves_foreign_keys(fixture: Fixture) {
    let (world, key) = world(fixture, "merge").await;
    let controller = world.controller();
    let target = json!({ "name": "theirs", "creationPolicy": "Merge" });
    world
        .external_secret("app", &with_target(extract(&[&key]), &target))
        .await;
    world.ready("app", "True", "SecretMissing").await;
    world.secret("theirs", &[("own", "kept")]).await;
    let touch = json!({ "metadata": { "annotations": { "touch": "1" } } });
    world.patch("externalsecrets", "app", &touch).await;
    world.holds("theirs", &[("a", "1"), ("own", "kept")]).await;
    world.delete("externalsecrets", "app").await;
    let secret = world.get("secrets", "theirs").await.unwrap();
    assert_eq!(secret["metadata"]["ownerReferences"], Value::Null);
    controller.stop().await;
}

async fn orphan_and_none_and_create_or_merge(fixture: Fixture) {
    let (world, key) = world(fixture, "policies").await;
    let controller = world.controller();
    world.secret("both", &[("own", "kept")]).await;
    for (name, policy) in [
        ("orphan", "Orphan"),
        ("none", "None"),
        ("both", "CreateOrMerge"),
    ] {
        let target = json!({ "creationPolicy": policy });
        world
            .external_secret(name, &with_target(extract(&[&key]), &target))
            .await;
        world.ready(name, "True", "SecretSynced").await;
    }
    world.holds("orphan", &[("a", "1")]).await;
    world.holds("both", &[("a", "1"), ("own", "kept")]).await;
    assert_eq!(world.data("none").await, None);
    let orphan = world.get("secrets", "orphan").await.unwrap();
    assert_eq!(orphan["metadata"]["ownerReferences"], Value::Null);
    controller.stop().await;
}

async fn a_renamed_target_leaves_no_orphan(fixture: Fixture) {
    let (world, key) = world(fixture, "renamed").await;
    let controller = world.controller();
    world
        .external_secret(
            "app",
            &with_target(extract(&[&key]), &json!({ "name": "old" })),
        )
        .await;
    world.holds("old", &[("a", "1")]).await;
    world
        .external_secret(
            "app",
            &with_target(extract(&[&key]), &json!({ "name": "new" })),
        )
        .await;
    world.holds("new", &[("a", "1")]).await;
    world.gone("old").await;
    controller.stop().await;
}

async fn created_once_is_read_once(fixture: Fixture) {
    let (world, key) = world(fixture, "once").await;
    let controller = world.controller();
    let mut spec = extract(&[&key]);
    spec["refreshPolicy"] = json!("CreatedOnce");
    world.external_secret("app", &spec).await;
    world.ready("app", "True", "SecretSynced").await;
    world.put("app", &json!({ "a": "2" })).await;
    // A periodic neighbour shows that several intervals have passed.
    world.external_secret("neighbour", &extract(&[&key])).await;
    world.holds("neighbour", &[("a", "2")]).await;
    world.put("app", &json!({ "a": "3" })).await;
    world.holds("neighbour", &[("a", "3")]).await;
    world.holds("app", &[("a", "1")]).await;
    controller.stop().await;
}

async fn a_value_that_vanishes_goes_only_under_a_policy_that_asks_for_it(fixture: Fixture) {
    let (world, kept) = world(fixture, "vanish").await;
    let gone = world.put("gone", &json!({ "b": "2" })).await;
    let controller = world.controller();
    // The neighbour's good reads under the same identity are the evidence that the backend is well.
    world.external_secret("neighbour", &extract(&[&kept])).await;
    for (name, policy) in [
        ("retain", "Retain"),
        ("merge", "Merge"),
        ("delete", "Delete"),
    ] {
        let target = json!({ "deletionPolicy": policy });
        let keys: &[&str] = if policy == "Merge" {
            &[&kept, &gone]
        } else {
            &[&gone]
        };
        world
            .external_secret(name, &with_target(extract(keys), &target))
            .await;
        world.ready(name, "True", "SecretSynced").await;
    }
    world.servers.vault.destroy("secret", &gone).await.unwrap();
    world.gone("delete").await;
    world.ready("delete", "True", "SecretDeleted").await;
    world.holds("merge", &[("a", "1")]).await;
    world.ready("retain", "False", "SecretSyncedError").await;
    world.holds("retain", &[("b", "2")]).await;
    controller.stop().await;
}

async fn immutable_targets_are_made_immutable(fixture: Fixture) {
    let (world, key) = world(fixture, "make-immutable").await;
    let controller = world.controller();
    let target = json!({ "immutable": true });
    world
        .external_secret("app", &with_target(extract(&[&key]), &target))
        .await;
    world.ready("app", "True", "SecretSynced").await;
    assert_eq!(
        world.get("secrets", "app").await.unwrap()["immutable"],
        true
    );
    controller.stop().await;
}

async fn decoding_and_key_conversion(fixture: Fixture) {
    let world = World::new(fixture, "decode").await;
    let value = json!({ "plain": "aGVsbG8=", "odd key!": "x" });
    let key = world.put("app", &value).await;
    world.vault_store().await;
    let controller = world.controller();
    let mut spec = properties(&[("decoded", &key, "plain")]);
    spec["data"][0]["remoteRef"]["decodingStrategy"] = json!("Base64");
    spec["dataFrom"] = json!([{ "extract": { "key": key, "conversionStrategy": "Unicode" } }]);
    world.external_secret("app", &spec).await;
    let wanted = [
        ("decoded", "hello"),
        ("odd_U0020_key_U0021_", "x"),
        ("plain", "aGVsbG8="),
    ];
    world.holds("app", &wanted).await;
    controller.stop().await;
}

async fn a_mass_removal_is_held_until_somebody_lets_it_go(fixture: Fixture) {
    let (world, kept) = world(fixture, "shrink").await;
    let controller = world.controller();
    world.external_secret("neighbour", &extract(&[&kept])).await;
    let target = json!({ "deletionPolicy": "Delete" });
    let mut keys = Vec::new();
    for number in 0..6 {
        let key = world
            .put(&format!("gone-{number}"), &json!({ "v": "1" }))
            .await;
        let name = format!("es-{number}");
        world
            .external_secret(&name, &with_target(extract(&[&key]), &target))
            .await;
        world.ready(&name, "True", "SecretSynced").await;
        keys.push(key);
    }
    for key in &keys {
        world.servers.vault.destroy("secret", key).await.unwrap();
    }
    let held = || async {
        let mut held = 0;
        for number in 0..6 {
            let object = world
                .get("externalsecrets", &format!("es-{number}"))
                .await
                .unwrap();
            let message = object["status"]["conditions"][0]["message"].to_string();
            held += usize::from(message.contains("the removal is held"));
        }
        held
    };
    // Fewer than three may always go; the guard holds the rest.
    eventually("the removals to be held", || async { held().await >= 4 }).await;
    let mut left = 0;
    for number in 0..6 {
        left += usize::from(world.data(&format!("es-{number}")).await.is_some());
    }
    assert!(left >= 4, "{left} of 6 are left");
    let release = json!({ "metadata": { "annotations": { "tidegate.io/release-removals": "1" } } });
    world.patch("secretstores", "vault", &release).await;
    for number in 0..6 {
        world.gone(&format!("es-{number}")).await;
    }
    world.holds("neighbour", &[("a", "1")]).await;
    controller.stop().await;
}

on_both!(
    merge_waits_for_its_secret_and_leaves_foreign_keys,
    orphan_and_none_and_create_or_merge,
    a_renamed_target_leaves_no_orphan,
    created_once_is_read_once,
    a_value_that_vanishes_goes_only_under_a_policy_that_asks_for_it,
    immutable_targets_are_made_immutable,
    decoding_and_key_conversion,
    a_mass_removal_is_held_until_somebody_lets_it_go,
);
