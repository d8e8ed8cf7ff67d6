//! Shell. The promises, judged over everything that was asked and written in a storm.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kubebox::{RequestRecord, Verb};
use tokio::time::Instant;

use super::cast::{Kind, Role};
use super::events::TAMPERED;
use super::history::{self, Turn};
use super::{Storm, load};
use crate::support::depot::{Call, Told};

/// How often a Secret may be written for an owner whose end the watch has not shown yet: each
/// loss in a row is mended later than the last, and no watch is away for as long as that many take.
const FOR_THE_DEAD: usize = 8;

/// Judges one storm, one quiet hour included.
pub async fn verdict(storm: &Storm) {
    let history = history::read(&storm.sim, storm.from).await;
    for role in &storm.cast.0 {
        let turns = history.get(&role.secret()).map_or(&[][..], Vec::as_slice);
        values(storm, role, turns);
    }
    let requests = storm.sim.kubebox.requests();
    assert!(requests.len() < 1_000_000, "the log of requests is full");
    removals(storm, &requests);
    load::no_write_without_a_change(storm, &requests, &history);
    load::bounded(storm, &requests);
    load::quiet_hour(storm).await;
}

/// P1, P3, P8: what a Secret held was whole and true, never older than before, never written
/// again unchanged; what was drawn was drawn once. Same data in another dress is a change that
/// somebody must have asked for: as under ESO, a force-sync annotation goes on to the Secret, and
/// an object that was made again is a new owner.
fn values(storm: &Storm, role: &Role, turns: &[Turn]) {
    let (name, mut newest, mut drawn) = (role.secret(), 0, None);
    let (mut last, mut dressed) = (None, 0);
    for turn in turns {
        let Turn::Held(held) = turn else {
            last = None;
            continue;
        };
        let (seed, data) = (storm.seed, &held.data);
        assert_ne!(last, Some(held), "seed {seed}: {name} rewritten unchanged");
        dressed += usize::from(last.is_some_and(|last| last.data == *data));
        last = Some(held);
        if role.kind == Kind::Once {
            let first = drawn.get_or_insert_with(|| data["drawn"].clone());
            assert_eq!(*first, data["drawn"], "seed {seed}: {name} drawn twice");
            continue;
        }
        if data.get("v").is_some_and(|value| value == TAMPERED) {
            continue;
        }
        let Some(number) = data.get("n").and_then(|text| text.parse().ok()) else {
            panic!("seed {seed}: {name} is not whole: {data:?}");
        };
        let second = data.get("second").and_then(|text| text.rsplit_once('-'));
        let second = second.and_then(|(_, number)| number.parse().ok());
        assert_eq!(*data, role.holds(number, second), "seed {seed}: {name}");
        assert!(
            number >= newest,
            "seed {seed}: {name} went back to {number} from {newest}"
        );
        newest = number;
    }
    let asked = storm.ledger.dressed.get(&name).copied().unwrap_or(0);
    assert!(
        dressed <= asked,
        "seed {}: {name} was dressed {dressed} times, not {asked}: {turns:#?}",
        storm.seed
    );
    vanished(storm, role, turns);
}

/// P1: a Secret that vanishes has a reason each time. What was written for an owner that was dead
/// already, since the watch was away, is the garbage collector's, and that ends soon.
fn vanished(storm: &Storm, role: &Role, turns: &[Turn]) {
    let (mut orphaned, mut gone) = (0, 0);
    for pair in turns.windows(2) {
        let [Turn::Held(held), Turn::Gone] = pair else {
            continue;
        };
        let owner = held
            .owner()
            .is_some_and(|uid| storm.ledger.dead.contains(uid));
        *(if owner { &mut orphaned } else { &mut gone }) += 1;
    }
    let (seed, name) = (storm.seed, role.secret());
    let deaths = storm.ledger.dressed.get(&name).copied().unwrap_or(0);
    assert!(
        orphaned <= deaths * (1 + FOR_THE_DEAD),
        "seed {seed}: {name} was written for a dead owner: {orphaned} times, {deaths} deaths"
    );
    let by_hand = storm.ledger.deleted.get(&name).copied().unwrap_or(0);
    let by_policy = match role.kind {
        Kind::Delete => storm.sim.depot.removals(&role.key),
        _ => 0,
    };
    assert!(
        gone <= by_hand + by_policy,
        "seed {seed}: {name} was deleted {gone} times, for {by_hand} + {by_policy} reasons"
    );
}

/// P1: each Secret that a controller deleted had its evidence: two absences half a minute apart,
/// or one beside a good read of the same store within the minute before.
fn removals(storm: &Storm, requests: &[RequestRecord]) {
    let calls = storm.sim.depot.calls();
    let mut by_key: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in &calls {
        by_key.entry(&call.key).or_default().push(call);
    }
    let deletes = requests.iter().filter(|request| {
        request.user_agent.starts_with("tidegate")
            && request.resource == "secrets"
            && request.verb == Verb::Delete
            && !request.name.is_empty()
    });
    for delete in deletes {
        let (seed, name) = (storm.seed, &delete.name);
        let same = |role: &&Role| role.name == *name && role.namespace == delete.namespace;
        let role = storm.cast.0.iter().find(same).unwrap();
        assert_eq!(
            role.kind,
            Kind::Delete,
            "seed {seed}: {name} was to be deleted"
        );
        let at = moment(storm, delete.at);
        let mine = by_key[&*role.key].iter();
        let mine: Vec<&&Call> = mine.filter(|call| call.at <= at).collect();
        let known = mine
            .iter()
            .rev()
            .find(|c| !matches!(c.told, Told::Failed(_)));
        let newest = known.unwrap();
        assert_eq!(
            newest.told,
            Told::Absent,
            "seed {seed}: {name} at {}",
            delete.at
        );
        let twice = mine.iter().any(|call| {
            call.told == Told::Absent && newest.at - call.at >= Duration::from_secs(30)
        });
        let beside = calls.iter().any(|call| {
            matches!(call.told, Told::Value(_))
                && call.store == newest.store
                && call.key != role.key
                && at >= call.at
                && newest.at.saturating_duration_since(call.at) <= Duration::from_secs(60)
        });
        assert!(
            twice || beside,
            "seed {seed}: no evidence against {name} at {}",
            delete.at
        );
    }
}

/// The instant of a time of day.
fn moment(storm: &Storm, at: Timestamp) -> Instant {
    let ago = storm.sim.now().duration_since(at);
    Instant::now() - Duration::try_from(ago).unwrap()
}
