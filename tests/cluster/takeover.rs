//! Shell. Taking over from the External Secrets Operator: what it left is not written again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_stages::{DataHash, revision, text_hash};

use crate::support::{Fixture, World, eventually, extract};

/// Makes the Secret, finalizer and status of `app` as ESO 2.9 leaves them after a good sync.
async fn as_eso_left_it(world: &World, data: &[(&str, &str)]) {
    let finalizer = "externalsecrets.external-secrets.io/externalsecret-cleanup";
    let patch = json!({ "metadata": { "finalizers": [finalizer] } });
    let object = world.patch("externalsecrets", "app", &patch).await;
    let hash = DataHash::of(data.iter().map(|(key, value)| (*key, value.as_bytes())));
    let encoded: Value = data
        .iter()
        .map(|(k, v)| ((*k).to_owned(), json!(STANDARD.encode(v))))
        .collect();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": encoded,
        "metadata": {
            "name": "app",
            "labels": {
                "reconcile.external-secrets.io/managed": "true",
                "reconcile.external-secrets.io/created-by":
                    text_hash(&format!("{}/app", world.namespace)).to_string(),
            },
            "annotations": { "reconcile.external-secrets.io/data-hash": hash.to_string() },
            "ownerReferences": [{
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "app",
                "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
            }],
        },
    });
    let folder = world.path("secrets", "");
    let manager = "externalsecrets.external-secrets.io%2Fapp";
    let path = format!("{}?fieldManager={manager}", folder.trim_end_matches('/'));
    world
        .servers
        .admin
        .post(&path, &secret)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let typed: tidegate_api::ExternalSecret = serde_json::from_value(object).unwrap();
    let status = json!({ "status": {
        "refreshTime": "2026-01-01T00:00:00Z",
        "syncedResourceVersion": revision(&typed),
        "binding": { "name": "app" },
        "conditions": [{ "type": "Ready", "status": "True", "reason": "SecretSynced",
            "message": "secret synced", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
    }});
    let path = format!("{}/status", world.path("externalsecrets", "app"));
    world
        .servers
        .admin
        .patch(&path, &status)
        .await
        .unwrap()
        .ok()
        .unwrap();
}

async fn secrets_of_equal_content_are_not_written_and_deletion_works(fixture: Fixture) {
    let world = World::new(fixture, "takeover").await;
    let key = world.put("app", &json!({ "a": "1", "b": "2" })).await;
    world.vault_store().await;
    world.external_secret("app", &extract(&[&key])).await;
    as_eso_left_it(&world, &[("a", "1"), ("b", "2")]).await;
    let version = world.version("app").await;
    let controller = world.controller();
    // Polled twice: the first look after the start has been taken and found nothing to do.
    let path = format!("secret/data/{key}");
    eventually("two polls", || async {
        let requests = world.servers.vault.requests().unwrap();
        requests
            .iter()
            .filter(|e| e.path == path && e.operation == "read")
            .count()
            >= 2
    })
    .await;
    assert_eq!(
        world.version("app").await,
        version,
        "the Secret was written"
    );

    // A new value is written by the same field manager, and ESO's finalizer does not block.
    world.put("app", &json!({ "a": "3" })).await;
    world.holds("app", &[("a", "3")]).await;
    let secret = world.get("secrets", "app").await.unwrap();
    let managers = secret["metadata"]["managedFields"].as_array().unwrap();
    let ours = "externalsecrets.external-secrets.io/app";
    assert!(
        managers.iter().all(|entry| entry["manager"] == ours),
        "{managers:?}"
    );
    world.delete("externalsecrets", "app").await;
    eventually("the ExternalSecret to go", || async {
        world.get("externalsecrets", "app").await.is_none()
    })
    .await;
    world.gone("app").await;
    controller.stop().await;
}

on_both!(secrets_of_equal_content_are_not_written_and_deletion_works,);
