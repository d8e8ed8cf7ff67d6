//! Shell. The laws of key services on a real Vault's Transit, which is made to fail in each way.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tidegate_contract::{
    KeyWrapper, ProviderError, SecretValue, TokenSource, WrapError, WrapFault,
};
use tidegate_kms::laws;
use tidegate_provider_vault::{TransitKey, VaultConfig, VaultConnection};
use tidegate_testservers::Vault;

use crate::transit::vault;

const ALL: [&str; 3] = ["versions", "wrap", "unwrap"];

/// Always the same token.
#[derive(Debug)]
struct Given(SecretValue);

#[async_trait]
impl TokenSource for Given {
    async fn token(&self) -> Result<SecretValue, ProviderError> {
        Ok(self.0.clone())
    }

    async fn rejected(&self, _used: &SecretValue) {}
}

fn key(address: &str, token: &str, key: &str) -> TransitKey {
    let connection = VaultConnection::new(&VaultConfig::new(address)).unwrap();
    let tokens = Arc::new(Given(SecretValue::new(token.as_bytes().to_vec())));
    TransitKey::new(connection, tokens, "", ("transit", key), None).unwrap()
}

async fn wrapped(key: &TransitKey) -> Result<Vec<u8>, WrapError> {
    key.wrap("1", &SecretValue::from("a seed"), b"c").await
}

#[tokio::test]
async fn transit_keeps_the_laws_in_each_type_of_key() {
    let vault = vault().await;
    for sort in ["aes256-gcm96", "aes128-gcm96", "chacha20-poly1305"] {
        let path = format!("transit/keys/{sort}");
        vault.write(&path, &json!({ "type": sort })).await.unwrap();
        let key = key(vault.addr(), vault.root_token(), sort);
        laws::check(&key).await.unwrap();
        vault
            .write(&format!("{path}/rotate"), &json!({}))
            .await
            .unwrap();
        assert_eq!(key.versions().await.unwrap().len(), 2);
        laws::check(&key).await.unwrap();
    }
}

#[tokio::test]
async fn each_failure_of_transit_has_its_fault() {
    let vault = vault().await;
    let token = vault.token(&["kms"], "1h").await.unwrap();
    let good = key(vault.addr(), &token, "kms");
    let bytes = wrapped(&good).await.unwrap();
    let check = async |key: &TransitKey, calls: &[&str], expected: fn(WrapFault) -> bool| {
        laws::check_fault(key, calls, "1", &bytes, expected)
            .await
            .unwrap();
    };
    let is_away = |fault| fault == WrapFault::Unavailable;

    let stranger = key(vault.addr(), "hvs.nobody", "kms");
    check(&stranger, &ALL, |fault| fault == WrapFault::Unauthenticated).await;
    let powerless = vault.token(&["default"], "1h").await.unwrap();
    let denied = key(vault.addr(), &powerless, "kms");
    check(&denied, &ALL, |fault| fault == WrapFault::Denied).await;
    // With root's token: a policy that does not name the key would deny it first.
    let missing = key(vault.addr(), vault.root_token(), "absent");
    check(&missing, &["versions", "unwrap"], |fault| {
        fault == WrapFault::Deleted
    })
    .await;
    check(&key("http://127.0.0.1:1", &token, "kms"), &ALL, is_away).await;

    disabled(&vault, &good).await;
    let quota = json!({ "path": "transit/", "rate": 1, "interval": "1h" });
    vault
        .write("sys/quotas/rate-limit/one", &quota)
        .await
        .unwrap();
    // The first call is within the limit.
    let _used = good.versions().await;
    check(&good, &ALL, |fault| {
        matches!(fault, WrapFault::Throttled { .. })
    })
    .await;
    vault.seal().await.unwrap();
    check(&good, &ALL, is_away).await;
    vault.down().await.unwrap();
    check(&good, &ALL, is_away).await;
}

/// A version below the least that may be decrypted is disabled: neither listed nor opened.
async fn disabled(vault: &Vault, key: &TransitKey) {
    let bytes = wrapped(key).await.unwrap();
    vault
        .write("transit/keys/kms/rotate", &json!({}))
        .await
        .unwrap();
    let least = json!({ "min_decryption_version": 2 });
    vault
        .write("transit/keys/kms/config", &least)
        .await
        .unwrap();
    let names = key.versions().await.unwrap();
    assert_eq!(
        names.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["2"]
    );
    let is_disabled = |fault| fault == WrapFault::Disabled;
    laws::check_fault(key, &["unwrap"], "1", &bytes, is_disabled)
        .await
        .unwrap();
}
