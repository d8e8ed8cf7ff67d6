//! Shell. What the tests share: a real Vault for all, token sources that count, short calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use tidegate_contract::{
    ErrorKind, Provider, ProviderError, RemoteKey, RemoteSecret, SecretValue, TokenSource,
};
use tidegate_provider_vault::{KvMount, KvVersion, VaultConfig, VaultConnection, VaultProvider};
use tidegate_testservers::{Vault, VaultOptions};
use tokio::sync::OnceCell;

/// A Vault for the tests that leave it as it is; they keep apart by mounts and names.
pub(crate) async fn vault() -> &'static Vault {
    static SHARED: OnceCell<Vault> = OnceCell::const_new();
    SHARED
        .get_or_init(async || {
            let vault = Vault::start(VaultOptions::default()).await.unwrap();
            vault.enable_kv("kv1", 1).await.unwrap();
            vault.enable_kv("kv2", 2).await.unwrap();
            vault
        })
        .await
}

/// Tokens that were given, in order: each refusal moves on to the next, the last one stays.
#[derive(Debug)]
pub(crate) struct Tokens {
    given: Vec<SecretValue>,
    next: Mutex<usize>,
    pub(crate) rejections: AtomicUsize,
}

impl Tokens {
    pub(crate) fn new(tokens: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            given: tokens
                .iter()
                .map(|token| SecretValue::from(*token))
                .collect(),
            next: Mutex::new(0),
            rejections: AtomicUsize::new(0),
        })
    }

    pub(crate) fn rejections(&self) -> usize {
        self.rejections.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self) -> Result<SecretValue, ProviderError> {
        Ok(self.given[*self.next.lock().unwrap()].clone())
    }

    async fn rejected(&self, used: &SecretValue) {
        self.rejections.fetch_add(1, Ordering::SeqCst);
        let mut next = self.next.lock().unwrap();
        if self.given[*next] == *used && *next + 1 < self.given.len() {
            *next += 1;
        }
    }
}

pub(crate) fn mount(path: &str, version: KvVersion) -> KvMount {
    KvMount {
        path: Some(path.to_owned()),
        version,
    }
}

pub(crate) fn connect(addr: &str) -> VaultConnection {
    VaultConnection::new(&VaultConfig::new(addr)).unwrap()
}

/// A provider with one token.
pub(crate) fn provider(addr: &str, mount: KvMount, token: &str) -> VaultProvider {
    VaultProvider::new(connect(addr), mount, Tokens::new(&[token]))
}

pub(crate) fn at(key: &str, version: &str) -> RemoteKey {
    RemoteKey {
        version: Some(version.to_owned()),
        ..RemoteKey::latest(key)
    }
}

pub(crate) async fn fetch(
    provider: &dyn Provider,
    key: RemoteKey,
) -> Result<RemoteSecret, ProviderError> {
    let mut answers = provider.fetch(&[key]).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub(crate) async fn text(provider: &dyn Provider, key: RemoteKey) -> String {
    let answer = fetch(provider, key).await.unwrap();
    String::from_utf8(answer.value.expose().to_vec()).unwrap()
}

pub(crate) async fn kind(provider: &dyn Provider, key: RemoteKey) -> ErrorKind {
    fetch(provider, key).await.unwrap_err().kind()
}

pub(crate) fn json(answer: &RemoteSecret) -> Option<Value> {
    serde_json::from_slice(answer.value.expose()).ok()
}
