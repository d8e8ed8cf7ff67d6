//! Shell. Tests of Vault: engines, logins, audit counts, outages, TLS.
#![cfg(test)]

use serde_json::{Value, json};
use tidegate_testservers::{
    AppRole, AuditEntry, Http, JwtRole, KubernetesRole, Vault, VaultOptions, VaultRequestKind,
    shared,
};

const READ_ALL: &str = r#"path "kv/*" { capabilities = ["read", "list"] }"#;

async fn start() -> Vault {
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault.enable_kv("kv", 2).await.unwrap();
    vault.policy("reader", READ_ALL).await.unwrap();
    vault
}

/// Logs in and returns a client with the token.
async fn login(vault: &Vault, mount: &str, body: Value) -> Http {
    let path = format!("/v1/auth/{mount}/login");
    let answer = vault
        .api(None)
        .post(&path, &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
    vault.api(answer["auth"]["client_token"].as_str())
}

fn count(requests: &[AuditEntry], kind: VaultRequestKind, operation: &str) -> usize {
    requests
        .iter()
        .filter(|r| r.kind == kind && r.operation == operation)
        .count()
}

#[tokio::test]
async fn key_value_engines_of_both_versions_keep_secrets() {
    let vault = start().await;
    vault.enable_kv("old", 1).await.unwrap();
    for (mount, versions) in [("kv", [1, 2]), ("old", [0, 0])] {
        for (number, version) in versions.into_iter().enumerate() {
            let data = json!({ "number": number, "text": "ä\u{0}b" });
            assert_eq!(vault.put(mount, "team/app", &data).await.unwrap(), version);
            assert_eq!(vault.get(mount, "team/app").await.unwrap(), Some(data));
        }
        vault.delete(mount, "team/app").await.unwrap();
        assert_eq!(vault.get(mount, "team/app").await.unwrap(), None);
    }
    // A deleted version leaves its metadata; destroying takes them too.
    let answer = vault
        .send(reqwest::Method::GET, "kv/data/team/app", None)
        .await
        .unwrap();
    assert_eq!(answer.status, 404);
    assert!(
        answer.body["data"]["metadata"]["deletion_time"].is_string(),
        "{}",
        answer.body
    );
    vault.destroy("kv", "team/app").await.unwrap();
    let answer = vault
        .send(reqwest::Method::GET, "kv/data/team/app", None)
        .await
        .unwrap();
    assert_eq!(
        (answer.status, &answer.body),
        (404, &json!({ "errors": [] }))
    );
}

#[tokio::test]
async fn an_approle_logs_in_and_the_audit_counts_exactly() {
    let vault = start().await;
    vault
        .put("kv", "app", &json!({ "password": "marker-in-no-log" }))
        .await
        .unwrap();
    let role = AppRole {
        name: "app".to_owned(),
        policies: vec!["reader".to_owned()],
        token_ttl: "90s".to_owned(),
        ..AppRole::default()
    };
    let (role_id, secret_id) = vault.approle("approle", &role).await.unwrap();
    let body = json!({ "role_id": role_id, "secret_id": secret_id });
    let app = login(&vault, "approle", body).await;
    for _ in 0..5 {
        app.get("/v1/kv/data/app").await.unwrap().ok().unwrap();
    }
    assert_eq!(app.get("/v1/kv/data/absent").await.unwrap().status, 404);
    assert_eq!(app.get("/v1/sys/mounts").await.unwrap().status, 403);
    let token = app
        .get("/v1/auth/token/lookup-self")
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(token["data"]["creation_ttl"], json!(90));

    let requests = vault.foreign_requests().unwrap();
    assert_eq!(
        count(&requests, VaultRequestKind::Login, "update"),
        1,
        "{requests:?}"
    );
    assert_eq!(count(&requests, VaultRequestKind::Engine, "read"), 6);
    assert_eq!(count(&requests, VaultRequestKind::Token, "read"), 1);
    assert_eq!(requests.len(), 9);
    assert!(
        requests
            .iter()
            .all(|request| request.display_name == "approle"),
        "{requests:?}"
    );
    assert!(
        requests
            .iter()
            .all(|request| request.accessor == requests[0].accessor)
    );
    let refused: Vec<&str> = requests
        .iter()
        .filter(|r| r.error.is_some())
        .map(|r| r.path.as_str())
        .collect();
    assert_eq!(refused, ["sys/mounts"]);
    let log = std::fs::read_to_string(vault.audit_log_path()).unwrap();
    assert!(!log.contains("marker-in-no-log") && !log.contains(vault.root_token()));
}

#[tokio::test]
async fn the_build_has_the_methods_and_engines_that_the_recipe_promises() {
    let vault = start().await;
    for method in ["approle", "jwt", "kubernetes", "cert", "userpass", "ldap"] {
        vault.enable_auth(method, method).await.unwrap();
        vault.enable_auth(method, method).await.unwrap();
    }
    for engine in ["kv", "transit", "pki"] {
        let path = format!("sys/mounts/{engine}-engine");
        vault
            .write(&path, &json!({ "type": engine }))
            .await
            .unwrap();
    }
    let health = vault.read("sys/health").await.unwrap();
    assert_eq!(health["version"], json!("1.21.4"));
}

#[tokio::test]
async fn a_revoked_login_is_refused_and_a_new_one_works() {
    let vault = start().await;
    let role = AppRole {
        name: "app".to_owned(),
        ..AppRole::default()
    };
    let (role_id, _) = vault.approle("approle", &role).await.unwrap();
    let secret_id = vault.secret_id("approle", "app").await.unwrap();
    let body = json!({ "role_id": role_id, "secret_id": secret_id });
    let first = login(&vault, "approle", body.clone()).await;
    assert_eq!(
        first
            .get("/v1/auth/token/lookup-self")
            .await
            .unwrap()
            .status,
        200
    );
    vault.revoke_logins("approle").await.unwrap();
    assert_eq!(
        first
            .get("/v1/auth/token/lookup-self")
            .await
            .unwrap()
            .status,
        403
    );
    let second = login(&vault, "approle", body).await;
    assert_eq!(
        second
            .get("/v1/auth/token/lookup-self")
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn a_service_account_logs_in_with_jwt() {
    let (vault, plane) = (start().await, shared().await.unwrap());
    vault.put("kv", "app", &json!({ "a": "b" })).await.unwrap();
    vault.jwt_auth("jwt", plane).await.unwrap();
    let role = JwtRole {
        name: "app".to_owned(),
        policies: vec!["reader".to_owned()],
        audience: "vault".to_owned(),
        subject: "system:serviceaccount:default:default".to_owned(),
        token_ttl: "60s".to_owned(),
    };
    vault.jwt_role("jwt", &role).await.unwrap();
    let token = plane
        .service_account_token("default", "default", &["vault"], 600)
        .await
        .unwrap();
    let app = login(&vault, "jwt", json!({ "role": "app", "jwt": token })).await;
    assert_eq!(app.get("/v1/kv/data/app").await.unwrap().status, 200);
    let other = plane
        .service_account_token("default", "default", &["other"], 600)
        .await
        .unwrap();
    let body = json!({ "role": "app", "jwt": other });
    let answer = vault
        .api(None)
        .post("/v1/auth/jwt/login", &body)
        .await
        .unwrap();
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test]
async fn a_service_account_logs_in_with_kubernetes() {
    let (vault, plane) = (start().await, shared().await.unwrap());
    vault.put("kv", "app", &json!({ "a": "b" })).await.unwrap();
    vault.kubernetes_auth("kubernetes", plane).await.unwrap();
    let role = KubernetesRole {
        name: "app".to_owned(),
        policies: vec!["reader".to_owned()],
        service_accounts: vec!["default".to_owned()],
        namespaces: vec!["default".to_owned()],
        ..KubernetesRole::default()
    };
    vault.kubernetes_role("kubernetes", &role).await.unwrap();
    let token = plane
        .service_account_token("default", "default", &[], 600)
        .await
        .unwrap();
    let app = login(&vault, "kubernetes", json!({ "role": "app", "jwt": token })).await;
    assert_eq!(app.get("/v1/kv/data/app").await.unwrap().status, 200);
    let token = plane
        .service_account_token("kube-system", "default", &[], 600)
        .await
        .unwrap();
    let body = json!({ "role": "app", "jwt": token });
    let answer = vault
        .api(None)
        .post("/v1/auth/kubernetes/login", &body)
        .await
        .unwrap();
    assert_eq!(answer.status, 403, "{}", answer.body);
    let requests = vault.foreign_requests().unwrap();
    assert_eq!(
        count(&requests, VaultRequestKind::Login, "update"),
        2,
        "{requests:?}"
    );
}

#[tokio::test]
async fn an_outage_keeps_data_and_tokens() {
    let vault = start().await;
    vault.put("kv", "app", &json!({ "a": "b" })).await.unwrap();
    let token = vault.token(&["reader"], "1h").await.unwrap();
    let app = vault.api(Some(&token));
    vault.down().await.unwrap();
    assert!(app.get("/v1/kv/data/app").await.is_err());
    vault.up().await.unwrap();
    assert_eq!(app.get("/v1/kv/data/app").await.unwrap().status, 200);
    vault.kill().await.unwrap();
    vault.up().await.unwrap();
    assert_eq!(app.get("/v1/kv/data/app").await.unwrap().status, 200);
    assert_eq!(
        count(
            &vault.foreign_requests().unwrap(),
            VaultRequestKind::Engine,
            "read"
        ),
        2
    );
    vault.revoke(&token).await.unwrap();
    assert_eq!(app.get("/v1/kv/data/app").await.unwrap().status, 403);
}

#[tokio::test]
async fn a_sealed_vault_answers_503_until_it_is_unsealed() {
    let vault = start().await;
    vault.put("kv", "app", &json!({ "a": "b" })).await.unwrap();
    vault.seal().await.unwrap();
    let answer = vault
        .send(reqwest::Method::GET, "kv/data/app", None)
        .await
        .unwrap();
    assert_eq!(answer.status, 503);
    vault.unseal().await.unwrap();
    assert_eq!(
        vault.get("kv", "app").await.unwrap(),
        Some(json!({ "a": "b" }))
    );
}

#[tokio::test]
async fn a_paused_vault_is_stopped_until_it_is_resumed() {
    let vault = start().await;
    let pid = vault.pid().await.unwrap();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next())
    };
    vault.pause().await.unwrap();
    assert_eq!(state(), Some('T'));
    vault.resume().await.unwrap();
    assert_ne!(state(), Some('T'));
    assert_eq!(vault.get("kv", "absent").await.unwrap(), None);
}

#[tokio::test]
async fn a_paused_vault_can_be_taken_down() {
    let vault = start().await;
    vault.pause().await.unwrap();
    vault.down().await.unwrap();
    assert_eq!(vault.pid().await, None);
}

#[tokio::test]
async fn tls_is_under_an_authority_of_its_own() {
    let one = Vault::start(VaultOptions::default().tls()).await.unwrap();
    let two = Vault::start(VaultOptions::default().tls()).await.unwrap();
    assert!(one.addr().starts_with("https://127.0.0.1:"));
    one.read("sys/mounts").await.unwrap();
    assert_ne!(one.ca_pem(), two.ca_pem());
    let trusting_two = two.api(None).at(one.addr());
    assert!(trusting_two.get("/v1/sys/health").await.is_err());
    assert_eq!(
        two.api(None).get("/v1/sys/health").await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn the_harness_works_while_the_tests_clock_stands_still() {
    let vault = start().await;
    vault.put("kv", "app", &json!({ "a": "b" })).await.unwrap();
    vault.down().await.unwrap();
    vault.up().await.unwrap();
    assert_eq!(
        vault.get("kv", "app").await.unwrap(),
        Some(json!({ "a": "b" }))
    );
}
