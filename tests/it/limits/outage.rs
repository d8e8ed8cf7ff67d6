//! Shell. A backend that is away for five minutes: what it is asked, what is told, how it is met
//! when it is back.

use std::collections::BTreeMap;

use tidegate_contract::ErrorKind;
use tokio::time::Instant;

use super::{MINUTE, MS, SECOND, Watcher, load, slow_writes};
use crate::support::depot::{self, Mood};
use crate::support::{NS, QUIET, Sim, data, folder, pass};

const OBJECTS: usize = 600;
const KEYS: usize = 300;
/// The default of `--max-write-concurrency`.
const WRITES: usize = 32;
/// Polls a second while all is well: each key every 30 s.
const STEADY: f64 = 10.0;

/// Calls and validations in each second from `from` to `to`.
fn seconds(sim: &Sim, from: Instant, to: Instant) -> Vec<u32> {
    let asked = sim.depot.calls().into_iter().map(|call| call.at);
    let asked = asked.chain(sim.depot.validations());
    let mut seconds = vec![0; usize::try_from((to - from).as_secs()).unwrap()];
    for at in asked.filter(|at| (from..to).contains(at)) {
        let second = usize::try_from((at - from).as_secs()).unwrap();
        if let Some(count) = seconds.get_mut(second) {
            *count += 1;
        }
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn five_minutes_away_are_a_probe_a_second_and_one_status_per_object() {
    let sim = Sim::new(61).await;
    load(&sim, OBJECTS, KEYS, "30s").await;
    slow_writes(&sim, 50 * MS);
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(2 * MINUTE).await;
    sim.count_from_here();
    let watcher = Watcher::start(&sim);
    let away = Instant::now();
    sim.depot.mood(Mood::failing(ErrorKind::Unavailable));
    pass(5 * MINUTE).await;
    let back = Instant::now();
    let writes = sim.writes();
    // The first seconds are those of the calls that find the backend away.
    let probes = seconds(&sim, away + 5 * SECOND, back);
    let most = probes.iter().max().unwrap();
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for write in writes.iter().filter(|w| w.resource == "externalsecrets") {
        *told.entry(&write.name).or_default() += 1;
    }
    let (_, at_once) = watcher.range(away, back);
    let first = |resource: &str| writes.iter().find(|w| w.resource == resource).map(|w| w.at);
    eprintln!(
        "S15: {} probes in {} s, {most} in one at most; {} objects told, {} writes at most for \
         one, {at_once} in flight at most; store told {:?}, first object {:?}",
        probes.iter().sum::<u32>(),
        probes.len(),
        told.len(),
        told.values().max().unwrap_or(&0),
        first("secretstores"),
        first("externalsecrets"),
    );

    for key in 0..KEYS {
        sim.depot.put(&format!("k{key}"));
    }
    sim.depot.mood(Mood::WELL);
    pass(3 * MINUTE).await;
    let after = seconds(&sim, back, back + 2 * MINUTE);
    let tens: Vec<u32> = after.windows(10).map(|ten| ten.iter().sum()).collect();
    let peak = f64::from(*tens.iter().max().unwrap()) / (10.0 * STEADY);
    let total = f64::from(after.iter().sum::<u32>()) / (120.0 * STEADY);
    eprintln!("S15: back: {peak:.2} of the steady calls in the fullest 10 s, {total:.2} in 2 min");

    assert!(*most <= 1, "{most} probes in one second");
    assert!(at_once <= WRITES / 10, "{at_once} writes in flight");
    assert!(
        first("secretstores").unwrap() < first("externalsecrets").unwrap(),
        "the store tells of it first"
    );
    assert!(told.values().all(|count| *count == 1), "{told:?}");
    assert_eq!(told.len(), OBJECTS, "each object tells of it");
    assert!(peak <= 1.3, "{peak:.2} of the steady calls");
    is_current(&sim, 2).await;
    controller.stop().await;
}

/// Each Secret holds its key's value of that number.
async fn is_current(sim: &Sim, number: u64) {
    let secrets = sim.get(&folder(NS, "secrets")).await.unwrap();
    let secrets = secrets["items"].as_array().unwrap();
    assert_eq!(secrets.len(), OBJECTS);
    for secret in secrets {
        let name = secret["metadata"]["name"].as_str().unwrap();
        let object: usize = name.strip_prefix("es").unwrap().parse().unwrap();
        let key = format!("k{}", object % KEYS);
        assert_eq!(data(secret), depot::value(&key, number), "{name}");
    }
}
