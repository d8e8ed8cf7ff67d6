//! Pure. Tables of plans: refresh policies, intervals, windows, validity of the Secret.

mod specs;

use std::time::Duration;

use serde_json::json;
use tidegate_api::{GoDuration, StoreKind, names};

use super::*;
use crate::testing::*;
use crate::{Config, Heartbeat, TargetView, Trigger};

const RECENT: &str = "2026-11-23T11:30:00Z";
const HOURS_AGO: &str = "2026-11-23T01:00:00Z";
const DATA: [(&str, &str); 1] = [("password", "s3cret")];

/// One word for each plan.
fn word(plan: &Plan) -> String {
    match plan {
        Plan::Foreign(_) => "foreign".into(),
        Plan::Idle(reason) => format!("{reason:?}"),
        Plan::Refuse(error) => format!("refuse: {error}"),
        Plan::Read(read) => format!("{:?}", read.why),
        Plan::Cleanup(_) => "cleanup".into(),
    }
}

fn check(case: &str, observed: &Observed, expected: &str) {
    assert_eq!(word(&plan(observed, &env())), expected, "{case}");
}

fn periodic() -> Observed {
    simple(json!({})).synced(RECENT, &DATA)
}

fn policy(policy: &str) -> Observed {
    observed(json!({
        "refreshPolicy": policy,
        "data": [{ "secretKey": "password", "remoteRef": { "key": "db" } }],
    }))
}

fn edited(observed: &mut Observed) {
    observed.edit(|object| {
        (object.metadata.annotations.get_or_insert_default())
            .insert(names::FORCE_SYNC_ANNOTATION.into(), "now".into());
    });
    observed.memory.trigger = Trigger::Spec;
}

/// The status tells a failure.
fn failing(object: &mut tidegate_api::ExternalSecret) {
    let condition = condition("False", names::SECRET_SYNCED_ERROR, "cause");
    object.status.as_mut().unwrap().conditions = vec![condition];
}

#[test]
fn refresh_policies() {
    let gone = |o: &mut Observed| o.target = TargetView::Absent;
    let old = |o: &mut Observed| o.memory.refreshed_at = Some(at(HOURS_AGO));
    for (case, observed, expected) in [
        ("never synced", simple(json!({})), "NeverSynced"),
        ("in sync", periodic(), "UpToDate"),
        ("edited", periodic().with(edited), "Edited"),
        (
            "interval over",
            simple(json!({})).synced(HOURS_AGO, &DATA).with(old),
            "Due",
        ),
        (
            "clock went back",
            simple(json!({})).synced("2026-11-23T13:00:00Z", &DATA),
            "Due",
        ),
        (
            "a polled value changed",
            periodic().with(|o| o.memory.trigger = Trigger::GroupChanged),
            "Changed",
        ),
        (
            "a store changed",
            periodic().with(|o| o.memory.trigger = Trigger::StoreChanged),
            "UpToDate",
        ),
        (
            "failed",
            periodic().with(|o| o.memory.failures = 1),
            "Failed",
        ),
        (
            "failed as an earlier life tells, which came late, whatever the look is for",
            periodic().with(|o| {
                o.memory.synced = Some(revision(&o.object).into());
                o.memory.trigger = Trigger::Drift;
                o.edit(failing);
            }),
            "Failed",
        ),
        ("Secret gone", periodic().with(gone), "TargetInvalid"),
    ] {
        check(case, &observed, expected);
    }
}

#[test]
fn policies_without_a_clock() {
    let gone = |o: &mut Observed| o.target = TargetView::Absent;
    let old = |o: &mut Observed| o.memory.refreshed_at = Some(at(HOURS_AGO));
    for (case, observed, expected) in [
        ("created once", policy("CreatedOnce"), "NeverSynced"),
        (
            "created once, edited",
            policy("CreatedOnce").synced(RECENT, &DATA).with(edited),
            "UpToDate",
        ),
        (
            "created once, old",
            policy("CreatedOnce").synced(HOURS_AGO, &DATA).with(old),
            "UpToDate",
        ),
        (
            "created once, a value changed",
            policy("CreatedOnce")
                .synced(RECENT, &DATA)
                .with(|o| o.memory.trigger = Trigger::GroupChanged),
            "UpToDate",
        ),
        (
            "created once, Secret gone",
            policy("CreatedOnce").synced(RECENT, &DATA).with(gone),
            "TargetInvalid",
        ),
        (
            "on change, old",
            policy("OnChange").synced(HOURS_AGO, &DATA).with(old),
            "UpToDate",
        ),
        (
            "on change, edited",
            policy("OnChange").synced(RECENT, &DATA).with(edited),
            "Edited",
        ),
        (
            "on change, failed",
            policy("OnChange")
                .synced(RECENT, &DATA)
                .with(|o| o.memory.failures = 1),
            "UpToDate",
        ),
    ] {
        check(case, &observed, expected);
    }
}

#[test]
fn only_what_was_asked_for_must_be_fresh() {
    let fresh = |observed: &Observed| match plan(observed, &env()) {
        Plan::Read(plan) => plan.reads.iter().all(|read| read.fresh),
        other => panic!("{other:?}"),
    };
    assert!(fresh(&periodic().with(edited)), "force-sync");
    assert!(
        fresh(&simple(json!({})).with(|o| o.memory.trigger = Trigger::Spec)),
        "created now"
    );
    assert!(!fresh(&simple(json!({}))), "there at the start");
    assert!(
        !fresh(&periodic().with(|o| o.memory.trigger = Trigger::GroupChanged)),
        "polled"
    );
}

#[test]
fn a_refresh_interval_of_zero_still_follows_edits() {
    let off = |trigger: Trigger, ours: bool| {
        simple(json!({}))
            .with(|o| o.edit(|es| es.spec.refresh_interval = GoDuration::default()))
            .synced(HOURS_AGO, &DATA)
            .with(edited)
            .with(|o| {
                o.memory.trigger = trigger;
                o.memory.status_is_ours = ours;
            })
    };
    check(
        "edited before our eyes",
        &off(Trigger::Spec, false),
        "Edited",
    );
    check(
        "edited while we were down",
        &off(Trigger::First, true),
        "Edited",
    );
    check(
        "left behind by ESO (P8)",
        &off(Trigger::First, false),
        "UpToDate",
    );
    let quiet =
        simple(json!({})).with(|o| o.edit(|es| es.spec.refresh_interval = GoDuration::default()));
    check(
        "nothing happened",
        &quiet.synced(HOURS_AGO, &DATA),
        "UpToDate",
    );
}

#[test]
fn a_restart_reads_nothing_that_polling_looks_after() {
    let stale = |heartbeat| {
        simple(json!({})).synced(HOURS_AGO, &DATA).with(|o| {
            o.config = Config {
                status_heartbeat: heartbeat,
                ..Config::default()
            }
            .into();
        })
    };
    // 11 hours old, interval 1 h.
    check("each", &stale(Heartbeat::Each), "Due");
    check(
        "within 12 h",
        &stale(Heartbeat::Every(Duration::from_secs(12 * 3600))),
        "UpToDate",
    );
    check(
        "beyond 6 h",
        &stale(Heartbeat::Every(Duration::from_secs(6 * 3600))),
        "Due",
    );
    check("off", &stale(Heartbeat::Off), "UpToDate");
    let unreadable = stale(Heartbeat::Off).with(|o| {
        o.stores.insert(
            store_key(StoreKind::SecretStore, "vault"),
            StoreView::Missing,
        );
    });
    check(
        "a store that vanished is told of when the refresh is due",
        &unreadable,
        "refuse: could not get secret data from provider: error processing spec.data[0] (key: db), \
         err: SecretStore \"vault\" does not exist",
    );
}

#[test]
fn the_floor_bounds_how_often_an_object_is_refreshed() {
    let fast = |floor: u64| {
        simple(json!({}))
            .with(|o| o.edit(|es| es.spec.refresh_interval = GoDuration(Duration::from_secs(1))))
            .synced(RECENT, &DATA)
            .with(|o| {
                o.memory.refreshed_at = Some(at("2026-11-23T11:59:50Z"));
                o.config = Config {
                    refresh_floor: Duration::from_secs(floor),
                    ..Config::default()
                }
                .into();
            })
    };
    check("without", &fast(1), "Due");
    check("with", &fast(60), "UpToDate");
}

#[test]
fn sync_windows_gate_the_interval_alone() {
    let windows = |kind: &str| {
        observed(json!({
            "syncWindows": {
                "kind": kind, "windows": [{ "schedule": "0 11 * * *", "duration": "2h" }],
            },
            "data": [{ "secretKey": "password", "remoteRef": { "key": "db" } }],
        }))
    };
    check("open", &windows("allow").synced(HOURS_AGO, &DATA), "Due");
    check(
        "closed",
        &windows("deny").synced(HOURS_AGO, &DATA),
        "WindowClosed",
    );
    check(
        "closed, not due",
        &windows("deny").synced(RECENT, &DATA),
        "UpToDate",
    );
    check(
        "closed, edited",
        &windows("deny").synced(RECENT, &DATA).with(edited),
        "Edited",
    );
    check("closed, never synced", &windows("deny"), "NeverSynced");
}

#[test]
fn a_secret_that_is_not_what_was_written_is_mended() {
    let change = |change: &dyn Fn(&mut crate::TargetDigest)| {
        periodic().with(|o| {
            let mut digest = o.target.digest().unwrap().clone();
            change(&mut digest);
            o.target = TargetView::Present(digest.into());
        })
    };
    let other = crate::DataHash::of([("password", b"edited".as_slice())]);
    check(
        "edited, annotation kept",
        &change(&|d| d.hash = other),
        "TargetInvalid",
    );
    check(
        "annotation gone",
        &change(&|d| d.annotated = crate::Annotated::Absent),
        "TargetInvalid",
    );
    check(
        "label gone",
        &change(&|d| d.managed = false),
        "TargetInvalid",
    );
    check(
        "owner gone",
        &change(&|d| d.owners = [].into()),
        "TargetInvalid",
    );
    check(
        "created-by gone",
        &change(&|d| d.created_by = crate::Annotated::Absent),
        "TargetInvalid",
    );
    let relabelled = change(&|d| d.labels = [].into());
    check("a copied label gone", &relabelled, "UpToDate");
    check(
        "a copied label gone, by the slow timer",
        &relabelled.with(|o| o.memory.trigger = Trigger::Timer),
        "TargetInvalid",
    );
}

#[test]
fn what_is_never_written_is_never_wrong() {
    let with = |creation: &str| simple(json!({ "creationPolicy": creation }));
    let gone = |o: &mut Observed| o.target = TargetView::Absent;
    check(
        "Orphan",
        &with("Orphan").synced(RECENT, &DATA).with(gone),
        "UpToDate",
    );
    check(
        "None",
        &with("None").synced(RECENT, &DATA).with(gone),
        "UpToDate",
    );
    check(
        "CreateOrMerge",
        &with("CreateOrMerge").synced(RECENT, &DATA).with(gone),
        "TargetInvalid",
    );
    check(
        "Merge",
        &with("Merge").synced(RECENT, &DATA).with(gone),
        "TargetInvalid",
    );
    let said = with("Merge").synced(RECENT, &DATA).with(gone).with(|o| {
        o.edit(|es| {
            es.status.as_mut().unwrap().conditions =
                vec![condition("True", names::SECRET_MISSING, names::MSG_MISSING)];
        });
    });
    check("Merge that has said so", &said, "UpToDate");
    check(
        "and looks by the timer",
        &said.with(|o| o.memory.trigger = Trigger::Timer),
        "TargetInvalid",
    );
    for (reason, message) in [
        (names::SECRET_DELETED, names::MSG_DELETED),
        (names::SECRET_SYNCED, names::MSG_RETAINED),
    ] {
        let empty = periodic().with(gone).with(|o| {
            o.edit(|es| {
                es.status.as_mut().unwrap().conditions = vec![condition("True", reason, message)];
            });
        });
        check(message, &empty, "UpToDate");
    }
}
