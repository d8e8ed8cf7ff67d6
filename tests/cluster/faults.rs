//! Shell. Bad input and faults: what the user is told, and that an existing Secret keeps its bytes.

use std::time::Duration;

use serde_json::json;
use tidegate_testservers::{Vault, VaultOptions};

use crate::support::logs::MARKER;
use crate::support::{Controller, Fixture, PATIENCE, World, extract};

mod specs;

/// A world whose ExternalSecret `app` is in sync with a marked value.
struct Synced {
    world: World,
    controller: Controller,
    key: String,
    version: String,
}

impl Synced {
    async fn new(fixture: Fixture, name: &str) -> Self {
        let world = World::new(fixture, name).await;
        let key = world
            .put("app", &json!({ "a": MARKER, "n": { "b": 1 } }))
            .await;
        world.vault_store().await;
        let controller = world.controller();
        world.external_secret("app", &extract(&[&key])).await;
        world.ready("app", "True", "SecretSynced").await;
        let version = world.version("app").await;
        Self {
            world,
            controller,
            key,
            version,
        }
    }

    /// Waits for a failure that says all of `parts`, and checks that the Secret was not touched.
    async fn fails(&self, parts: &[&str]) {
        let mut message = String::new();
        let told = async {
            loop {
                message = self.world.ready("app", "False", "SecretSyncedError").await;
                if parts.iter().all(|part| message.contains(part)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await.is_ok();
        assert!(told, "not all of {parts:?} in {message:?}");
        assert!(message.contains("retried"), "no retry rule in {message:?}");
        assert!(!message.contains(MARKER), "a value in {message:?}");
        assert_eq!(
            self.world.version("app").await,
            self.version,
            "the Secret was written"
        );
    }

    async fn recovers(self) {
        self.world.ready("app", "True", "SecretSynced").await;
        assert_eq!(
            self.world.version("app").await,
            self.version,
            "the Secret was written"
        );
        self.controller.stop().await;
    }
}

async fn a_provider_that_is_not_served(fixture: Fixture) {
    let synced = Synced::new(fixture, "unserved").await;
    let world = &synced.world;
    world
        .store(
            "vault",
            &json!({ "doppler": { "auth": { "secretRef": {} } } }),
        )
        .await;
    let condition = world.condition("secretstores", "vault", "False", "InvalidProviderConfig");
    assert!(condition.await.contains("doppler"));
    synced
        .fails(&["could not get secret data from provider", "doppler"])
        .await;
    world.store("vault", &world.vault_provider()).await;
    synced.recovers().await;
}

async fn a_store_that_is_missing(fixture: Fixture) {
    let synced = Synced::new(fixture, "missing-store").await;
    synced.world.delete("secretstores", "vault").await;
    synced
        .fails(&["could not get secret data from provider", "\"vault\""])
        .await;
    synced
        .world
        .store("vault", &synced.world.vault_provider())
        .await;
    synced.recovers().await;
}

async fn a_credential_that_is_missing_and_then_lacks_its_key(fixture: Fixture) {
    let synced = Synced::new(fixture, "credential").await;
    let world = &synced.world;
    let token = world.data("vault-token").await.unwrap()["token"].clone();
    world.delete("secrets", "vault-token").await;
    let store = world
        .condition("secretstores", "vault", "False", "InvalidProviderConfig")
        .await;
    assert!(
        store.contains("vault-token") && store.contains("does not exist"),
        "{store}"
    );
    synced
        .fails(&["could not get secret data from provider", "vault-token"])
        .await;
    world.secret("vault-token", &[("other", "x")]).await;
    synced.fails(&["has no key", "token"]).await;
    world.secret("vault-token", &[("token", &token)]).await;
    synced.recovers().await;
}

async fn a_wrong_token(fixture: Fixture) {
    let synced = Synced::new(fixture, "wrong-token").await;
    let world = &synced.world;
    let token = world.data("vault-token").await.unwrap()["token"].clone();
    world.secret("vault-token", &[("token", "hvs.wrong")]).await;
    let store = world
        .condition("secretstores", "vault", "False", "InvalidProviderConfig")
        .await;
    assert!(!store.contains("hvs.wrong"), "{store}");
    synced
        .fails(&["could not get secret data from provider"])
        .await;
    world.secret("vault-token", &[("token", &token)]).await;
    synced.recovers().await;
}

async fn a_token_that_expires(fixture: Fixture) {
    let synced = Synced::new(fixture, "expired").await;
    let world = &synced.world;
    let token = world.data("vault-token").await.unwrap()["token"].clone();
    world.servers.vault.revoke(&token).await.unwrap();
    synced
        .fails(&["could not get secret data from provider"])
        .await;
    let token = world.vault_token().await;
    world.secret("vault-token", &[("token", &token)]).await;
    synced.recovers().await;
}

async fn a_vault_that_is_down_and_then_sealed(fixture: Fixture) {
    let synced = Synced::new(fixture, "outage").await;
    let world = &synced.world;
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault.enable_kv("secret", 2).await.unwrap();
    vault
        .put(
            "secret",
            &synced.key,
            &json!({ "a": MARKER, "n": { "b": 1 } }),
        )
        .await
        .unwrap();
    world
        .secret("vault-token", &[("token", vault.root_token())])
        .await;
    let mut provider = world.vault_provider();
    provider["vault"]["server"] = json!(vault.addr());
    world.store("vault", &provider).await;
    world
        .condition("secretstores", "vault", "True", "Valid")
        .await;
    vault.down().await.unwrap();
    synced
        .fails(&["could not get secret data from provider"])
        .await;
    vault.up().await.unwrap();
    world.ready("app", "True", "SecretSynced").await;
    vault.seal().await.unwrap();
    synced
        .fails(&["could not get secret data from provider"])
        .await;
    vault.unseal().await.unwrap();
    synced.recovers().await;
}

async fn a_path_that_is_not_mounted(fixture: Fixture) {
    let synced = Synced::new(fixture, "unmounted").await;
    let world = &synced.world;
    let mut provider = world.vault_provider();
    provider["vault"]["path"] = json!("nowhere");
    world.store("vault", &provider).await;
    // It is neither absence nor an outage, whatever the token may see of it.
    synced
        .fails(&["could not get secret data from provider", &synced.key])
        .await;
    world.store("vault", &world.vault_provider()).await;
    synced.recovers().await;
}

on_both!(
    a_provider_that_is_not_served,
    a_store_that_is_missing,
    a_credential_that_is_missing_and_then_lacks_its_key,
    a_wrong_token,
    a_token_that_expires,
    a_vault_that_is_down_and_then_sealed,
    a_path_that_is_not_mounted,
);
