//! Shell. How much was asked and written: bounded in the storm, next to nothing after it.

use std::collections::BTreeMap;
use std::time::Duration;

use kubebox::{RequestRecord, Verb};

use super::Storm;
use super::cast::Kind;
use super::events::TAMPERED;
use super::history::{History, Turn};
use crate::support::depot::{IN_FLIGHT, Told};
use crate::support::{folder, pass, path};

/// Writes of one process in flight, at most (`--max-write-concurrency`).
const WRITES: usize = 32;
/// A first poll comes up to one and a half intervals after the last read; then they are periodic.
const LEVELLING: Duration = Duration::from_secs(23 * 60);
const HOUR: u64 = 3600;

/// P3: no write of a Secret that was answered well left it as it was. A create does not name what
/// it makes in its path, so creates are counted by namespace.
pub fn no_write_without_a_change(storm: &Storm, requests: &[RequestRecord], history: &History) {
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for request in requests {
        let write = request.is_write() && request.verb != Verb::Delete;
        let ours = request.user_agent.starts_with("tidegate") && request.resource == "secrets";
        if ours && write && request.code.is_some_and(|code| code < 300) {
            let place = match request.verb {
                Verb::Create => folder(&request.namespace, "secrets"),
                _ => path(&request.namespace, "secrets", &request.name),
            };
            *written.entry(place).or_default() += 1;
        }
    }
    let mut changed: BTreeMap<String, usize> = BTreeMap::new();
    for role in &storm.cast.0 {
        let mut there = role.kind == Kind::Merge;
        for turn in history.get(&role.secret()).into_iter().flatten() {
            let by_us = match turn {
                Turn::Held(held) => held.data.get("v").is_none_or(|value| value != TAMPERED),
                Turn::Gone => false,
            };
            let place = match there {
                false => folder(&role.namespace, "secrets"),
                true => role.secret(),
            };
            *changed.entry(place).or_default() += usize::from(by_us);
            there = matches!(turn, Turn::Held(_));
        }
    }
    for (place, written) in written {
        let (seed, changed) = (storm.seed, changed.get(&place).copied().unwrap_or(0));
        assert!(
            written <= changed,
            "seed {seed}: {written} writes of {place} made {changed} changes"
        );
    }
}

/// P2, P4: in flight and in sum.
pub fn bounded(storm: &Storm, requests: &[RequestRecord]) {
    let (seed, sim) = (storm.seed, &storm.sim);
    // What a killed process had sent may still be on its way beside its successor's.
    let most = sim.flights.most();
    assert!(most <= 2 * WRITES, "seed {seed}: {most} writes in flight");
    let (overlaps, most) = sim.depot.load();
    assert_eq!(
        overlaps, 0,
        "seed {seed}: a key was asked for twice at once"
    );
    assert!(most <= 6 * IN_FLIGHT, "seed {seed}: {most} calls in flight");
    reads(storm);
    statuses(storm, requests);
}

/// Values told of a key: its polls, and one for each start, rotation and look. A key that is not
/// there fails its objects like one that cannot be read: growing pauses, anew after each start.
fn reads(storm: &Storm) {
    let calls = storm.sim.depot.calls();
    let mut well: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        let table = match call.told {
            Told::Absent | Told::Failed(_) => &mut failed,
            Told::Value(_) => &mut well,
        };
        *table.entry(&call.key).or_default() += 1;
    }
    let seconds = storm.began.elapsed().as_secs();
    for role in &storm.cast.0 {
        let key = &*role.key;
        let polls = usize::try_from(seconds / role.interval).unwrap() + 1;
        let looks = storm.ledger.looks.get(key).copied().unwrap_or(0);
        let bound = polls + 2 * looks + 2 * storm.starts;
        let well = well.get(key).copied().unwrap_or(0);
        assert!(
            well <= bound,
            "seed {}: {well} reads of {key}, not {bound}",
            storm.seed
        );
        let failed = failed.get(key).copied().unwrap_or(0);
        let bound = 300;
        assert!(
            failed <= bound,
            "seed {}: {failed} failures of {key}",
            storm.seed
        );
    }
}

/// Statuses tell what changed, not each try.
fn statuses(storm: &Storm, requests: &[RequestRecord]) {
    let mut told: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for request in requests {
        let status = request.resource == "externalsecrets" && request.subresource == "status";
        if status && request.code.is_some_and(|code| code < 300) {
            let object = (&*request.namespace, &*request.name);
            *told.entry(object).or_default() += 1;
        }
    }
    for ((namespace, name), count) in told {
        let bound = 120;
        let seed = storm.seed;
        assert!(
            count <= bound,
            "seed {seed}: {count} statuses of {namespace}/{name}"
        );
    }
}

/// P3: an hour in which nothing changes is polls, and nothing else.
pub async fn quiet_hour(storm: &Storm) {
    let (seed, sim) = (storm.seed, &storm.sim);
    pass(LEVELLING).await;
    sim.count_from_here();
    pass(Duration::from_secs(HOUR)).await;
    let writes = sim.writes();
    assert!(
        writes.is_empty(),
        "seed {seed}: written in quiet: {writes:#?}"
    );
    let reads = sim.requests().into_iter();
    let mut reads = reads.filter(|r| matches!(r.verb, Verb::Get | Verb::List));
    let read = reads.find(|r| r.resource != "leases");
    assert_eq!(read, None, "seed {seed}: read in quiet");
    for role in &storm.cast.0 {
        let polled = matches!(role.kind, Kind::Plain | Kind::Orphan | Kind::Merge);
        if polled {
            let (key, polls) = (&*role.key, HOUR / role.interval);
            let count = u64::try_from(sim.depot.count(key)).unwrap();
            assert_eq!(count, polls, "seed {seed}: polls of {key} in an hour");
        }
    }
}
