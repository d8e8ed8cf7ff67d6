//! Shell. How evenly polls come, over virtual hours and restarts, and from many clusters at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{
    Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret, SecretValue,
    Validation,
};
use tidegate_fetch::{
    Endpoint, Fetch, FetchOptions, FingerprintKey, Identity, Seen, Source, Subscription, TokioClock,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);
const UNIX: Duration = Duration::from_secs(1_800_000_000);
/// A day on 2,000 keys where the code is optimized (the tier `soak`), else as much as takes
/// seconds. With fewer keys one more in a second is too large a share of the mean.
const HOURS: u64 = if cfg!(debug_assertions) { 6 } else { 24 };
const KEYS: usize = if cfg!(debug_assertions) { 1000 } else { 2000 };

/// A backend that remembers in which second it was called, and for which key last.
#[derive(Debug)]
struct Counting {
    began: Instant,
    seconds: Mutex<Vec<u32>>,
    last: Mutex<Vec<Option<Duration>>>,
}

impl Counting {
    fn new(keys: usize) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            seconds: Mutex::default(),
            last: Mutex::new(vec![None; keys]),
        })
    }

    /// Calls of each second between two of the run.
    fn between(&self, from: usize, to: usize) -> Vec<u32> {
        let seconds = self.seconds.lock().unwrap();
        let count = |second: usize| seconds.get(second).copied().unwrap_or(0);
        (from..to).map(count).collect()
    }
}

#[async_trait]
impl Provider for Counting {
    fn limits(&self) -> Limits {
        Limits {
            in_flight: 32,
            keys_per_call: 1,
            rate: None,
        }
    }

    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        let at = self.began.elapsed();
        let second = usize::try_from(at.as_secs()).unwrap();
        let mut seconds = self.seconds.lock().unwrap();
        let size = seconds.len().max(second + 1);
        seconds.resize(size, 0);
        seconds[second] += 1;
        let answer = |key: &RemoteKey| {
            let number: usize = key.key.parse().unwrap();
            self.last.lock().unwrap()[number] = Some(at);
            Ok(RemoteSecret {
                value: SecretValue::from("v".to_owned()),
                version: None,
            })
        };
        keys.iter().map(answer).collect()
    }

    async fn list(&self, _: &Find) -> Result<Listing, ProviderError> {
        let keys = Vec::new();
        Ok(Listing {
            keys,
            complete: true,
        })
    }

    async fn validate(&self) -> Result<Validation, ProviderError> {
        Ok(Validation::Ready)
    }
}

/// One process of one cluster, all of whose objects were in sync when it started.
struct Process {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Process {
    fn start(backend: &Arc<Counting>, cluster: &str) -> Self {
        let now = UNIX + backend.began.elapsed();
        let clock = Arc::new(TokioClock::starting_at(now));
        let fetch = Fetch::new(FetchOptions::new(
            clock,
            cluster,
            FingerprintKey::new([7; 32]),
            1,
        ));
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let (driven, stopped) = (fetch.clone(), stop.clone());
        tasks.spawn(async move { driven.drive(stopped.cancelled()).await });
        // Equal names in all clusters: objects, keys, store.
        let source = Source {
            identity: Identity::new("store", 1, vec![], None),
            endpoint: Endpoint::new("vault"),
            provider: Arc::clone(backend) as Arc<dyn Provider>,
        };
        let last = backend.last.lock().unwrap().clone();
        for (number, last) in last.into_iter().enumerate() {
            let subscription = Subscription {
                source: source.clone(),
                key: RemoteKey::latest(number.to_string()),
                seen: Seen::Nothing,
                refreshed: last.map(|last| UNIX + last),
            };
            fetch.subscribe(&format!("o{number}").into(), vec![subscription], MINUTE);
        }
        tasks.spawn(async move { while fetch.next_wake().await.is_some() {} });
        Self { stop, tasks }
    }

    async fn end(mut self) {
        self.stop.cancel();
        self.tasks.shutdown().await;
    }
}

/// The fullest bucket over the mean.
fn peak(calls: &[u32], width: usize) -> f64 {
    let buckets: Vec<u32> = calls
        .chunks_exact(width)
        .map(|it| it.iter().sum())
        .collect();
    let peak = f64::from(*buckets.iter().max().unwrap());
    let sum: u32 = buckets.iter().sum();
    peak * buckets.len() as f64 / f64::from(sum)
}

fn holds(calls: &[u32], width: usize, bound: f64) {
    let found = peak(calls, width);
    eprintln!("S10: peak over mean in buckets of {width} s: {found:.3}, at most {bound}");
    assert!(found <= bound, "{width} s: {found:.3}, above {bound}");
}

#[tokio::test(start_paused = true)]
async fn keys_are_polled_evenly_over_hours_and_restarts() {
    let backend = Counting::new(KEYS);
    let mut process = Process::start(&backend, "one");
    // The first polls come within one and a half intervals; from then on all of it counts.
    sleep(MINUTE * 2).await;
    let rounds = HOURS * 2;
    for round in 0..rounds {
        // Restarts at odd moments.
        sleep(MINUTE * 29 + Duration::from_secs(round * 7 % 60)).await;
        process.end().await;
        process = Process::start(&backend, "one");
    }
    sleep(MINUTE * 2).await;
    let end = usize::try_from(backend.began.elapsed().as_secs()).unwrap();
    let calls = backend.between(120, end);
    let mean = f64::from(calls.iter().sum::<u32>()) / calls.len() as f64;
    assert!((mean - KEYS as f64 / 60.0).abs() < 0.05, "{mean} a second");
    holds(&calls, 10, 1.15);
    holds(&calls, 1, 1.3);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn sixty_clusters_with_equal_names_that_restart_at_once_call_evenly_together() {
    let backends: Vec<Arc<Counting>> = (0..60).map(|_| Counting::new(100)).collect();
    let mut processes = Vec::new();
    for _ in 0..2 {
        for process in processes.drain(..) {
            Process::end(process).await;
        }
        let started = backends.iter().enumerate();
        let started = started.map(|(number, it)| Process::start(it, &format!("cluster {number}")));
        processes.extend(started);
        sleep(MINUTE * 5).await;
    }
    let all: Vec<Vec<u32>> = backends.iter().map(|it| it.between(120, 600)).collect();
    let together: Vec<u32> = (0..480)
        .map(|at| all.iter().map(|it| it[at]).sum())
        .collect();
    holds(&together, 10, 1.3);
    for process in processes {
        process.end().await;
    }
}
