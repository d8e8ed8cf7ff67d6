//! Shell. A key service that does as the test says, and counts what it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{KeyIdentity, KeyVersion, KeyWrapper, SecretValue, WrapError, WrapFault};
use tidegate_kms::{
    Clock, Endpoint, Envelope, KeyService, Metrics, Options, Pin, Refusal, Wrapped,
};

/// When every test begins.
pub const START: Duration = Duration::from_secs(1_000_000);

#[derive(Debug, Clone, Default)]
pub struct Script {
    pub versions: Vec<KeyVersion>,
    /// Every call fails so.
    pub fault: Option<WrapFault>,
    /// Unwraps fail so.
    pub unwrap_fault: Option<WrapFault>,
    /// Every call takes this long.
    pub takes: Duration,
    /// Unwraps give other bytes.
    pub lies: bool,
}

#[derive(Debug, Default)]
pub struct Scripted {
    pub script: Mutex<Script>,
    pub looks: AtomicUsize,
    pub wraps: AtomicUsize,
    pub unwraps: AtomicUsize,
}

pub fn version(number: u64, created: Duration) -> KeyVersion {
    KeyVersion {
        created,
        ordinal: number,
        name: number.to_string(),
        material: String::new(),
    }
}

impl Scripted {
    pub fn new() -> Arc<Self> {
        let scripted = Self::default();
        scripted.set(|script| script.versions = vec![version(1, Duration::from_secs(1))]);
        Arc::new(scripted)
    }

    pub fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    pub fn calls(&self) -> (usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (read(&self.wraps), read(&self.unwraps))
    }

    async fn play(&self, counted: &AtomicUsize) -> Result<Script, WrapError> {
        counted.fetch_add(1, Ordering::SeqCst);
        let script = self.script.lock().unwrap().clone();
        tokio::time::sleep(script.takes).await;
        match script.fault {
            Some(fault) => Err(WrapError::new(fault, "as scripted")),
            None => Ok(script),
        }
    }
}

fn header(version: &str, context: &[u8]) -> Vec<u8> {
    let mut header = format!("{version}|{}|", context.len()).into_bytes();
    header.extend_from_slice(context);
    header
}

#[async_trait]
impl KeyWrapper for Scripted {
    fn identity(&self) -> KeyIdentity {
        KeyIdentity {
            kind: "scripted",
            authority: String::new(),
            key: "k".to_owned(),
        }
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        Ok(self.play(&self.looks).await?.versions)
    }

    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError> {
        let script = self.play(&self.wraps).await?;
        if !script.versions.iter().any(|it| it.name == version) {
            return Err(WrapError::new(WrapFault::Deleted, "no such version"));
        }
        let mut wrapped = header(version, context);
        wrapped.extend(plaintext.expose().iter().map(|byte| byte ^ 0x5a));
        Ok(wrapped)
    }

    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError> {
        let script = self.play(&self.unwraps).await?;
        if let Some(fault) = script.unwrap_fault {
            return Err(WrapError::new(fault, "as scripted"));
        }
        if !script.versions.iter().any(|it| it.name == version) {
            return Err(WrapError::new(WrapFault::Deleted, "no such version"));
        }
        let body = wrapped.strip_prefix(header(version, context).as_slice());
        let body = body.ok_or_else(|| WrapError::new(WrapFault::Corrupt, "other bytes"))?;
        let mask = if script.lies { 0x5b } else { 0x5a };
        Ok(SecretValue::new(
            body.iter().map(|byte| byte ^ mask).collect(),
        ))
    }
}

/// One service over scripted endpoints; `change` adapts the default options.
pub fn service(endpoints: &[&Arc<Scripted>], change: impl FnOnce(&mut Options)) -> Arc<KeyService> {
    let mut options = Options::new("test");
    change(&mut options);
    let mut endpoints = endpoints
        .iter()
        .enumerate()
        .map(|(index, scripted)| Endpoint {
            name: index.to_string(),
            wrapper: Arc::clone(*scripted) as Arc<dyn KeyWrapper>,
        });
    let first = endpoints.next().unwrap();
    let others = endpoints.collect();
    KeyService::new(
        options,
        first,
        others,
        Clock::starting_at(START),
        Metrics::default(),
    )
}

pub fn seed(byte: u8) -> SecretValue {
    SecretValue::new(vec![byte; 32])
}

/// One probe of an API server: Status, then Encrypt of a new seed.
pub async fn probe(service: &Arc<KeyService>, byte: u8) -> Result<Wrapped, Refusal> {
    let mut pin = Pin::default();
    let told = service.status(&mut pin)?;
    let wrapped = service.encrypt(seed(byte), &pin, service.end(None)).await?;
    assert_eq!(told.key_id, wrapped.key_id, "one seed, one version");
    Ok(wrapped)
}

pub fn stored(wrapped: &Wrapped) -> Envelope {
    Envelope {
        ciphertext: wrapped.ciphertext.clone(),
        key_id: wrapped.key_id.clone(),
        annotations: wrapped.annotations.clone(),
    }
}

/// Opens what was stored.
pub async fn open(service: &Arc<KeyService>, wrapped: &Wrapped) -> Result<SecretValue, Refusal> {
    service.decrypt(stored(wrapped), service.end(None)).await
}

pub fn healthz(service: &Arc<KeyService>) -> Result<String, Refusal> {
    service.status(&mut Pin::default()).map(|told| told.healthz)
}

pub async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
