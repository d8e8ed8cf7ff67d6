//! Shell. A provider that counts its calls, and a running fetch to make them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, outside of their functions"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{
    ErrorKind, Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret,
    SecretValue, Validation,
};
use tidegate_fetch::{
    Answer, Endpoint, Fetch, FetchOptions, FingerprintKey, Identity, Lane, Read, Seen, Source,
    Subscription, TokioClock,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) const UNIX: Duration = Duration::from_secs(1_700_000_000);

/// A backend in memory.
#[derive(Debug)]
pub(crate) struct Scripted {
    keys_per_call: usize,
    latency: Duration,
    pub(crate) value: Mutex<String>,
    calls: AtomicUsize,
    pub(crate) by_key: Mutex<BTreeMap<String, usize>>,
    at_once: AtomicUsize,
    pub(crate) most_at_once: AtomicUsize,
    pub(crate) validations: AtomicUsize,
    pub(crate) silent: AtomicBool,
    pub(crate) panics: AtomicBool,
}

impl Scripted {
    pub(crate) fn new(keys_per_call: usize) -> Arc<Self> {
        Arc::new(Self {
            keys_per_call,
            latency: Duration::from_millis(10),
            value: Mutex::new("v1".into()),
            calls: AtomicUsize::new(0),
            by_key: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            validations: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Provider for Scripted {
    fn limits(&self) -> Limits {
        Limits {
            in_flight: 8,
            keys_per_call: self.keys_per_call,
            rate: None,
        }
    }

    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "a bug in a provider");
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.latency).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let value = self.value.lock().unwrap().clone();
        let answer = |key: &RemoteKey| {
            *self
                .by_key
                .lock()
                .unwrap()
                .entry(key.key.clone())
                .or_insert(0) += 1;
            Ok(RemoteSecret {
                value: SecretValue::from(format!("{}={value}", key.key)),
                version: None,
            })
        };
        keys.iter().map(answer).collect()
    }

    async fn list(&self, _: &Find) -> Result<Listing, ProviderError> {
        let keys = vec![RemoteKey::latest("a")];
        Ok(Listing {
            keys,
            complete: true,
        })
    }

    async fn validate(&self) -> Result<Validation, ProviderError> {
        match self.validations.fetch_add(1, Ordering::SeqCst) {
            0 => Err(ProviderError::new(
                ErrorKind::Unauthenticated,
                "token expired",
            )),
            _ => Ok(Validation::Ready),
        }
    }
}

/// A running fetch.
pub(crate) struct Bench {
    pub(crate) fetch: Fetch,
    pub(crate) stop: CancellationToken,
    pub(crate) drive: JoinSet<()>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(TokioClock::starting_at(UNIX));
        let key = FingerprintKey::new([1; 32]);
        let mut options = FetchOptions::new(clock, "cluster", key, 1);
        options.initial_rate = 500.0;
        let mut bench = Self {
            fetch: Fetch::new(options),
            stop: CancellationToken::new(),
            drive: JoinSet::new(),
        };
        bench.drive();
        bench
    }

    pub(crate) fn drive(&mut self) {
        let (fetch, stop) = (self.fetch.clone(), self.stop.clone());
        self.drive
            .spawn(async move { fetch.drive(stop.cancelled()).await });
    }

    /// Starts one reader per object.
    pub(crate) fn readers(
        &self,
        backend: &Arc<Scripted>,
        objects: usize,
        keys: usize,
    ) -> JoinSet<Vec<Answer>> {
        let mut readers = JoinSet::new();
        for n in 0..objects {
            let (fetch, read) = (self.fetch.clone(), read(backend, &format!("k{}", n % keys)));
            readers.spawn(async move { fetch.run(&format!("o{n}").into(), vec![read]).await });
        }
        readers
    }

    pub(crate) async fn run(&self, object: &str, read: Read) -> Answer {
        self.fetch.run(&object.into(), vec![read]).await.remove(0)
    }

    pub(crate) fn subscribe(&self, backend: &Arc<Scripted>, object: &str, key: &str, seen: Seen) {
        let key = Subscription {
            source: source(backend),
            key: RemoteKey::latest(key),
            seen,
            refreshed: None,
        };
        let minute = Duration::from_secs(60);
        self.fetch.subscribe(&object.into(), vec![key], minute);
    }
}

pub(crate) fn source(backend: &Arc<Scripted>) -> Source {
    let name = format!("{:p}", Arc::as_ptr(backend));
    Source {
        identity: Identity::new(name.clone(), 1, vec![], None),
        endpoint: Endpoint::new(&name),
        provider: Arc::clone(backend) as Arc<dyn Provider>,
    }
}

pub(crate) fn read(backend: &Arc<Scripted>, key: &str) -> Read {
    Read {
        source: source(backend),
        key: RemoteKey::latest(key),
        lane: Lane::Bulk,
        not_before: None,
    }
}

pub(crate) fn text(answer: &Answer) -> &str {
    let value = answer.as_ref().expect("a value");
    std::str::from_utf8(value.secret.value.expose()).unwrap()
}
