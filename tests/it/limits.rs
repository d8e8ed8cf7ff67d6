//! Shell. What the controller's limits do, counted under virtual time: a throttled backend, an API
//! server that pushes back, an outage, noise.

use std::time::Duration;

use kubebox::{Fault, FaultRule, Verb};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Sim, extract};

mod backend;
mod deletion;
mod noise;
mod outage;
mod pushback;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Puts `keys` values and makes `objects` ExternalSecrets that take turns in reading them.
async fn load(sim: &Sim, objects: usize, keys: usize, interval: &str) {
    for number in 0..keys {
        sim.depot.put(&format!("k{number}"));
    }
    for number in 0..objects {
        let key = format!("k{}", number % keys);
        sim.external_secret(&format!("es{number}"), &extract(&[&key], interval))
            .await;
    }
}

/// From now on the API server takes so long for every write of Secrets and statuses.
fn slow_writes(sim: &Sim, latency: Duration) {
    for resource in ["secrets", "externalsecrets"] {
        let rule = FaultRule::new(Fault::Latency(latency)).resource(resource);
        sim.kubebox
            .inject(rule.verb(Verb::Create).verb(Verb::Patch));
    }
}

/// Makes an object with a key of its own each second; answers how long each waited for its Secret,
/// shortest first.
async fn trickle(sim: &Sim, count: usize, interval: &str) -> Vec<Duration> {
    let mut waits = Vec::new();
    let mut due = Instant::now();
    for number in 0..count {
        let name = format!("new{number}");
        sim.depot.put(&name);
        let made = Instant::now();
        sim.external_secret(&name, &extract(&[&name], interval))
            .await;
        while sim.data(&name).await.is_none() {
            assert!(made.elapsed() < MINUTE, "{name} has no Secret");
            tokio::time::sleep(MS).await;
        }
        waits.push(made.elapsed());
        due += SECOND;
        tokio::time::sleep_until(due).await;
    }
    waits.sort_unstable();
    waits
}

/// Looks at the writes in flight every 10 ms until it is dropped.
struct Watcher {
    task: JoinHandle<()>,
    seen: std::sync::Arc<std::sync::Mutex<Vec<(Instant, usize)>>>,
}

impl Watcher {
    fn start(sim: &Sim) -> Self {
        let seen = std::sync::Arc::<std::sync::Mutex<Vec<(Instant, usize)>>>::default();
        let (flights, noted) = (sim.flights.clone(), seen.clone());
        #[allow(clippy::disallowed_methods, reason = "the handle is kept and aborted")]
        let task = tokio::spawn(async move {
            loop {
                noted.lock().unwrap().push((Instant::now(), flights.now()));
                tokio::time::sleep(10 * MS).await;
            }
        });
        Self { task, seen }
    }

    /// The least and the most in flight between two moments.
    fn range(&self, from: Instant, to: Instant) -> (usize, usize) {
        let seen = self.seen.lock().unwrap();
        let between = seen.iter().filter(|(at, _)| (from..to).contains(at));
        let counts: Vec<usize> = between.map(|(_, count)| *count).collect();
        (*counts.iter().min().unwrap(), *counts.iter().max().unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}
