//! Shell. An unrelated client: reads one Secret at a steady pace and notes how long it takes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api;
use crate::figures::Samples;
use crate::link::Dialler;

/// Time between two reads.
const EVERY: Duration = Duration::from_millis(20);
/// A read that takes longer counts as this long.
const LONGEST: Duration = Duration::from_secs(10);
/// Samples kept: five hours of reading.
const MAX_SAMPLES: usize = 1_000_000;

/// The running client; it ends when dropped.
///
/// It has a thread and a connection of its own: another program would not wait for the load
/// tester's thousands of watches either.
#[derive(Debug)]
pub struct Probe {
    samples: Arc<Mutex<Seen>>,
    _stop: DropGuard,
}

#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<f64>,
    pushed_back: usize,
}

impl Probe {
    /// Starts reading `path`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(dialler: Dialler, path: String) -> std::io::Result<Self> {
        let samples = Arc::new(Mutex::new(Seen::default()));
        let stop = CancellationToken::new();
        let (to, stopped) = (Arc::clone(&samples), stop.clone());
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build()?;
        std::thread::Builder::new()
            .name("unrelated".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = read_on(&dialler, &path, &to) => {}
                        () = stopped.cancelled() => {}
                    }
                });
            })?;
        Ok(Self {
            samples,
            _stop: stop.drop_guard(),
        })
    }

    /// How many samples there are: a mark for [`Probe::since`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.seen().latencies.len()
    }

    /// The latencies since a mark.
    #[must_use]
    pub fn since(&self, mark: usize) -> Samples {
        self.between(mark, usize::MAX)
    }

    /// The latencies between two marks.
    #[must_use]
    pub fn between(&self, from: usize, to: usize) -> Samples {
        let seen = self.seen();
        let to = to.min(seen.latencies.len());
        let window = seen.latencies.get(from..to).unwrap_or_default();
        Samples::new(window.iter().copied())
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

async fn read_on(dialler: &Dialler, path: &str, to: &Mutex<Seen>) {
    let Ok(client) = dialler.client() else {
        return;
    };
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let asked = async {
            let response = api::send(&client, Method::GET, path, None).await?;
            api::read(&Method::GET, path, response).await
        };
        let outcome = tokio::time::timeout(LONGEST, asked).await;
        let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(Err(error)) = &outcome {
            seen.pushed_back += usize::from(error.code() == Some(429));
        }
        if seen.latencies.len() < MAX_SAMPLES {
            let latency = began.elapsed().min(LONGEST);
            seen.latencies.push(latency.as_secs_f64());
        }
    }
}
