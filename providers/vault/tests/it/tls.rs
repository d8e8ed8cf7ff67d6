//! Shell. TLS with a real Vault: authorities, names, and the login by certificate.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use serde_json::json;
use tidegate_contract::{Authenticator, ErrorKind, RemoteKey, SecretValue};
use tidegate_provider_vault::KvVersion::V2;
use tidegate_provider_vault::{
    ClientCertificate, Login, TlsConfig, VaultAuthenticator, VaultConfig, VaultConnection,
    VaultProvider,
};
use tidegate_testservers::{Vault, VaultOptions};

use crate::hand::{Tokens, fetch, mount, text};

const UNTRUSTED: &str = "the TLS certificate of Vault is not from a trusted authority";

fn config(addr: &str, ca: Option<&str>, client: Option<ClientCertificate>) -> VaultConfig {
    VaultConfig {
        tls: TlsConfig {
            ca_pem: ca.map(|pem| pem.as_bytes().to_vec()),
            client,
        },
        ..VaultConfig::new(addr)
    }
}

fn client() -> (ClientCertificate, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "reader");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let pem = params.self_signed(&key).unwrap().pem();
    let certificate = ClientCertificate {
        cert_pem: pem.as_bytes().to_vec(),
        key_pem: SecretValue::from(key.serialize_pem()),
    };
    (certificate, pem)
}

async fn failure(config: &VaultConfig, token: &str) -> (ErrorKind, String) {
    let connection = VaultConnection::new(config).unwrap();
    let real = VaultProvider::new(connection, mount("kv", V2), Tokens::new(&[token]));
    let error = fetch(&real, RemoteKey::latest("a")).await.unwrap_err();
    assert!(!error.public().contains("127.0.0.1"), "{error}");
    (error.kind(), error.public().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authorities_and_certificates() {
    let vault = Vault::start(VaultOptions::default().tls()).await.unwrap();
    vault.enable_kv("kv", 2).await.unwrap();
    vault.put("kv", "a", &json!({ "v": 1 })).await.unwrap();
    let (addr, root) = (vault.addr(), vault.root_token());
    let ca = vault.ca_pem().unwrap();

    let connection = VaultConnection::new(&config(addr, Some(ca), None)).unwrap();
    let real = VaultProvider::new(connection, mount("kv", V2), Tokens::new(&[root]));
    assert_eq!(text(&real, RemoteKey::latest("a")).await, r#"{"v":1}"#);

    let (certificate, other_ca) = client();
    for ca in [Some(other_ca.as_str()), None] {
        let seen = failure(&config(addr, ca, None), root).await;
        assert_eq!(seen, (ErrorKind::Unavailable, UNTRUSTED.to_owned()));
    }
    let plain = addr.replace("https://", "http://");
    let (kind, text) = failure(&config(&plain, Some(ca), None), root).await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("http for https?"), "{text}");

    vault.enable_auth("cert", "cert").await.unwrap();
    let role =
        json!({ "certificate": other_ca, "token_policies": ["default"], "token_ttl": "60s" });
    vault.write("auth/cert/certs/reader", &role).await.unwrap();
    let login = |role: Option<&str>| Login::Cert {
        path: "cert".to_owned(),
        role: role.map(str::to_owned),
    };
    for (role, client, granted) in [
        (Some("reader"), Some(certificate.clone()), true),
        (None, Some(certificate.clone()), true),
        (Some("nobody"), Some(certificate), false),
        (Some("reader"), None, false),
        (Some("reader"), Some(self::client().0), false),
    ] {
        let connection = VaultConnection::new(&config(addr, Some(ca), client)).unwrap();
        let way = VaultAuthenticator::new(connection, login(role), None).unwrap();
        match way.login().await {
            Ok(grant) => {
                assert!(granted && grant.renewable, "{role:?}");
                way.revoke(&grant).await.unwrap();
            }
            Err(error) => {
                assert!(!granted, "{role:?}: {error}");
                assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_named_and_not_shown() {
    let (certificate, ca) = client();
    let broken = |change: fn(&mut ClientCertificate)| {
        let mut certificate = certificate.clone();
        change(&mut certificate);
        Some(certificate)
    };
    let with = |ca: &str, client| config("https://127.0.0.1:1", Some(ca), client);
    let other_key = |it: &mut ClientCertificate| {
        it.key_pem = SecretValue::from(KeyPair::generate().unwrap().serialize_pem());
    };
    let half_a_key = |it: &mut ClientCertificate| {
        it.key_pem = SecretValue::from("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n");
    };
    let no_certificate = |it: &mut ClientCertificate| it.cert_pem = b"no PEM".to_vec();
    for (config, expected) in [
        (with("", None), "the CA bundle holds no certificate"),
        (
            with("no PEM at all", None),
            "the CA bundle holds no certificate",
        ),
        (
            with(
                "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
                None,
            ),
            "the CA bundle is not PEM",
        ),
        (
            with(&ca, broken(no_certificate)),
            "the client certificate is not PEM",
        ),
        (
            with(&ca, broken(half_a_key)),
            "the client key is not an unencrypted private key in PEM",
        ),
        (
            with(&ca, broken(other_key)),
            "the client certificate and its key do not belong together",
        ),
    ] {
        let error = VaultConnection::new(&config).unwrap_err();
        assert_eq!(
            (error.kind(), error.public()),
            (ErrorKind::Invalid, expected)
        );
        assert!(!error.full().contains("c2VjcmV0"));
    }
    for server in [
        "",
        "vault",
        "ftp://vault",
        "https://",
        "unix:/run/vault",
        "https://u:p@vault",
    ] {
        let error = VaultConnection::new(&VaultConfig::new(server)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{server:?}");
        assert!(!error.full().contains("u:p"));
    }
}
