//! Shell. The main job: values of Vault become Secrets and stay equal to them.

use serde_json::json;

use crate::support::logs::MARKER;
use crate::support::{Fixture, World, extract, properties};

async fn values_of_vault_become_a_secret_and_follow_them(fixture: Fixture) {
    let world = World::new(fixture, "basics").await;
    let (one, two) = (format!("{MARKER}-1"), format!("{MARKER}-2"));
    let key = world
        .put("db", &json!({ "user": one, "password": "p", "port": 5432 }))
        .await;
    world.vault_store().await;
    let controller = world.controller();
    world.external_secret("whole", &extract(&[&key])).await;
    world
        .external_secret("single", &properties(&[("login", &key, "user")]))
        .await;

    assert_eq!(
        world.ready("whole", "True", "SecretSynced").await,
        "secret synced"
    );
    world
        .holds(
            "whole",
            &[("user", &one), ("password", "p"), ("port", "5432")],
        )
        .await;
    world.holds("single", &[("login", &one)]).await;
    let secret = world.get("secrets", "whole").await.unwrap();
    let labels = &secret["metadata"]["labels"];
    assert_eq!(labels["reconcile.external-secrets.io/managed"], "true");
    assert_eq!(
        secret["metadata"]["ownerReferences"][0]["kind"],
        "ExternalSecret"
    );
    assert_eq!(secret["type"], "Opaque");
    let object = world.get("externalsecrets", "whole").await.unwrap();
    assert_eq!(object["metadata"]["finalizers"], serde_json::Value::Null);
    assert_eq!(object["status"]["binding"]["name"], "whole");

    world.put("db", &json!({ "user": two })).await;
    world.holds("whole", &[("user", &two)]).await;
    world.holds("single", &[("login", &two)]).await;

    world.delete("externalsecrets", "whole").await;
    world.gone("whole").await;
    controller.stop().await;
}

async fn a_rotated_value_is_read_at_once_on_force_sync(fixture: Fixture) {
    let world = World::new(fixture, "force").await;
    let key = world.put("k", &json!({ "v": "old" })).await;
    world.vault_store().await;
    let controller = world.controller();
    let mut spec = extract(&[&key]);
    spec["refreshInterval"] = json!("1h");
    world.external_secret("forced", &spec).await;
    world.holds("forced", &[("v", "old")]).await;
    world.ready("forced", "True", "SecretSynced").await;

    world.put("k", &json!({ "v": "new" })).await;
    let patch = json!({ "metadata": { "annotations": { "external-secrets.io/force-sync": "1" } } });
    world.patch("externalsecrets", "forced", &patch).await;
    world.holds("forced", &[("v", "new")]).await;
    controller.stop().await;
}

async fn the_fake_provider_serves_its_own_values(fixture: Fixture) {
    let world = World::new(fixture, "fake").await;
    let data = json!([
        { "key": "app", "value": "{\"a\":\"1\",\"b\":{\"c\":\"deep\"}}" },
        { "key": "app", "value": "versioned", "version": "v2" },
    ]);
    world
        .store("fake", &json!({ "fake": { "data": data } }))
        .await;
    let controller = world.controller();
    let spec = json!({
        "refreshInterval": "1s",
        "secretStoreRef": { "name": "fake", "kind": "SecretStore" },
        "dataFrom": [{ "extract": { "key": "app" } }],
        "data": [
            { "secretKey": "deep", "remoteRef": { "key": "app", "property": "b.c" } },
            { "secretKey": "other", "remoteRef": { "key": "app", "version": "v2" } },
        ],
    });
    world.external_secret("all", &spec).await;
    let wanted = [
        ("a", "1"),
        ("b", "{\"c\":\"deep\"}"),
        ("deep", "deep"),
        ("other", "versioned"),
    ];
    world.holds("all", &wanted).await;
    controller.stop().await;
}

async fn kv_version_1_is_served(fixture: Fixture) {
    let world = World::new(fixture, "kv1").await;
    let key = format!("{}/app", world.namespace);
    world
        .servers
        .vault
        .put("kv1", &key, &json!({ "a": "1" }))
        .await
        .unwrap();
    let token = world.vault_token().await;
    world.secret("vault-token", &[("token", &token)]).await;
    let mut provider = world.vault_provider();
    provider["vault"]["path"] = json!("kv1");
    provider["vault"]["version"] = json!("v1");
    world.store("vault", &provider).await;
    let controller = world.controller();
    world.external_secret("one", &extract(&[&key])).await;
    world.holds("one", &[("a", "1")]).await;
    controller.stop().await;
}

on_both!(
    values_of_vault_become_a_secret_and_follow_them,
    a_rotated_value_is_read_at_once_on_force_sync,
    the_fake_provider_serves_its_own_values,
    kv_version_1_is_served,
);
