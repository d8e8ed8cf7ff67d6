//! Shell. An API server that pushes back: how quickly fewer writes are in flight, that none is
//! lost, and that no more come back than there were.

use std::time::Duration;

use kubebox::{Fault, FaultRule, Verb};
use tokio::time::Instant;

use super::{SECOND, Watcher, load, slow_writes};
use crate::support::{NS, QUIET, Sim, eventually, folder, pass};

/// Objects on one key, so that a rotation writes them all at once.
const OBJECTS: usize = 1000;
/// How long the API server takes for each write.
const LATENCY: Duration = Duration::from_millis(100);
/// The default of `--max-write-concurrency`.
const LIMIT: usize = 32;

/// All objects in sync and the limit of writes at its most; then the key is rotated and `times`
/// writes strike `fault`. Answers when they began to and who looked at the writes in flight.
async fn struck(sim: &Sim, fault: Fault, times: u64) -> (Instant, Watcher) {
    load(sim, OBJECTS, 1, "10s").await;
    slow_writes(sim, LATENCY);
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(20 * SECOND).await;
    sim.count_from_here();
    let watcher = Watcher::start(sim);
    sim.depot.put("k0");
    let began = Instant::now();
    eventually("many writes", 20 * SECOND, || async {
        sim.writes().len() >= OBJECTS / 3
    })
    .await;
    let (_, before) = watcher.range(began, Instant::now());
    assert_eq!(before, LIMIT, "the limit is at its most");
    let rule = FaultRule::new(fault).resource("secrets").verb(Verb::Patch);
    sim.kubebox.inject(rule.times(times));
    let struck = Instant::now();
    eventually("the rest", 120 * SECOND, || async {
        written(sim) == OBJECTS
    })
    .await;
    pass(60 * SECOND).await;
    assert_eq!(written(sim), OBJECTS, "each Secret was written once");
    let secrets = sim.get(&folder(NS, "secrets")).await.unwrap();
    let new = crate::support::depot::value("k0", 2);
    for secret in secrets["items"].as_array().unwrap() {
        assert_eq!(crate::support::data(secret), new);
    }
    controller.stop().await;
    (struck, watcher)
}

/// When the first 429 was answered.
fn refused_at(sim: &Sim) -> Instant {
    let writes = sim.writes();
    let mut refused = writes.iter().filter(|write| write.code == Some(429));
    let refused = refused.next().unwrap().at;
    let ago = sim.now().duration_since(refused);
    Instant::now() - Duration::try_from(ago).unwrap() + LATENCY
}

/// Secrets written well since the count began.
fn written(sim: &Sim) -> usize {
    let writes = sim.writes();
    let good = writes
        .iter()
        .filter(|write| write.resource == "secrets" && write.code == Some(200));
    good.count()
}

#[tokio::test(start_paused = true)]
async fn after_a_429_half_as_many_writes_fly_and_they_grow_back_to_what_they_were() {
    let sim = Sim::new(51).await;
    // As the API server's own flow control answers.
    let (_, watcher) = struck(&sim, Fault::TooManyRequests { retry_after: 1 }, 1).await;
    let at = refused_at(&sim);
    // There is always more to write, so only the limit makes it fewer.
    let (soon, _) = watcher.range(at, at + SECOND);
    let (_, again) = watcher.range(at + SECOND, at + SECOND + 2 * LATENCY);
    let (_, later) = watcher.range(at + SECOND, Instant::now());
    eprintln!("S12: {LIMIT} writes, within a second of a 429 {soon}, then {again}, then {later}");
    assert!(soon <= LIMIT / 2, "{soon} in flight at least");
    // It grows by one with each sixteen answers to what began after the 429.
    assert!(again <= LIMIT / 2 + 3, "{again} as soon as they may");
    assert!(later <= LIMIT, "{later} in flight");
}

#[tokio::test(start_paused = true)]
async fn when_writes_wait_too_long_half_as_many_fly_before_any_of_them_is_refused() {
    /// What every write of a full limit takes longer, once.
    const HANG: Duration = Duration::from_secs(1);
    let sim = Sim::new(52).await;
    let (began, watcher) = struck(&sim, Fault::Latency(HANG), LIMIT as u64).await;
    // No write is aged before four times its usual latency, and none of these ends before it is.
    let aged = began + 4 * LATENCY;
    let ended = began + HANG + 3 * LATENCY;
    let (_, stuck) = watcher.range(began, aged);
    let (soon, _) = watcher.range(aged, aged + SECOND);
    let (_, again) = watcher.range(ended, ended + 2 * LATENCY);
    let (_, later) = watcher.range(ended, Instant::now());
    eprintln!("S12: {stuck} writes wait, within a second {soon}, then {again}, then {later}");
    assert_eq!(stuck, LIMIT);
    assert!(soon <= LIMIT / 2, "{soon} in flight at least");
    assert!(again <= LIMIT / 2 + 3, "{again} as soon as they may");
    assert!((LIMIT / 2..=LIMIT).contains(&later), "{later} in flight");
}
