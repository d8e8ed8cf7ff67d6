//! Shell. Secrets that somebody else touched, with the controller up and down, are mended.

use serde_json::json;

use crate::support::logs::MARKER;
use crate::support::{Controller, Fixture, World, extract};

async fn synced(fixture: Fixture, name: &str) -> (World, Controller) {
    let world = World::new(fixture, name).await;
    let key = world.put("app", &json!({ "a": MARKER })).await;
    world.vault_store().await;
    let controller = world.controller();
    let mut spec = extract(&[&key]);
    spec["refreshInterval"] = json!("1h");
    world.external_secret("app", &spec).await;
    world.ready("app", "True", "SecretSynced").await;
    (world, controller)
}

const EDIT: &str = "eA==";

async fn an_edit_by_hand_is_mended_while_the_controller_runs(fixture: Fixture) {
    let (world, controller) = synced(fixture, "edited").await;
    world
        .patch("secrets", "app", &json!({ "data": { "a": EDIT } }))
        .await;
    world.holds("app", &[("a", MARKER)]).await;
    controller.stop().await;
}

async fn an_edit_while_the_controller_was_down_is_mended_when_it_starts(fixture: Fixture) {
    let (world, controller) = synced(fixture, "edited-down").await;
    controller.stop().await;
    world
        .patch(
            "secrets",
            "app",
            &json!({ "data": { "a": EDIT, "b": EDIT } }),
        )
        .await;
    let controller = world.controller();
    world.holds("app", &[("a", MARKER)]).await;
    controller.stop().await;
}

async fn a_label_that_was_stripped_comes_back(fixture: Fixture) {
    let (world, controller) = synced(fixture, "stripped").await;
    let label = "reconcile.external-secrets.io/managed";
    world
        .patch(
            "secrets",
            "app",
            &json!({ "metadata": { "labels": { label: null } } }),
        )
        .await;
    crate::support::eventually("the managed label", || async {
        let secret = world.get("secrets", "app").await.unwrap();
        secret["metadata"]["labels"][label] == "true"
    })
    .await;
    world.holds("app", &[("a", MARKER)]).await;
    controller.stop().await;
}

async fn a_deleted_secret_comes_back(fixture: Fixture) {
    let (world, controller) = synced(fixture, "deleted").await;
    world.delete("secrets", "app").await;
    world.holds("app", &[("a", MARKER)]).await;
    controller.stop().await;
}

async fn a_restart_writes_nothing_and_reads_nothing_that_is_not_due(fixture: Fixture) {
    let (world, controller) = synced(fixture, "restart").await;
    controller.stop().await;
    let version = world.version("app").await;
    let reads = reads_of(&world);
    let mark = world.mark();
    let controller = world.controller();
    // A second object shows when the restarted controller has worked through its first lists.
    let key = world.put("second", &json!({ "b": "2" })).await;
    let mut spec = extract(&[&key]);
    spec["refreshInterval"] = json!("1h");
    world.external_secret("second", &spec).await;
    world.ready("second", "True", "SecretSynced").await;
    assert_eq!(world.version("app").await, version);
    assert_eq!(reads_of(&world), reads, "the restart read what was not due");
    let requests = world.requests_since(mark).await;
    let about_app = requests
        .iter()
        .filter(|request| request.namespace == world.namespace && request.name == "app");
    let writes: Vec<_> = about_app.filter(|request| request.mutates).collect();
    assert!(writes.is_empty(), "{writes:?}");
    controller.stop().await;
}

async fn a_value_that_rotated_while_the_controller_was_down_is_found(fixture: Fixture) {
    let world = World::new(fixture, "rotated-down").await;
    let key = world.put("app", &json!({ "a": "old" })).await;
    world.vault_store().await;
    let controller = world.controller();
    let mut spec = extract(&[&key]);
    spec["refreshInterval"] = json!("3s");
    world.external_secret("app", &spec).await;
    world.ready("app", "True", "SecretSynced").await;
    controller.stop().await;
    world.put("app", &json!({ "a": "new" })).await;
    let controller = world.controller();
    world.holds("app", &[("a", "new")]).await;
    controller.stop().await;
}

/// Reads of the test's first path, from Vault's audit log.
fn reads_of(world: &World) -> usize {
    let path = format!("secret/data/{}/app", world.namespace);
    let requests = world.servers.vault.requests().unwrap();
    requests
        .iter()
        .filter(|entry| entry.path == path && entry.operation == "read")
        .count()
}

on_both!(
    an_edit_by_hand_is_mended_while_the_controller_runs,
    an_edit_while_the_controller_was_down_is_mended_when_it_starts,
    a_label_that_was_stripped_comes_back,
    a_deleted_secret_comes_back,
    a_restart_writes_nothing_and_reads_nothing_that_is_not_due,
    a_value_that_rotated_while_the_controller_was_down_is_found,
);
