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

/// All objects in sync and the limit of writes at its most; then the key is rotated and one write
/// strikes `fault`. Answers the moment of its answer and who looked at the writes in flight.
async fn struck(sim: &Sim, fault: Fault) -> (Instant, Watcher) {
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
    sim.kubebox.inject(rule.times(1));
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
    let writes = sim.writes();
    let mut refused = writes.iter().filter(|write| write.code == Some(429));
    let refused = refused.next().unwrap().at;
    let ago = sim.now().duration_since(refused);
    let at = Instant::now() - Duration::try_from(ago).unwrap() + LATENCY;
    (at, watcher)
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
    let (at, watcher) = struck(&sim, Fault::TooManyRequests { retry_after: 1 }).await;
    // There is always more to write, so only the limit makes it fewer.
    let (soon, _) = watcher.range(at, at + SECOND);
    let (_, again) = watcher.range(at + SECOND, at + SECOND + 2 * LATENCY);
    let (_, later) = watcher.range(at + SECOND, Instant::now());
    eprintln!("S12: {LIMIT} writes, within a second of a 429 {soon}, then {again}, then {later}");
    assert!(soon <= LIMIT / 2, "{soon} in flight at least");
    // It grows by one with each sixteen answers, those on their way at the 429 included.
    assert!(again <= LIMIT / 2 + 4, "{again} as soon as they may");
    assert!(later <= LIMIT, "{later} in flight");
}
