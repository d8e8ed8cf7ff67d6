//! Shell. Each way to log in, on a real Vault: what it grants, renews, revokes and refuses.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidegate_contract::{Authenticator, ErrorKind, Grant, RemoteKey, SecretValue};
use tidegate_provider_vault::KvVersion::V2;
use tidegate_provider_vault::{GivenJwt, Login, VaultAuthenticator};
use tidegate_testservers::{AppRole, JwtRole, KubernetesRole, Vault, shared};

use crate::hand::{connect, kind, mount, provider, text, vault};

const POLICY: &str = r#"path "kv2/data/login/*" { capabilities = ["read"] }"#;

async fn ready(vault: &Vault) {
    vault.policy("login", POLICY).await.unwrap();
    vault
        .put("kv2", "login/a", &json!({ "v": 1 }))
        .await
        .unwrap();
}

fn by(vault: &Vault, login: Login) -> VaultAuthenticator {
    VaultAuthenticator::new(connect(vault.addr()), login, None).unwrap()
}

async fn refused(vault: &Vault, login: Login) -> ErrorKind {
    let error = by(vault, login).login().await.unwrap_err();
    // Bounded and stable: no request ids, no paths of Vault's own choosing.
    assert!(error.public().len() < 120, "{error}");
    error.kind()
}

/// A grant reads, renews, and reads no more once it is revoked.
async fn lives_and_ends(vault: &Vault, login: Login, ttl: u64) {
    let way = by(vault, login);
    let grant = way.login().await.unwrap();
    assert_eq!(grant.ttl, Some(Duration::from_secs(ttl)));
    assert!(grant.renewable && grant.revocable);
    reads(vault, &grant).await;
    let renewed = way.renew(&grant).await.unwrap();
    assert_eq!(renewed.token, grant.token);
    assert_eq!(renewed.ttl, Some(Duration::from_secs(ttl)));
    way.revoke(&renewed).await.unwrap();
    let token = token_text(&grant);
    let ended = provider(vault.addr(), mount("kv2", V2), &token);
    let asked = kind(&ended, RemoteKey::latest("login/a")).await;
    assert_eq!(asked, ErrorKind::Unauthenticated);
    let gone = way.renew(&grant).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Unauthenticated);
    // It is over already, and that is all that was wanted.
    way.revoke(&grant).await.unwrap();
}

fn token_text(grant: &Grant) -> String {
    String::from_utf8(grant.token.expose().to_vec()).unwrap()
}

async fn reads(vault: &Vault, grant: &Grant) {
    let real = provider(vault.addr(), mount("kv2", V2), &token_text(grant));
    assert_eq!(
        text(&real, RemoteKey::latest("login/a")).await,
        r#"{"v":1}"#
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_role() {
    let vault = vault().await;
    ready(vault).await;
    let role = AppRole {
        name: "reader".to_owned(),
        policies: vec!["login".to_owned()],
        token_ttl: "90s".to_owned(),
        ..AppRole::default()
    };
    let (role_id, secret_id) = vault.approle("team/approle", &role).await.unwrap();
    let login = |secret_id: &str| Login::AppRole {
        path: "team/approle".to_owned(),
        // A line end, as files and editors leave it.
        role_id: SecretValue::from(format!("{role_id}\n")),
        secret_id: SecretValue::from(secret_id),
    };
    lives_and_ends(vault, login(&secret_id), 90).await;
    assert_eq!(
        refused(vault, login("wrong")).await,
        ErrorKind::Unauthenticated
    );
    let unmounted = Login::AppRole {
        path: "nowhere".to_owned(),
        role_id: SecretValue::from(role_id.as_str()),
        secret_id: SecretValue::from(secret_id.as_str()),
    };
    // Vault does not say to strangers what is mounted.
    assert_eq!(refused(vault, unmounted).await, ErrorKind::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_tokens_can_be_neither_renewed_nor_revoked() {
    let vault = vault().await;
    ready(vault).await;
    vault.enable_auth("batch", "approle").await.unwrap();
    let role = json!({ "token_policies": ["login"], "token_type": "batch", "token_ttl": "1h" });
    vault.write("auth/batch/role/reader", &role).await.unwrap();
    let id = vault.read("auth/batch/role/reader/role-id").await.unwrap();
    let login = Login::AppRole {
        path: "batch".to_owned(),
        role_id: SecretValue::from(id["data"]["role_id"].as_str().unwrap()),
        secret_id: SecretValue::from(vault.secret_id("batch", "reader").await.unwrap()),
    };
    let way = by(vault, login);
    let grant = way.login().await.unwrap();
    assert_eq!(grant.ttl, Some(Duration::from_secs(3600)));
    assert!(!grant.renewable && !grant.revocable);
    reads(vault, &grant).await;
    way.revoke(&grant).await.unwrap();
    reads(vault, &grant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_password() {
    let vault = vault().await;
    ready(vault).await;
    vault.enable_auth("userpass", "userpass").await.unwrap();
    let user = json!({ "password": "p\"\\ é", "token_policies": ["login"], "token_ttl": "60s" });
    vault.write("auth/userpass/users/ann", &user).await.unwrap();
    let login = |username: &str, password: &str| Login::UserPass {
        path: "userpass".to_owned(),
        username: username.to_owned(),
        password: SecretValue::from(password),
    };
    lives_and_ends(vault, login("ann", "p\"\\ é"), 60).await;
    assert_eq!(
        refused(vault, login("ann", "p")).await,
        ErrorKind::Unauthenticated
    );
    assert_eq!(
        refused(vault, login("eve", "p")).await,
        ErrorKind::Unauthenticated
    );
    assert_eq!(refused(vault, login("../x", "p")).await, ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_accounts_by_jwt_and_by_token_review() {
    let vault = vault().await;
    ready(vault).await;
    let plane = shared().await.unwrap();
    let policies = || vec!["login".to_owned()];
    vault.jwt_auth("jwt", plane).await.unwrap();
    let role = JwtRole {
        name: "reader".to_owned(),
        policies: policies(),
        audience: "vault".to_owned(),
        subject: "system:serviceaccount:default:default".to_owned(),
        token_ttl: "120s".to_owned(),
    };
    vault.jwt_role("jwt", &role).await.unwrap();
    vault.kubernetes_auth("kubernetes", plane).await.unwrap();
    let role = KubernetesRole {
        name: "reader".to_owned(),
        policies: policies(),
        service_accounts: vec!["default".to_owned()],
        namespaces: vec!["default".to_owned()],
        token_ttl: "150s".to_owned(),
        ..KubernetesRole::default()
    };
    vault.kubernetes_role("kubernetes", &role).await.unwrap();
    let token = plane.service_account_token("default", "default", &["vault"], 600);
    let for_jwt = token.await.unwrap();
    let token = plane.service_account_token("default", "default", &[], 600);
    let for_review = token.await.unwrap();
    let given = |token: &str| Arc::new(GivenJwt(SecretValue::from(format!("{token}\n"))));
    let jwt = |role: &str, token: &str| Login::Jwt {
        path: "jwt".to_owned(),
        role: Some(role.to_owned()),
        jwt: given(token),
    };
    let kubernetes = |role: &str, token: &str| Login::Kubernetes {
        path: "kubernetes".to_owned(),
        role: role.to_owned(),
        jwt: given(token),
    };
    lives_and_ends(vault, jwt("reader", &for_jwt), 120).await;
    lives_and_ends(vault, kubernetes("reader", &for_review), 150).await;
    for login in [
        jwt("reader", &for_review),
        jwt("nobody", &for_jwt),
        jwt("reader", "no.jwt.at-all"),
        kubernetes("nobody", &for_review),
        kubernetes("reader", "no.jwt.at-all"),
    ] {
        let shown = format!("{login:?}");
        assert_eq!(
            refused(vault, login).await,
            ErrorKind::Unauthenticated,
            "{shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_given_token_is_neither_looked_up_nor_renewed_nor_revoked() {
    let vault = vault().await;
    ready(vault).await;
    let token = vault.token(&["login"], "1h").await.unwrap();
    let way = by(vault, Login::Token(SecretValue::from(format!("{token}\n"))));
    let grant = way.login().await.unwrap();
    assert_eq!((grant.ttl, grant.renewable), (None, false));
    assert!(!grant.revocable);
    way.revoke(&grant).await.unwrap();
    reads(vault, &grant).await;
}
