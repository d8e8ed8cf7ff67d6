//! Shell. Faults of a spec, a value or a target.

use std::time::Duration;

use serde_json::{Value, json};

use super::Synced;
use crate::support::logs::MARKER;
use crate::support::{Fixture, World, extract, properties};

/// Replaces the spec of `app` by `spec`, waits for the failure, and puts the good one back.
async fn spec_fails(
    fixture: Fixture,
    name: &str,
    spec: impl FnOnce(&Synced) -> Value,
    parts: &[&str],
) {
    let synced = Synced::new(fixture, name).await;
    let spec = spec(&synced);
    synced.world.external_secret("app", &spec).await;
    synced.fails(parts).await;
    synced
        .world
        .external_secret("app", &extract(&[&synced.key]))
        .await;
    synced.recovers().await;
}

async fn a_key_that_is_missing(fixture: Fixture) {
    let spec = |synced: &Synced| extract(&[&synced.key, &format!("{}-none", synced.key)]);
    let lead = "could not get secret data from provider";
    spec_fails(
        fixture,
        "missing-key",
        spec,
        &[lead, "spec.dataFrom[1].extract", "-none"],
    )
    .await;
}

async fn a_property_that_is_missing(fixture: Fixture) {
    let spec = |synced: &Synced| properties(&[("x", &synced.key, "nope")]);
    let lead = "could not get secret data from provider";
    spec_fails(
        fixture,
        "missing-property",
        spec,
        &[lead, "spec.data[0]", "nope"],
    )
    .await;
}

async fn a_value_that_is_not_json(fixture: Fixture) {
    let synced = Synced::new(fixture, "not-json").await;
    let world = &synced.world;
    let value = format!("{MARKER} {{ not json");
    let data = json!([{ "key": "plain", "value": value }]);
    world
        .store("fake", &json!({ "fake": { "data": data } }))
        .await;
    let mut spec = extract(&["plain"]);
    spec["secretStoreRef"]["name"] = json!("fake");
    world.external_secret("app", &spec).await;
    synced
        .fails(&[
            "could not get secret data from provider",
            "spec.dataFrom[0].extract",
        ])
        .await;
    world.external_secret("app", &extract(&[&synced.key])).await;
    synced.recovers().await;
}

async fn a_secret_key_that_is_invalid_is_refused_by_the_api_server(fixture: Fixture) {
    let world = World::new(fixture, "invalid-key").await;
    let spec = properties(&[("not/valid", "k", "p")]);
    let body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                       "metadata": { "name": "bad" }, "spec": spec });
    let folder = world.path("externalsecrets", "");
    let answer = world
        .servers
        .admin
        .post(folder.trim_end_matches('/'), &body)
        .await
        .unwrap();
    assert_eq!(answer.status, 422);
    assert!(
        answer.body["message"]
            .as_str()
            .unwrap()
            .contains("spec.data[0].secretKey")
    );
}

async fn remote_keys_that_collide_or_are_invalid(fixture: Fixture) {
    let synced = Synced::new(fixture, "collision").await;
    let world = &synced.world;
    let colliding = world
        .put("colliding", &json!({ "a b": MARKER, "a_b": "2" }))
        .await;
    world.external_secret("app", &extract(&[&colliding])).await;
    synced
        .fails(&["spec.dataFrom[0].extract", "collision"])
        .await;
    world.external_secret("app", &extract(&[&synced.key])).await;
    synced.recovers().await;
}

async fn more_than_a_mebibyte(fixture: Fixture) {
    let synced = Synced::new(fixture, "large").await;
    let world = &synced.world;
    let half = format!("{MARKER}{}", "x".repeat(600_000));
    let (a, b) = (
        world.put("a", &json!({ "a": half })).await,
        world.put("b", &json!({ "b": half })).await,
    );
    world.external_secret("app", &extract(&[&a, &b])).await;
    synced.fails(&["1 MiB"]).await;
    world.external_secret("app", &extract(&[&synced.key])).await;
    synced.recovers().await;
}

async fn a_target_that_another_external_secret_owns(fixture: Fixture) {
    let synced = Synced::new(fixture, "owned").await;
    let world = &synced.world;
    let mut spec = extract(&[&synced.key]);
    spec["target"] = json!({ "name": "app" });
    world.external_secret("second", &spec).await;
    let message = world.ready("second", "False", "SecretSyncedError").await;
    assert!(
        message.contains("target is owned by another ExternalSecret"),
        "{message}"
    );
    assert!(message.contains("retried"), "{message}");
    assert_eq!(world.version("app").await, synced.version);
    synced.controller.stop().await;
}

async fn a_target_that_is_immutable(fixture: Fixture) {
    let world = World::new(fixture, "immutable").await;
    let key = world.put("k", &json!({ "v": "one" })).await;
    world.vault_store().await;
    let controller = world.controller();
    world.external_secret("fixed", &extract(&[&key])).await;
    world.ready("fixed", "True", "SecretSynced").await;
    let version = world
        .patch("secrets", "fixed", &json!({ "immutable": true }))
        .await;
    let version = version["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    world.put("k", &json!({ "v": "two" })).await;
    let message = world.ready("fixed", "False", "SecretSyncedError").await;
    assert!(
        message.contains("could not update secret, target is immutable"),
        "{message}"
    );
    assert_eq!(world.version("fixed").await, version);
    world.holds("fixed", &[("v", "one")]).await;
    controller.stop().await;
}

async fn a_namespace_that_is_being_deleted(fixture: Fixture) {
    let synced = Synced::new(fixture, "terminating").await;
    let world = &synced.world;
    let body = json!({ "apiVersion": "v1", "kind": "ConfigMap",
                       "metadata": { "name": "stay", "finalizers": ["example.com/stay"] } });
    let folder = world.path("configmaps", "");
    world
        .servers
        .admin
        .post(folder.trim_end_matches('/'), &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let mark = world.mark();
    let namespace = format!("/api/v1/namespaces/{}", world.namespace);
    world
        .servers
        .admin
        .delete(&namespace)
        .await
        .unwrap()
        .ok()
        .unwrap();
    world.gone("app").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let requests = world.requests_since(mark).await;
    let ours = requests
        .iter()
        .filter(|request| request.namespace == world.namespace);
    let writes: Vec<_> = ours
        .filter(|r| r.resource == "secrets" && r.mutates)
        .collect();
    // Two watches have no order: one create may be asked for before the namespace's end is
    // seen. The API server refuses it, and no other follows.
    assert!(
        writes.iter().all(|write| write.verb == "create") && writes.len() <= 1,
        "writes into a terminating namespace: {writes:?}"
    );
    world.gone("app").await;
    let free = json!({ "metadata": { "finalizers": null } });
    world.patch("configmaps", "stay", &free).await;
    synced.controller.stop().await;
}

async fn an_object_that_does_not_decode(fixture: Fixture) {
    let synced = Synced::new(fixture, "undecodable").await;
    let patch = json!({ "spec": { "refreshInterval": "every now and then" } });
    synced.world.patch("externalsecrets", "app", &patch).await;
    synced.fails(&["does not decode", "not a duration"]).await;
    synced
        .world
        .patch(
            "externalsecrets",
            "app",
            &json!({ "spec": { "refreshInterval": "1s" } }),
        )
        .await;
    synced.recovers().await;
}

async fn two_providers_in_one_store_are_refused_by_the_api_server(fixture: Fixture) {
    let world = World::new(fixture, "two-providers").await;
    let provider = json!({ "fake": { "data": [] }, "vault": { "server": "http://127.0.0.1:1" } });
    let body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
                       "metadata": { "name": "two" }, "spec": { "provider": provider } });
    let folder = world.path("secretstores", "");
    let answer = world
        .servers
        .admin
        .post(folder.trim_end_matches('/'), &body)
        .await
        .unwrap();
    assert_eq!(answer.status, 422);
    assert!(
        answer.body["message"]
            .as_str()
            .unwrap()
            .contains("spec.provider")
    );
}

async fn what_is_not_served_yet_answers_with_one_clear_condition(fixture: Fixture) {
    let spec = |synced: &Synced| {
        let mut spec = extract(&[&synced.key]);
        spec["dataFrom"] = json!([{ "find": { "name": { "regexp": ".*" } } }]);
        spec
    };
    spec_fails(fixture, "find", spec, &["spec.dataFrom[0].find"]).await;
}

async fn a_template_that_fails_is_named_by_its_place(fixture: Fixture) {
    let spec = |synced: &Synced| {
        let mut spec = extract(&[&synced.key]);
        spec["target"] = json!({ "template": { "data": { "x": "{{ .a | nope }}" } } });
        spec
    };
    let place = "spec.target.template.data[\"x\"]";
    spec_fails(
        fixture,
        "bad-template",
        spec,
        &["could not update secret", place, "line 1"],
    )
    .await;
}

on_both!(
    a_key_that_is_missing,
    a_property_that_is_missing,
    a_value_that_is_not_json,
    a_secret_key_that_is_invalid_is_refused_by_the_api_server,
    remote_keys_that_collide_or_are_invalid,
    more_than_a_mebibyte,
    a_target_that_another_external_secret_owns,
    a_target_that_is_immutable,
    a_namespace_that_is_being_deleted,
    an_object_that_does_not_decode,
    two_providers_in_one_store_are_refused_by_the_api_server,
    what_is_not_served_yet_answers_with_one_clear_condition,
    a_template_that_fails_is_named_by_its_place,
);
