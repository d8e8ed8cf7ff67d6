//! Shell. Templates from the spec, a ConfigMap and a literal, rendered into real Secrets.

use serde_json::json;

use crate::support::{Fixture, World, extract};

async fn templates_render_data_metadata_and_type(fixture: Fixture) {
    let world = World::new(fixture, "templates").await;
    let key = world
        .put("db", &json!({ "user": "app", "password": "p w" }))
        .await;
    world.vault_store().await;
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "config" },
        "data": { "app.ini": "[db]\nuser = {{ .user | upper }}\n" } });
    let folder = world.path("configmaps", "");
    world
        .servers
        .admin
        .post(folder.trim_end_matches('/'), &map)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let controller = world.controller();
    let mut spec = extract(&[&key]);
    spec["target"] = json!({ "template": {
        "type": "example.com/dsn",
        "metadata": { "labels": { "team": "{{ .user }}" } },
        "data": { "dsn": "postgres://{{ .user }}:{{ .password | urlquery }}@db" },
        "templateFrom": [
            { "configMap": { "name": "config", "items": [{ "key": "app.ini" }] } },
            { "literal": "greeting: hello {{ .user }}" },
        ],
    }});
    world.external_secret("app", &spec).await;
    world.ready("app", "True", "SecretSynced").await;
    let wanted = [
        ("app.ini", "[db]\nuser = APP\n"),
        ("dsn", "postgres://app:p+w@db"),
        ("greeting", "hello app"),
    ];
    world.holds("app", &wanted).await;
    let secret = world.get("secrets", "app").await.unwrap();
    assert_eq!(secret["type"], "example.com/dsn");
    assert_eq!(secret["metadata"]["labels"]["team"], "app");

    world
        .put("db", &json!({ "user": "new", "password": "x" }))
        .await;
    let wanted = [
        ("app.ini", "[db]\nuser = NEW\n"),
        ("dsn", "postgres://new:x@db"),
        ("greeting", "hello new"),
    ];
    world.holds("app", &wanted).await;
    controller.stop().await;
}

on_both!(templates_render_data_metadata_and_type,);
