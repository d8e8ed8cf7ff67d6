//! Shell. Denied and unknown: status 403 of a real Vault, told apart without reading its words.

use serde_json::json;
use tidegate_contract::{ErrorKind, Find, Provider, RemoteKey};
use tidegate_provider_vault::{KvVersion::V2, VaultProvider};
use tidegate_testservers::VaultRequestKind;

use crate::hand::{Tokens, connect, kind, mount, provider, text, vault};

const POLICY: &str = r#"
path "kv2/data/open/*" { capabilities = ["read"] }
path "kv2/metadata/open" { capabilities = ["list"] }
path "kv2/metadata/open/" { capabilities = ["list"] }
path "kv2/metadata/open/shown" { capabilities = ["list"] }
path "kv2/metadata/open/shown/*" { capabilities = ["list", "read"] }
path "kv2/metadata/open/top" { capabilities = ["read"] }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn denied_paths_cost_one_look_at_the_token() {
    let vault = vault().await;
    vault.policy("open", POLICY).await.unwrap();
    vault
        .put("kv2", "open/a", &json!({ "v": 1 }))
        .await
        .unwrap();
    let body = json!({ "policies": ["open"], "display_name": "denied" });
    let made = vault.write("auth/token/create", &body).await.unwrap();
    let token = made["auth"]["client_token"].as_str().unwrap();
    let tokens = Tokens::new(&[token]);
    let real = VaultProvider::new(connect(vault.addr()), mount("kv2", V2), tokens.clone());
    let denied = (0..20).map(|n| kind(&real, RemoteKey::latest(format!("closed/{n}"))));
    for kind in futures::future::join_all(denied).await {
        assert_eq!(kind, ErrorKind::Denied);
    }
    assert_eq!(text(&real, RemoteKey::latest("open/a")).await, r#"{"v":1}"#);
    assert_eq!(tokens.rejections(), 0);
    let asked = vault.requests().unwrap().into_iter();
    let asked: Vec<_> = asked
        .filter(|it| it.display_name == "token-denied")
        .collect();
    let count = |kind| asked.iter().filter(|it| it.kind == kind).count();
    assert_eq!(count(VaultRequestKind::Token), 1);
    assert_eq!(count(VaultRequestKind::Engine), 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ended_is_given_back() {
    let vault = vault().await;
    vault.policy("open", POLICY).await.unwrap();
    vault
        .put("kv2", "open/b", &json!({ "v": 1 }))
        .await
        .unwrap();
    let first = vault.token(&["open"], "").await.unwrap();
    let second = vault.token(&["open"], "").await.unwrap();
    let tokens = Tokens::new(&[&first, &second]);
    let real = VaultProvider::new(connect(vault.addr()), mount("kv2", V2), tokens.clone());
    text(&real, RemoteKey::latest("open/b")).await;
    vault.revoke(&first).await.unwrap();
    let key = || RemoteKey::latest("open/b");
    assert_eq!(kind(&real, key()).await, ErrorKind::Unauthenticated);
    assert_eq!(tokens.rejections(), 1);
    assert_eq!(text(&real, key()).await, r#"{"v":1}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_not_look_at_itself_does_not_log_in_for_ever() {
    let vault = vault().await;
    vault.policy("open", POLICY).await.unwrap();
    vault
        .put("kv2", "open/c", &json!({ "v": 1 }))
        .await
        .unwrap();
    let body = json!({ "policies": ["open"], "no_default_policy": true });
    let mut blind = Vec::new();
    for _ in 0..2 {
        let made = vault.write("auth/token/create", &body).await.unwrap();
        blind.push(made["auth"]["client_token"].as_str().unwrap().to_owned());
    }
    let closed = || RemoteKey::latest("closed/a");

    // One new login, and if that changes nothing it is the path that is denied.
    let tokens = Tokens::new(&[&blind[0], &blind[1]]);
    let real = VaultProvider::new(connect(vault.addr()), mount("kv2", V2), tokens.clone());
    assert_eq!(kind(&real, closed()).await, ErrorKind::Unauthenticated);
    for _ in 0..5 {
        assert_eq!(kind(&real, closed()).await, ErrorKind::Denied);
    }
    assert_eq!(text(&real, RemoteKey::latest("open/c")).await, r#"{"v":1}"#);
    assert_eq!(tokens.rejections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_folder_makes_a_listing_incomplete_and_no_less() {
    let vault = vault().await;
    vault.policy("open", POLICY).await.unwrap();
    for name in ["open/top", "open/shown/x", "open/hidden/y"] {
        vault.put("kv2", name, &json!({ "v": name })).await.unwrap();
    }
    let token = vault.token(&["open"], "").await.unwrap();
    let real = provider(vault.addr(), mount("kv2", V2), &token);
    let below = |path: &str| Find {
        path: Some(path.to_owned()),
        name: Some("top|shown|hidden".to_owned()),
        ..Find::default()
    };
    let listing = real.list(&below("open")).await.unwrap();
    let keys: Vec<_> = listing.keys.iter().map(|key| key.key.as_str()).collect();
    assert_eq!(keys, ["open/shown/x", "open/top"]);
    assert!(!listing.complete);
    let whole = real.list(&below("open/shown")).await.unwrap();
    assert!(whole.complete && whole.keys.len() == 1);
    let denied = real.list(&below("closed")).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Denied);
    let tagged = Find {
        name: None,
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        ..below("open/shown")
    };
    assert!(real.list(&tagged).await.unwrap().complete);
}
