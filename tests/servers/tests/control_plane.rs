//! Shell. Tests of the control plane: objects, tokens, garbage collection, audit, restarts.
#![cfg(test)]

use serde_json::{Value, json};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};

async fn start() -> ControlPlane {
    ControlPlane::start(ControlPlaneOptions::default())
        .await
        .unwrap()
}

fn secret(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
            "stringData": { "password": "marker-in-no-log" } })
}

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

#[tokio::test]
async fn it_serves() {
    let plane = start().await;
    let api = plane.api(ADMIN).unwrap();
    api.post(SECRETS, &secret("first"))
        .await
        .unwrap()
        .ok()
        .unwrap();
}
