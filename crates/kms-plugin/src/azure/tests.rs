//! Shell. A key in the Key Vault test server: what is bound to what, and what each failure means.

use std::path::PathBuf;

use serde_json::{Value, json};
use tidegate_fetch::{SessionOptions, TokioClock};
use tidegate_kms::{Annotations, Clock, Envelope, KeyService, Metrics, Options};
use tidegate_testservers::{KeyVault, KeyVaultOptions};

use super::*;

mod logins;

const CONTEXT: &[u8] = b"tidegate-kms/1\0seed\0tg2.a";
const MADE: u64 = 1_700_000_000;

/// A vault with one key, and a folder for credentials.
struct Place {
    vault: KeyVault,
    folder: tempfile::TempDir,
    version: String,
    sessions: Sessions,
}

impl Place {
    async fn new() -> Self {
        Self::with(KeyVaultOptions::default()).await
    }

    async fn with(options: KeyVaultOptions) -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let vault = KeyVault::start(options).await.unwrap();
        let clock = Arc::new(TokioClock::starting_at(Duration::from_secs(MADE)));
        let place = Self {
            sessions: Sessions::new(SessionOptions::new(clock, 7)),
            version: vault.add_version("kms", MADE).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            vault,
        };
        place.write("ca.pem", place.vault.ca_pem());
        place.write("secret", &format!("{}\n", place.vault.client_secret()));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The settings of the key, with `extra` on top.
    fn azure(&self, extra: &Value) -> Azure {
        let mut azure = json!({
            "vault": self.vault.url(),
            "key": "kms",
            "ca-file": self.path("ca.pem"),
            "login": { "client-secret": {
                "tenant": self.vault.tenant(),
                "client-id": self.vault.client_id(),
                "secret-file": self.path("secret"),
                "authority": self.vault.url(),
            } },
        });
        for (name, value) in extra.as_object().unwrap() {
            azure[name] = value.clone();
        }
        serde_json::from_value(azure).unwrap()
    }

    fn open(&self, extra: &Value) -> Endpoint {
        // A session of its own each time: equal names would share one.
        let name = format!("azure-{}", self.sessions.stats().open);
        endpoint(&name, &self.azure(extra), &self.sessions)
    }
}

fn seed() -> SecretValue {
    SecretValue::new(vec![7; 32])
}

fn fault<T: fmt::Debug>(outcome: Result<T, WrapError>) -> WrapFault {
    outcome.unwrap_err().fault()
}

#[tokio::test]
async fn what_is_wrapped_opens_for_its_version_and_context_alone() {
    let place = Place::new().await;
    let key = place.open(&json!({})).wrapper;
    let second = place.vault.add_version("kms", MADE + 60).unwrap();
    let third = place.vault.add_version("kms", MADE + 90).unwrap();
    // Two pages of versions; none has another name than the vault gave it.
    let versions = key.versions().await.unwrap();
    let names: Vec<&str> = versions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, [place.version.as_str(), &second, &third]);
    let created: Vec<u64> = versions.iter().map(|it| it.created.as_secs()).collect();
    assert_eq!(created, [MADE, MADE + 60, MADE + 90]);

    let wrapped = key.wrap(&place.version, &seed(), CONTEXT).await.unwrap();
    assert_eq!(wrapped.len(), 256);
    let opened = key.unwrap(&place.version, &wrapped, CONTEXT).await.unwrap();
    assert_eq!(opened, seed());
    let other = key.unwrap(&place.version, &wrapped, b"another").await;
    assert_eq!(fault(other), WrapFault::Corrupt);
    assert_eq!(
        fault(key.unwrap(&second, &wrapped, CONTEXT).await),
        WrapFault::Corrupt
    );
    let mut changed = wrapped.clone();
    changed[100] ^= 1;
    let changed = key.unwrap(&place.version, &changed, CONTEXT).await;
    assert_eq!(fault(changed), WrapFault::Corrupt);
    let cut = key.unwrap(&place.version, &wrapped[..17], CONTEXT).await;
    assert_eq!(fault(cut), WrapFault::Corrupt);
    assert_eq!(place.vault.logins(), 1);
    let shown = format!("{key:?}");
    assert_eq!(
        shown,
        format!(
            "AzureKey(kms in {})",
            &place.vault.url()["https://".len()..]
        )
    );
}

#[tokio::test]
async fn states_of_versions_and_keys_are_told_apart() {
    let place = Place::new().await;
    let key = place.open(&json!({})).wrapper;
    let (vault, first) = (&place.vault, place.version.as_str());
    let second = vault.add_version("kms", MADE + 60).unwrap();
    let wrapped = key.wrap(first, &seed(), CONTEXT).await.unwrap();

    vault.set_enabled("kms", first, false);
    let versions = key.versions().await.unwrap();
    assert_eq!(
        (versions.len(), versions[0].name.as_str()),
        (1, second.as_str())
    );
    assert_eq!(
        fault(key.wrap(first, &seed(), CONTEXT).await),
        WrapFault::Disabled
    );
    let error = key.unwrap(first, &wrapped, CONTEXT).await.unwrap_err();
    assert_eq!(error.fault(), WrapFault::Disabled);
    assert_eq!(
        error.public(),
        "unwrapkey with the Azure key kms: KeyDisabled"
    );
    vault.set_enabled("kms", &second, false);
    assert_eq!(fault(key.versions().await), WrapFault::Disabled);

    // Expired: it wraps no more, what it made is opened.
    vault.set_enabled("kms", first, true);
    vault.set_expiry("kms", first, MADE + 1);
    assert_eq!(
        fault(key.wrap(first, &seed(), CONTEXT).await),
        WrapFault::Disabled
    );
    let opened = key.unwrap(first, &wrapped, CONTEXT).await.unwrap();
    assert_eq!(opened, seed());

    vault.deny();
    assert_eq!(fault(key.versions().await), WrapFault::Denied);
    vault.serve();
    vault.delete_key("kms");
    assert_eq!(
        fault(key.unwrap(first, &wrapped, CONTEXT).await),
        WrapFault::Deleted
    );
    // Vaults list no versions of a key that is not there; the core calls that deleted.
    assert_eq!(key.versions().await.unwrap(), []);
}

#[tokio::test]
async fn an_outage_is_one_request_and_names_its_time() {
    let place = Place::new().await;
    let key = place.open(&json!({})).wrapper;
    key.versions().await.unwrap();
    place.vault.throttle(7, None);
    let throttled = key.wrap(&place.version, &seed(), CONTEXT).await;
    let after = Some(Duration::from_secs(7));
    assert_eq!(fault(throttled), WrapFault::Throttled { after });
    for status in [500, 503] {
        place.vault.fail(status);
        let error = key
            .wrap(&place.version, &seed(), CONTEXT)
            .await
            .unwrap_err();
        assert_eq!(error.fault(), WrapFault::Unavailable, "{error}");
        let text = format!("wrapkey with the Azure key kms: status {status}");
        assert_eq!(error.public(), text);
    }
    let expected = ["versions 200", "wrapkey 429", "wrapkey 500", "wrapkey 503"];
    assert_eq!(place.vault.answered(), expected);
}

/// As Azure's plugin stores it: base64url, marks beside it, the hash of the version's address.
fn stored_by_azures_plugin(place: &Place, version: &str) -> Envelope {
    let sent = URL_SAFE_NO_PAD.encode([7; 32]);
    let wrapped = place.vault.encrypt("kms", version, &sent).unwrap();
    let address = format!("{}/keys/kms/{version}", place.vault.url());
    let key_id = sha256_hex(address);
    let marks = [
        ("date.azure.akv.io", "Mon, 23 Nov 2026 20:00:00 GMT"),
        ("x-ms-request-id.azure.akv.io", "0-0"),
        ("version.azure.akv.io", "1"),
        ("algorithm.azure.akv.io", "RSA-OAEP-256"),
    ];
    let annotations = marks.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Envelope {
        ciphertext: wrapped.into_bytes(),
        key_id,
        annotations: Annotations::from(annotations),
    }
}

#[tokio::test]
async fn what_azures_plugin_stored_is_opened_under_any_version() {
    let place = Place::new().await;
    let second = place.vault.add_version("kms", MADE + 60).unwrap();
    let third = place.vault.add_version("kms", MADE + 90).unwrap();
    let (clock, metrics) = (Clock::system(), Metrics::default());
    let endpoint = place.open(&json!({}));
    let service = KeyService::new(Options::new("azure"), endpoint, vec![], clock, metrics);
    for version in [&place.version, &third, &second] {
        let stored = stored_by_azures_plugin(&place, version);
        assert_eq!(service.decrypt(stored, service.end(None)).await, Ok(seed()));
    }
    // The list of versions is read once, not for each seed.
    let listed = place.vault.answered();
    let listed = listed.iter().filter(|it| it.starts_with("versions"));
    assert_eq!(listed.count(), 2);
    let mut foreign = stored_by_azures_plugin(&place, &second);
    foreign.key_id = "00".repeat(32);
    let refused = service
        .decrypt(foreign, service.end(None))
        .await
        .unwrap_err();
    let text = "the Azure key kms has no version with this key id";
    assert_eq!(refused.text(), text);
}

#[test]
fn the_hash_of_an_address_is_the_one_of_azures_plugin() {
    // A pair that the plugin's own tests have.
    let key = |vault: &str| AzureKey {
        vault: vault.to_owned(),
        host: String::new(),
        key: "mykey".to_owned(),
        trusting: Trusting::new(None),
        tokens: Arc::new(NoToken),
        listed: Mutex::default(),
    };
    let hash = "567d783db3043fe298fe0d9eeedb0029a3815cdd4fe4b059d018c91e6acffe3b";
    assert!(key("https://example.vault.azure.net").is_hashed("ABCD", hash));
    assert!(key("https://EXAMPLE.vault.azure.net").is_hashed("ABCD", hash));
    assert!(!key("https://another.vault.azure.net").is_hashed("ABCD", hash));
    assert!(!key("https://example.vault.azure.net").is_hashed("abcd", hash));
}

#[derive(Debug)]
struct NoToken;

#[async_trait]
impl TokenSource for NoToken {
    async fn token(&self) -> Result<SecretValue, tidegate_contract::ProviderError> {
        Ok(SecretValue::new(Vec::new()))
    }

    async fn rejected(&self, _used: &SecretValue) {}
}
