//! Shell. Logs at their most talkative: no value, token, password or key of anybody in them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tidegate_contract::{Authenticator, Grant, Provider, RemoteKey, SecretValue, TokenSource};
use tidegate_provider_vault::{
    KvMount, KvVersion, Login, TlsConfig, VaultAuthenticator, VaultConfig, VaultConnection,
    VaultProvider,
};
use tidegate_testservers::{AppRole, Vault, VaultOptions};

const MARKER: &str = "log-marker-d3b07384d113edec";
const PASSWORD: &str = "log-password-49f68a5c8493ec2c";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Granted(Grant);

#[async_trait::async_trait]
impl TokenSource for Granted {
    async fn token(&self) -> Result<SecretValue, tidegate_contract::ProviderError> {
        Ok(self.0.token.clone())
    }

    async fn rejected(&self, used: &SecretValue) {
        tracing::info!(?used, source = ?self, "the token is not accepted");
    }
}

/// Logs in twice, reads, misses, is denied, lists, validates, renews, revokes, and is refused.
async fn work(vault: &Vault, secrets: &mut Vec<String>) {
    let config = VaultConfig {
        headers: [("x-gate".to_owned(), format!("{MARKER}-header"))].into(),
        tls: TlsConfig {
            ca_pem: vault.ca_pem().map(|pem| pem.as_bytes().to_vec()),
            client: None,
        },
        ..VaultConfig::new(vault.addr())
    };
    let connection = VaultConnection::new(&config).unwrap();
    let role = AppRole {
        name: "reader".to_owned(),
        policies: vec!["reader".to_owned()],
        ..AppRole::default()
    };
    let (role_id, secret_id) = vault.approle("approle", &role).await.unwrap();
    secrets.extend([role_id.clone(), secret_id.clone()]);
    let by_role = Login::AppRole {
        path: "approle".to_owned(),
        role_id: SecretValue::from(role_id),
        secret_id: SecretValue::from(secret_id),
    };
    let by_password = |password: &str| Login::UserPass {
        path: "userpass".to_owned(),
        username: "ann".to_owned(),
        password: SecretValue::from(password),
    };
    for login in [by_role, by_password(PASSWORD)] {
        let way = VaultAuthenticator::new(connection.clone(), login, None).unwrap();
        let grant = way.login().await.unwrap();
        secrets.push(String::from_utf8(grant.token.expose().to_vec()).unwrap());
        let path = Some("kv".to_owned());
        let version = KvVersion::V2;
        let mount = KvMount { path, version };
        let tokens = Arc::new(Granted(grant.clone()));
        let provider = VaultProvider::new(connection.clone(), mount, tokens);
        let keys = ["a/b", "a/absent", "closed/a", "../a"].map(RemoteKey::latest);
        let answers = provider.fetch(&keys).await;
        assert!(answers[0].is_ok() && answers[1..].iter().all(Result::is_err));
        let listing = provider.list(&tidegate_contract::Find::default()).await;
        let validation = provider.validate().await;
        tracing::info!(
            ?provider,
            ?answers,
            ?listing,
            ?validation,
            ?way,
            ?grant,
            "worked"
        );
        way.renew(&grant).await.unwrap();
        way.revoke(&grant).await.unwrap();
        let ended = provider.fetch(&keys[..1]).await;
        assert!(ended[0].is_err());
    }
    let wrong = format!("{PASSWORD}-wrong");
    let way = VaultAuthenticator::new(connection, by_password(&wrong), None).unwrap();
    let refused = way.login().await.unwrap_err();
    tracing::info!(?refused, "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_and_no_credential_is_logged_at_trace() {
    let log = Log::default();
    let writer = log.clone();
    // `init` also takes what rustls and others say through the `log` crate.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let mut secrets = vec![MARKER.to_owned(), PASSWORD.to_owned()];
    for options in [VaultOptions::default(), VaultOptions::default().tls()] {
        let vault = Vault::start(options).await.unwrap();
        vault.enable_kv("kv", 2).await.unwrap();
        vault
            .put("kv", "a/b", &json!({ "v": MARKER }))
            .await
            .unwrap();
        let policy = r#"path "kv/data/a/*" { capabilities = ["read"] }
            path "kv/metadata/*" { capabilities = ["list"] }"#;
        vault.policy("reader", policy).await.unwrap();
        vault.enable_auth("userpass", "userpass").await.unwrap();
        let user = json!({ "password": PASSWORD, "token_policies": ["reader"] });
        vault.write("auth/userpass/users/ann", &user).await.unwrap();
        work(&vault, &mut secrets).await;
    }
    let bytes = log.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&bytes);
    // The net was out: each library below us was heard at TRACE or DEBUG.
    for heard in [
        "rustify",
        "hyper_util",
        "h2::",
        "rustls",
        "reqwest",
        "worked",
    ] {
        assert!(text.contains(heard), "nothing was heard of {heard}");
    }
    assert!(text.contains("TRACE"));
    for secret in &secrets {
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret}");
    }
}
