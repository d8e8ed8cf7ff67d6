//! Shell. What goes over the wire, and what comes of answers that are late, long, lost or lies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_contract::{ErrorKind, Provider, ProviderError, RemoteKey, SecretValue};
use tidegate_provider_vault::KvVersion::V2;
use tidegate_provider_vault::{VaultConfig, VaultConnection, VaultProvider};

use crate::hand::{Tokens, fetch, kind, mount, provider, text};
use crate::loopback::{Loopback, Reply};

const GOOD: &str = r#"{"data":{"data":{"v":"x"},"metadata":{"version":1}}}"#;
const DENIED: &str = r#"{"errors":["permission denied"]}"#;

fn with(config: &VaultConfig, token: &str) -> VaultProvider {
    let connection = VaultConnection::new(config).unwrap();
    VaultProvider::new(connection, mount("kv", V2), Tokens::new(&[token]))
}

async fn answer(reply: Reply) -> Result<String, ProviderError> {
    let fake = Loopback::always(reply).await;
    let read = fetch(
        &provider(&fake.addr, mount("kv", V2), "t"),
        RemoteKey::latest("a"),
    )
    .await;
    read.map(|it| String::from_utf8(it.value.expose().to_vec()).unwrap())
}

#[tokio::test]
async fn requests_carry_what_the_store_says_and_nothing_else() {
    let fake = Loopback::always(Reply::json(200, GOOD)).await;
    let config = VaultConfig {
        namespace: Some("team/a".to_owned()),
        headers: [("X-Gate".to_owned(), "open".to_owned())].into(),
        forward_to_active: true,
        ..VaultConfig::new(format!("{}/edge/", fake.addr))
    };
    assert_eq!(
        text(&with(&config, "t0k"), RemoteKey::latest("a/b")).await,
        r#"{"v":"x"}"#
    );
    let plain = VaultConfig::new(fake.addr.as_str());
    text(&with(&plain, ""), RemoteKey::latest("a/b")).await;

    let received = fake.received();
    assert_eq!(received[0].line, "GET /edge/v1/kv/data/a/b");
    for (name, value) in [
        ("x-vault-token", Some("t0k")),
        ("x-vault-namespace", Some("team/a")),
        ("x-vault-request", Some("true")),
        ("x-vault-inconsistent", Some("forward-active-node")),
        ("x-gate", Some("open")),
        ("content-type", None),
        ("referer", None),
    ] {
        assert_eq!(received[0].header(name), value, "{name}");
    }
    assert_eq!(received[1].line, "GET /v1/kv/data/a/b");
    for name in ["x-vault-token", "x-vault-namespace", "x-vault-inconsistent"] {
        assert_eq!(received[1].header(name), None, "{name}");
    }
}

#[tokio::test]
async fn push_back_says_for_how_long() {
    let told = Reply::new(429, &[("Retry-After", "7")], r#"{"errors":["slow down"]}"#);
    let after = Some(Duration::from_secs(7));
    let error = answer(told).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled { after });
    let error = answer(Reply::json(429, "{}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled { after: None });
}

#[tokio::test]
async fn bodies_are_bounded_announced_or_not() {
    let fake = Loopback::start(|request| {
        let body = format!(r#"{{"data":{{"data":{{"v":"{}"}}}}}}"#, "x".repeat(1000));
        match request.line.contains("chunked") {
            false => Reply::json(200, &body),
            true => Reply::raw(&format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            )),
        }
    })
    .await;
    for key in ["whole", "chunked"] {
        let mut config = VaultConfig::new(fake.addr.as_str());
        config.max_body = 2000;
        let read = text(&with(&config, "t"), RemoteKey::latest(key)).await;
        assert_eq!(read.len(), 1008);
        config.max_body = 900;
        let error = fetch(&with(&config, "t"), RemoteKey::latest(key))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            error.public(),
            "the answer of Vault is longer than 900 bytes"
        );
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_absence() {
    for reply in [
        Reply::json(200, ""),
        Reply::json(200, "<html>hunter2</html>"),
        Reply::json(200, r#"{"data":{"data":{"v":"hunter2"#),
        Reply::json(200, r#"{"data":{"data":null}}"#),
        Reply::json(204, ""),
        Reply::json(404, "<html>hunter2</html>"),
        Reply::json(404, ""),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":\"hunter2"),
        Reply::raw("HTTP/1.1 200 OK\r\n"),
        Reply::raw("not HTTP: hunter2\r\n\r\n"),
        Reply::raw(""),
    ] {
        let shown = String::from_utf8_lossy(&reply.bytes).into_owned();
        // The fake hangs up after a reply that is not whole.
        let error = answer(reply).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{shown}");
        assert!(!error.full().contains("hunter2"), "{}", error.full());
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_keeps_silent_runs_into_the_deadline() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{";
    for reply in [Reply::raw("").silent(), Reply::raw(head).silent()] {
        let error = answer(reply).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.public(), "Vault did not answer in time");
    }
}

#[tokio::test]
async fn redirects_are_followed_within_the_same_server_and_once() {
    let other = Loopback::always(Reply::json(200, GOOD)).await;
    let away = format!("{}/v1/kv/data/a", other.addr);
    let fake = Loopback::start(move |request| match request.line.as_str() {
        "GET /v1/kv/data/near" => Reply::new(307, &[("location", "/v1/kv/data/here")], ""),
        "GET /v1/kv/data/far" => Reply::new(307, &[("location", away.as_str())], ""),
        "GET /v1/kv/data/moved" => Reply::new(301, &[("location", "/v1/kv/data/here")], ""),
        "GET /v1/kv/data/round" => Reply::new(307, &[("location", "/v1/kv/data/round")], ""),
        "GET /v1/kv/data/lost" => Reply::new(307, &[], ""),
        _ => Reply::json(200, GOOD),
    })
    .await;
    let asked = provider(&fake.addr, mount("kv", V2), "t0k");
    assert_eq!(
        text(&asked, RemoteKey::latest("near")).await,
        r#"{"v":"x"}"#
    );
    assert_eq!(fake.received().len(), 2);
    assert_eq!(fake.received()[1].header("x-vault-token"), Some("t0k"));
    for key in ["far", "moved", "round", "lost"] {
        let asked = kind(&asked, RemoteKey::latest(key)).await;
        assert_eq!(asked, ErrorKind::Unavailable, "{key}");
    }
    assert!(other.received().is_empty());
    assert_eq!(fake.received().len(), 2 + 5);
}

#[tokio::test]
async fn a_refused_connection_is_named_without_its_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let asked = provider(&addr, mount("kv", V2), "t");
    let error = fetch(&asked, RemoteKey::latest("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.public(), "no connection to Vault");
    assert!(!error.full().contains(&addr), "{}", error.full());
}

#[tokio::test]
async fn a_token_that_is_no_header_is_never_sent() {
    let fake = Loopback::always(Reply::json(200, GOOD)).await;
    let asked = provider(&fake.addr, mount("kv", V2), "two\nlines");
    let error = fetch(&asked, RemoteKey::latest("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!error.full().contains("lines"));
    assert!(fake.received().is_empty());
}

/// How the look at a token fails decides how a denied read fails: there is nothing to go by.
#[tokio::test]
async fn a_denied_read_without_a_look_at_the_token_is_undecided() {
    let fake = Loopback::start(|request| match request.line.contains("lookup-self") {
        true => Reply::json(503, r#"{"errors":["sealed"]}"#),
        false => Reply::json(403, DENIED),
    })
    .await;
    let asked = provider(&fake.addr, mount("kv", V2), "t");
    let asked = kind(&asked, RemoteKey::latest("a")).await;
    assert_eq!(asked, ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn the_look_at_a_token_holds_for_a_minute_and_a_blind_login_for_ten() {
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    let fake = Loopback::start(|request| {
        LOOKS.fetch_add(
            usize::from(request.line.contains("lookup-self")),
            Ordering::SeqCst,
        );
        Reply::json(403, DENIED)
    })
    .await;
    let tokens = Tokens::new(&["one", "two", "three"]);
    let connection = VaultConnection::new(&VaultConfig::new(fake.addr.as_str())).unwrap();
    let asked = VaultProvider::new(connection, mount("kv", V2), tokens.clone());
    let key = || RemoteKey::latest("a");
    let minutes = |count: u64| tokio::time::advance(Duration::from_secs(60 * count));
    let looks = || LOOKS.load(Ordering::SeqCst);

    assert_eq!(kind(&asked, key()).await, ErrorKind::Unauthenticated);
    assert_eq!((tokens.rejections(), looks()), (1, 1));
    // Another token, and again no evidence: the path is denied, and for a minute nobody asks.
    for _ in 0..3 {
        assert_eq!(kind(&asked, key()).await, ErrorKind::Denied);
    }
    assert_eq!((tokens.rejections(), looks()), (1, 2));
    minutes(2).await;
    assert_eq!(kind(&asked, key()).await, ErrorKind::Denied);
    assert_eq!((tokens.rejections(), looks()), (1, 3));
    minutes(10).await;
    assert_eq!(kind(&asked, key()).await, ErrorKind::Unauthenticated);
    assert_eq!((tokens.rejections(), looks()), (2, 4));
}

#[tokio::test]
async fn a_token_looks_at_itself_in_its_own_namespace() {
    let fake = Loopback::start(|request| match request.line.contains("lookup-self") {
        true => Reply::json(200, r#"{"data":{"id":"t"}}"#),
        false => Reply::json(403, DENIED),
    })
    .await;
    let config = VaultConfig {
        namespace: Some("team/a".to_owned()),
        ..VaultConfig::new(fake.addr.as_str())
    };
    let asked = with(&config, "t")
        .with_login_namespace(Some("team"))
        .unwrap();
    let denied = kind(&asked, RemoteKey::latest("a")).await;
    assert_eq!(denied, ErrorKind::Denied);
    asked.validate().await.unwrap();
    let received = fake.received();
    let namespaces: Vec<_> = received
        .iter()
        .map(|it| it.header("x-vault-namespace"))
        .collect();
    assert_eq!(namespaces, [Some("team/a"), Some("team"), Some("team")]);
}

#[tokio::test]
async fn validation_believes_no_page_of_a_proxy() {
    for (status, body) in [(200, "<html>"), (200, "{}"), (404, "<html>"), (503, "")] {
        let fake = Loopback::always(Reply::json(status, body)).await;
        let error = provider(&fake.addr, mount("kv", V2), "t")
            .validate()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{status} {body}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let mut config = VaultConfig::new("https://vault:8200");
    config.headers = [("x-gate".to_owned(), "hunter2".to_owned())].into();
    let connection = VaultConnection::new(&config).unwrap();
    let tokens = Tokens::new(&["hunter2"]);
    let provider = VaultProvider::new(connection, mount("kv", V2), tokens);
    assert!(!format!("{provider:?}").contains("hunter2"), "{provider:?}");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let login = tidegate_provider_vault::Login::Token(SecretValue::from("hunter2"));
    assert_eq!(format!("{login:?}"), "Login(token)");
}
