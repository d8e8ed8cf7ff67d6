//! Shell. An unrelated client: reads one Secret at a steady pace and notes how long it takes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use kube::Client;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::api;
use crate::figures::Samples;

/// Time between two reads.
const EVERY: Duration = Duration::from_millis(50);
/// A read that takes longer counts as this long.
const LONGEST: Duration = Duration::from_secs(10);
/// Samples kept: 14 hours of reading.
const MAX_SAMPLES: usize = 1_000_000;

/// The running client; it ends when dropped.
#[derive(Debug)]
pub struct Probe {
    samples: Arc<Mutex<Seen>>,
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<f64>,
    pushed_back: usize,
}

impl Probe {
    /// Starts reading `path`.
    #[must_use]
    pub fn start(client: Client, path: String) -> Self {
        let samples = Arc::new(Mutex::new(Seen::default()));
        let mut task = JoinSet::new();
        let to = Arc::clone(&samples);
        task.spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let began = Instant::now();
                let asked = async {
                    let response = api::send(&client, Method::GET, &path, None).await?;
                    api::read(&Method::GET, &path, response).await
                };
                let outcome = tokio::time::timeout(LONGEST, asked).await;
                let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
                if let Ok(Err(error)) = &outcome {
                    seen.pushed_back += usize::from(error.code() == Some(429));
                }
                if seen.latencies.len() < MAX_SAMPLES {
                    seen.latencies
                        .push(began.elapsed().min(LONGEST).as_secs_f64());
                }
            }
        });
        Self {
            samples,
            _task: task,
        }
    }

    /// How many samples there are: a mark for [`Probe::since`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.seen().latencies.len()
    }

    /// The latencies since a mark.
    #[must_use]
    pub fn since(&self, mark: usize) -> Samples {
        let seen = self.seen();
        Samples::new(
            seen.latencies
                .get(mark..)
                .unwrap_or_default()
                .iter()
                .copied(),
        )
    }

    /// Reads that were answered with 429.
    #[must_use]
    pub fn pushed_back(&self) -> usize {
        self.seen().pushed_back
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
