//! Shell. Azure Key Vault as our test server answers it: a real kube-apiserver that restarts, a new
//! version, a right that is taken away.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tidegate_testservers::{KeyVault, KeyVaultOptions};

use crate::plugin::{
    Folder, MARKER, Plugin, contains, control_plane, create, key_id, stored, until,
    until_another_key, until_read,
};

fn start(folder: &Folder, vault: &KeyVault, level: &str) -> Plugin {
    let azure = json!({
        "vault": vault.url(),
        "key": "kms",
        "ca-file": folder.write("ca.pem", vault.ca_pem()),
        "login": { "client-secret": {
            "tenant": vault.tenant(),
            "client-id": vault.client_id(),
            "secret-file": folder.write("secret", vault.client_secret()),
            "authority": vault.url(),
        } },
    });
    Plugin::of_cloud(folder, "azure", &azure, level)
}

/// Seconds since the Unix epoch, `before` seconds ago.
fn ago(before: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_writes_restarts_and_reads() {
    let vault = KeyVault::start(KeyVaultOptions::default()).await.unwrap();
    let folder = Folder::new();
    let version = vault.add_version("kms", ago(3600)).unwrap();
    let plugin = start(&folder, &vault, "info");
    let plane = control_plane(&folder).await;
    assert_eq!(create(&plane, "a").await.unwrap(), 201);
    let bytes = stored(&plane, "a").await;
    assert!(bytes.starts_with(b"k8s:enc:kms:v2:tidegate:") && !contains(&bytes, MARKER));
    assert!(contains(&bytes, &format!("1:azure:{version}")));

    plane.restart_apiserver().await.unwrap();
    until_read(&plane, "a").await;

    // A new version, made long enough ago to be active as soon as it is seen.
    let before = key_id(&bytes);
    vault.add_version("kms", ago(1800)).unwrap();
    until_another_key(&plane, &before).await;
    // The plugin comes back with nothing in memory: what is old is opened by its own version.
    plugin.kill();
    let plugin = start(&folder, &vault, "info");
    plane.restart_apiserver().await.unwrap();
    until_read(&plane, "a").await;

    vault.deny();
    until("the end is told", async || {
        plugin.log().contains("\"fault\":\"denied\"")
    })
    .await;
    let log = plugin.log();
    assert!(log.contains("caches purged") && !log.contains(MARKER));
    assert!(
        !log.contains(&vault.client_secret()) && !log.contains("token-1-"),
        "{log}"
    );
}

#[tokio::test]
async fn no_level_of_the_log_shows_a_key_or_a_credential() {
    let vault = KeyVault::start(KeyVaultOptions::default()).await.unwrap();
    let folder = Folder::new();
    vault.add_version("kms", ago(3600)).unwrap();
    let plugin = start(&folder, &vault, "trace");
    until("the key works", async || {
        plugin.log().contains("the key service works")
    })
    .await;
    let log = plugin.log();
    let secret = vault.client_secret();
    for word in [
        "RSA-OAEP-256",
        "access_token",
        "token-1-",
        "Bearer ",
        secret.as_str(),
    ] {
        assert!(!log.contains(word), "{word} is in the log");
    }
}
