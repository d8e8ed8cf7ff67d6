//! Pure. Tables of timers and subscriptions.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use tidegate_api::{GoDuration, StoreKind, names};

use super::*;
use crate::outcome::{SyncError, Synced, Written};
use crate::testing::*;
use crate::{Annotated, Config, StoreView, TargetView};

const THEN: &str = "2026-11-23T11:30:00Z";
const SYNCED: Outcome = Outcome::Synced(Synced {
    ready: Ready::Synced,
    written: Written::Nothing,
    missing: Vec::new(),
    orphans_deleted: Vec::new(),
});
const IDLE: Outcome = Outcome::Idle(IdleReason::UpToDate);

fn failed(retry: Retry) -> Outcome {
    Outcome::Failed(SyncError {
        retry,
        ..SyncError::defect(names::MSG_UPDATE, "cause")
    })
}

fn check(
    case: &str,
    observed: &Observed,
    outcome: &Outcome,
    timer: Option<(Lane, u64)>,
    polls: bool,
) {
    let next = schedule(observed, outcome, &env());
    let got = next
        .requeue
        .map(|requeue| (requeue.lane, requeue.after.as_secs()));
    assert_eq!((got, next.poll.is_some()), (timer, polls), "{case}");
}

fn policy(policy: &str) -> Observed {
    observed(json!({
        "refreshPolicy": policy,
        "data": [{ "secretKey": "password", "remoteRef": { "key": "db", "property": "password" } }],
    }))
    .synced(THEN, &[])
}

#[test]
fn healthy_objects_are_polled_and_not_woken() {
    let periodic = policy("Periodic");
    let hour = 3600;
    check(
        "synced",
        &periodic,
        &SYNCED,
        Some((Lane::Refresh, 6 * hour)),
        true,
    );
    check(
        "idle",
        &periodic,
        &IDLE,
        Some((Lane::Refresh, 5 * hour + 1800)),
        true,
    );
    check("created once", &policy("CreatedOnce"), &SYNCED, None, false);
    check("on change", &policy("OnChange"), &SYNCED, None, false);
    let off = periodic
        .clone()
        .with(|o| o.edit(|es| es.spec.refresh_interval = GoDuration::default()));
    check("interval 0", &off, &SYNCED, None, false);
    check(
        "deleting",
        &periodic,
        &Outcome::Idle(IdleReason::Deleting),
        None,
        false,
    );
    check("cleaned", &periodic, &Outcome::Cleaned, None, false);
    let unreadable = periodic.with(|o| {
        o.stores.insert(
            store_key(StoreKind::SecretStore, "vault"),
            StoreView::Missing,
        );
    });
    check(
        "store gone",
        &unreadable,
        &IDLE,
        Some((Lane::Refresh, 1801)),
        false,
    );
}

#[test]
fn who_has_no_group_looks_by_the_clock() {
    let windows = observed(json!({
        "syncWindows": {
            "kind": "deny", "windows": [{ "schedule": "0 11 * * *", "duration": "2h" }],
        },
        "data": [{ "secretKey": "password", "remoteRef": { "key": "db" } }],
    }))
    .synced(THEN, &[]);
    check(
        "synced",
        &windows,
        &SYNCED,
        Some((Lane::Refresh, 3601)),
        false,
    );
    check(
        "not due",
        &windows,
        &IDLE,
        Some((Lane::Refresh, 1801)),
        false,
    );
    let closed = Outcome::Idle(IdleReason::WindowClosed);
    check(
        "closed",
        &windows,
        &closed,
        Some((Lane::Refresh, 61)),
        false,
    );
    let missing = simple(json!({ "creationPolicy": "Merge" })).synced(THEN, &[]);
    let outcome = Outcome::Synced(Synced {
        ready: Ready::Missing,
        written: Written::Nothing,
        missing: Vec::new(),
        orphans_deleted: Vec::new(),
    });
    check(
        "nothing to merge into",
        &missing,
        &outcome,
        Some((Lane::Refresh, 3601)),
        true,
    );
    let said = missing.with(|o| {
        o.edit(|es| {
            es.status.as_mut().unwrap().conditions =
                vec![condition("True", names::SECRET_MISSING, names::MSG_MISSING)];
        });
    });
    check(
        "still nothing",
        &said,
        &IDLE,
        Some((Lane::Refresh, 3601)),
        true,
    );
}

#[test]
fn a_damaged_orphan_is_mended_at_the_next_refresh_though_no_value_changed() {
    let whole = simple(json!({ "creationPolicy": "Orphan" })).synced(THEN, &[("password", "v")]);
    // The slow look at metadata, six hours after the last read.
    let left = Some((Lane::Refresh, 6 * 3600 - 1800));
    check("whole", &whole, &IDLE, left, true);
    let refresh = Some((Lane::Refresh, 1801));
    let gone = whole.clone().with(|o| o.target = TargetView::Absent);
    check("deleted", &gone, &IDLE, refresh, false);
    let again = Some((Lane::Refresh, 6 * 3600));
    check("made again", &gone, &SYNCED, again, true);
    let edited = whole.with(|o| {
        if let TargetView::Present(digest) = &mut o.target {
            Arc::make_mut(digest).annotated = Annotated::Other;
        }
    });
    check("edited", &edited, &IDLE, refresh, false);
    let rightly = gone.with(|o| {
        o.edit(|es| {
            es.status.as_mut().unwrap().conditions =
                vec![condition("True", names::SECRET_SYNCED, names::MSG_RETAINED)];
        });
    });
    check("nothing was found", &rightly, &IDLE, left, true);
}

#[test]
fn failures_back_off_by_kind() {
    let after = |retry, failures| {
        let observed = policy("Periodic").with(|o| o.memory.failures = failures);
        schedule(&observed, &failed(retry), &env()).requeue.unwrap()
    };
    // The jitter of these tests is the largest: four fifths.
    let millis = |retry, failures| after(retry, failures).after.as_millis();
    assert_eq!(millis(Retry::Backoff, 0), 1000);
    assert_eq!(millis(Retry::Backoff, 3), 6400);
    assert_eq!(millis(Retry::Backoff, 20), 336_000);
    assert_eq!(millis(Retry::After(Duration::from_secs(90)), 0), 90_000);
    assert_eq!(millis(Retry::After(Duration::from_secs(2)), 6), 51_200);
    assert_eq!(millis(Retry::OnChange, 9), 480_000);
    assert_eq!(after(Retry::Backoff, 0).lane, Lane::Retry);
    let again = |again| schedule(&policy("OnChange"), &Outcome::Again(again), &env()).requeue;
    assert_eq!(
        again(Again::AbsenceUnconfirmed),
        Some(Requeue {
            lane: Lane::Retry,
            after: Duration::from_secs(30)
        })
    );
    assert_eq!(
        again(Again::Conflict),
        Some(Requeue {
            lane: Lane::Changed,
            after: Duration::from_secs(1)
        })
    );
}

proptest! {
    #[test]
    fn pauses_stay_within_what_the_condition_promises(rng: u64, failures: u32) {
        let env = Env { rng, ..env() };
        let backoff = pause(Retry::Backoff, failures, &env);
        prop_assert!(backoff >= Duration::from_secs(1) && backoff <= Duration::from_secs(420));
        prop_assert!(pause(Retry::OnChange, failures, &env) <= Duration::from_secs(600));
        let asked = Duration::from_secs(30);
        prop_assert!(pause(Retry::After(asked), failures, &env) >= asked);
    }
}

#[test]
fn a_group_is_joined_once_for_each_key() {
    let observed = observed(json!({
        "refreshInterval": "30s",
        "data": [
            { "secretKey": "a", "remoteRef": { "key": "k", "property": "a" } },
            { "secretKey": "b", "remoteRef": { "key": "k", "property": "b" } },
            { "secretKey": "c", "remoteRef": { "key": "k", "version": "1" } },
        ],
    }))
    .synced(THEN, &[])
    .with(|o| {
        o.config = Config {
            refresh_floor: Duration::from_secs(60),
            status_heartbeat: Heartbeat::Each,
            ..Config::default()
        }
        .into();
    });
    let poll = schedule(&observed, &IDLE, &env()).poll.unwrap();
    let keys: Vec<String> = poll.keys.iter().map(|(_, key)| key.to_string()).collect();
    assert_eq!(keys, ["k", "k@1"]);
    assert_eq!(poll.interval, Duration::from_secs(60), "the floor");
    assert_eq!(poll.last_read, Some(at(THEN)));
    assert!(poll.tell_each);
    let poll = schedule(&observed, &SYNCED, &env()).poll.unwrap();
    assert_eq!(poll.last_read, Some(env().now));
}

#[test]
fn a_pass_is_remembered() {
    let observed = policy("Periodic").with(|o| o.memory.failures = 2);
    let after = Memory::after(&observed, &SYNCED, &env());
    assert_eq!((after.failures, after.refreshed_at), (0, Some(env().now)));
    assert_eq!(after.synced.as_deref(), Some(&*revision(&observed.object)));
    assert_eq!(
        Memory::after(&observed, &failed(Retry::Backoff), &env()).failures,
        3
    );
    assert_eq!(
        Memory::after(&observed, &Outcome::Again(Again::Conflict), &env()).failures,
        3
    );
    // Nothing is due, so nothing is wrong any more: somebody else mended it.
    let well = Memory {
        failures: 0,
        ..observed.memory.clone()
    };
    assert_eq!(Memory::after(&observed, &IDLE, &env()), well);
    let waits = Outcome::Idle(IdleReason::WindowClosed);
    assert_eq!(Memory::after(&observed, &waits, &env()), observed.memory);
}
