//! Shell. Transit of a real Vault: rotation, denial, sealing, and a restart in an outage.

use serde_json::{Value, json};
use tidegate_testservers::{AppRole, Vault, VaultOptions};

use crate::plugin::{
    Folder, MARKER, Plugin, contains, control_plane, create, read, readyz, stored, until, value,
};

const POLICY: &str = r#"
path "transit/encrypt/kms" { capabilities = ["update"] }
path "transit/decrypt/kms" { capabilities = ["update"] }
path "transit/keys/kms" { capabilities = ["read"] }
"#;

pub async fn vault() -> Vault {
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault
        .write("sys/mounts/transit", &json!({ "type": "transit" }))
        .await
        .unwrap();
    vault
        .write("transit/keys/kms", &json!({ "type": "aes256-gcm96" }))
        .await
        .unwrap();
    vault.policy("kms", POLICY).await.unwrap();
    vault
}

/// A plugin that logs in by AppRole, with a local hierarchy and quick settings.
pub async fn plugin(vault: &Vault, folder: &Folder, extra: &Value) -> Plugin {
    let role = AppRole {
        name: "kms".to_owned(),
        policies: vec!["kms".to_owned()],
        ..AppRole::default()
    };
    let (role_id, secret_id) = vault.approle("approle", &role).await.unwrap();
    let role_id = folder.write("role-id", format!("{role_id}\n"));
    let secret_id = folder.write("secret-id", secret_id);
    let mut service = json!({
        "name": "vault",
        "socket": folder.path("kms.sock"),
        "grace": "1s",
        "activation-delay": "1s",
        "deep-probe-interval": "1s",
        "transit": {
            "endpoints": [vault.addr()],
            "key": "kms",
            "login": { "approle": { "role-id-file": role_id, "secret-id-file": secret_id } },
        },
    });
    for (name, value) in extra.as_object().unwrap() {
        service[name] = value.clone();
    }
    let config = folder.write("kms.json", json!({ "services": [service] }).to_string());
    Plugin::start(folder, &["--config", config.to_str().unwrap()])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_restarts_while_vault_is_sealed_and_down() {
    let (vault, folder) = (vault().await, Folder::new());
    let plugin = plugin(&vault, &folder, &json!({ "local-hierarchy": true })).await;
    let plane = control_plane(&folder).await;
    assert_eq!(create(&plane, "a").await.unwrap(), 201);
    let bytes = stored(&plane, "a").await;
    assert!(bytes.starts_with(b"k8s:enc:kms:v2:tidegate:") && !contains(&bytes, MARKER));
    assert!(contains(&bytes, "lkek.kms.tidegate.io") && contains(&bytes, "vault:v1:"));

    vault.seal().await.unwrap();
    until("the outage is told", async || {
        plugin.log().contains("coasting")
    })
    .await;
    assert_eq!(read(&plane, "a").await, value("a"));
    assert_eq!(create(&plane, "b").await.unwrap(), 201);
    vault.down().await.unwrap();

    // Readiness of the new process stays red, for the truth is told; it serves all the same.
    plane.kill_apiserver().await.unwrap();
    let starting = plane.start_apiserver();
    let served = async {
        until("the restarted API server reads", async || {
            read_if_up(&plane, "a").await == Some(value("a"))
        })
        .await;
        for name in ["a", "b"] {
            assert_eq!(read(&plane, name).await, value(name));
        }
        assert_eq!(create(&plane, "c").await.unwrap(), 201);
        assert_eq!(readyz(&plane).await, 500);
        vault.up().await.unwrap();
    };
    let (started, ()) = tokio::join!(starting, served);
    started.unwrap();
    until("readiness turns green", async || {
        readyz(&plane).await == 200
    })
    .await;
    for name in ["a", "b", "c"] {
        assert_eq!(read(&plane, name).await, value(name));
    }
}

async fn read_if_up(
    plane: &tidegate_testservers::ControlPlane,
    name: &str,
) -> Option<Result<String, u16>> {
    let api = plane.api(tidegate_testservers::ADMIN).unwrap();
    let path = format!("/api/v1/namespaces/default/secrets/{name}");
    match api.get(&path).await {
        Ok(answer) if answer.status == 200 => Some(read(plane, name).await),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_and_a_denial_reach_the_plugin() {
    let (vault, folder) = (vault().await, Folder::new());
    let plugin = plugin(&vault, &folder, &json!({})).await;
    until("the key works", async || {
        plugin.log().contains("the key service works")
    })
    .await;
    vault
        .policy("kms", "path \"none\" { capabilities = [\"deny\"] }")
        .await
        .unwrap();
    until("the denial is told", async || {
        plugin.log().contains("\"fault\":\"denied\"")
    })
    .await;
    assert!(plugin.log().contains("caches purged"));
    vault.policy("kms", POLICY).await.unwrap();
    let works = async || plugin.log().matches("the key service works").count() == 2;
    until("the key works again", works).await;
    vault
        .write(
            "transit/keys/kms/config",
            &json!({ "deletion_allowed": true }),
        )
        .await
        .unwrap();
    let root = vault.api(Some(vault.root_token()));
    root.delete("/v1/transit/keys/kms")
        .await
        .unwrap()
        .ok()
        .unwrap();
    until("the end is told", async || {
        plugin.log().contains("\"fault\":\"deleted\"")
    })
    .await;
}
