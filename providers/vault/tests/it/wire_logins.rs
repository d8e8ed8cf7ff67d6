//! Shell. Logins on the wire: what is sent where, and answers that grant nothing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_contract::{Authenticator, ErrorKind, SecretValue};
use tidegate_provider_vault::{GivenJwt, Login, VaultAuthenticator, VaultConfig, VaultConnection};

use crate::loopback::{Loopback, Reply};

const GRANT: &str = r#"{"auth":{"client_token":"t1","lease_duration":60,"renewable":true}}"#;

fn value(text: &str) -> SecretValue {
    SecretValue::from(text)
}

fn way(addr: &str, login: Login, namespace: Option<&str>) -> VaultAuthenticator {
    let config = VaultConfig {
        namespace: Some("team/a".to_owned()),
        ..VaultConfig::new(addr)
    };
    let connection = VaultConnection::new(&config).unwrap();
    VaultAuthenticator::new(connection, login, namespace).unwrap()
}

fn user(path: &str) -> Login {
    Login::UserPass {
        path: path.to_owned(),
        username: "ann".to_owned(),
        password: value("p"),
    }
}

#[tokio::test]
async fn each_method_sends_its_fields_to_its_path() {
    let fake = Loopback::always(Reply::json(200, GRANT)).await;
    let path = "m/x".to_owned();
    let jwt = || Arc::new(GivenJwt(value("j.w.t")));
    let role = || "r".to_owned();
    let username = "ann".to_owned();
    for (login, target, body) in [
        (
            Login::AppRole {
                path: path.clone(),
                role_id: value(" id "),
                secret_id: value(" s "),
            },
            "login",
            json!({ "role_id": "id", "secret_id": " s " }),
        ),
        (
            Login::Kubernetes {
                path: path.clone(),
                role: role(),
                jwt: jwt(),
            },
            "login",
            json!({ "role": "r", "jwt": "j.w.t" }),
        ),
        (
            Login::Jwt {
                path: path.clone(),
                role: None,
                jwt: jwt(),
            },
            "login",
            json!({ "jwt": "j.w.t" }),
        ),
        (
            Login::Ldap {
                path: path.clone(),
                username: username.clone(),
                password: value("p "),
            },
            "login/ann",
            json!({ "password": "p " }),
        ),
        (
            Login::Cert {
                path: path.clone(),
                role: Some(role()),
            },
            "login",
            json!({ "name": "r" }),
        ),
        (Login::Cert { path, role: None }, "login", json!({})),
    ] {
        let shown = format!("{login:?}");
        way(&fake.addr, login, None).login().await.unwrap();
        let received = fake.received().pop().unwrap();
        assert_eq!(
            received.line,
            format!("POST /v1/auth/m/x/{target}"),
            "{shown}"
        );
        assert_eq!(received.header("content-type"), Some("application/json"));
        assert_eq!(received.header("x-vault-token"), None);
        let sent: Value = serde_json::from_str(&received.body).unwrap();
        assert_eq!(sent, body, "{shown}");
    }
}

#[tokio::test]
async fn the_namespace_of_a_login_goes_with_its_token() {
    let fake = Loopback::always(Reply::json(200, GRANT)).await;
    for (namespace, expected) in [
        (Some("team"), "team"),
        (Some(""), "team/a"),
        (None, "team/a"),
    ] {
        let way = way(&fake.addr, user("userpass"), namespace);
        let grant = way.login().await.unwrap();
        assert_eq!(grant.ttl, Some(Duration::from_secs(60)));
        way.renew(&grant).await.unwrap();
        way.revoke(&grant).await.unwrap();
        let received = fake.received();
        let last = &received[received.len() - 3..];
        for (request, target) in last.iter().zip([
            "auth/userpass/login/ann",
            "auth/token/renew-self",
            "auth/token/revoke-self",
        ]) {
            assert_eq!(request.line, format!("POST /v1/{target}"));
            assert_eq!(request.header("x-vault-namespace"), Some(expected));
        }
        assert_eq!(last[1].header("x-vault-token"), Some("t1"));
    }
}

#[tokio::test]
async fn an_answer_without_a_token_is_no_login() {
    for (status, body, expected) in [
        (200, "{}", ErrorKind::Invalid),
        (200, r#"{"auth":null}"#, ErrorKind::Invalid),
        (200, r#"{"auth":{"client_token":""}}"#, ErrorKind::Invalid),
        (
            200,
            r#"{"auth":{"mfa_requirement":{}}}"#,
            ErrorKind::Invalid,
        ),
        (
            200,
            r#"{"auth":{"client_token":7}}"#,
            ErrorKind::Unavailable,
        ),
        (200, "hunter2", ErrorKind::Unavailable),
        (400, r#"{"errors":["invalid"]}"#, ErrorKind::Unauthenticated),
        (403, r#"{"errors":["denied"]}"#, ErrorKind::Unauthenticated),
        (404, r#"{"errors":["no handler"]}"#, ErrorKind::Invalid),
        (429, "{}", ErrorKind::Throttled { after: None }),
        (503, r#"{"errors":["sealed"]}"#, ErrorKind::Unavailable),
    ] {
        let fake = Loopback::always(Reply::json(status, body)).await;
        let error = way(&fake.addr, user("userpass"), None)
            .login()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), expected, "{status} {body}");
        assert!(!error.full().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_lease_of_no_length_never_ends() {
    let body = r#"{"auth":{"client_token":"t","lease_duration":0,"token_type":"service"}}"#;
    let fake = Loopback::always(Reply::json(200, body)).await;
    let grant = way(&fake.addr, user("userpass"), None)
        .login()
        .await
        .unwrap();
    assert_eq!(
        (grant.ttl, grant.renewable, grant.revocable),
        (None, false, true)
    );
}
