//! Pure. Tables of reports.

use std::time::Duration;

use serde_json::json;
use tidegate_api::names;

use super::*;
use crate::outcome::{Again, IdleReason, MissingEntry, SyncError};
use crate::testing::*;
use crate::{Config, Memory, Trigger};

const THEN: &str = "2026-11-23T11:30:00Z";

fn synced(ready: Ready, written: Written) -> Outcome {
    Outcome::Synced(Synced {
        ready,
        written,
        missing: Vec::new(),
        orphans_deleted: Vec::new(),
    })
}

fn failed(detail: &str) -> Outcome {
    Outcome::Failed(SyncError::defect(names::MSG_GET_DATA, detail))
}

fn reason(report: &Report) -> (&str, &str, &str) {
    let condition = report.status.conditions.last().unwrap();
    (
        condition.status.as_str(),
        condition.reason.as_deref().unwrap(),
        condition.message.as_deref().unwrap(),
    )
}

fn events(report: &Report) -> Vec<(&str, &str)> {
    report
        .events
        .iter()
        .map(|event| (event.reason, event.message.as_str()))
        .collect()
}

#[test]
fn good_outcomes_say_what_eso_says() {
    for (ready, written, expected, event) in [
        (
            Ready::Synced,
            Written::Created,
            ("True", "SecretSynced", "secret synced"),
            vec![("Created", "secret created")],
        ),
        (
            Ready::Synced,
            Written::Updated,
            ("True", "SecretSynced", "secret synced"),
            vec![("Updated", "secret updated")],
        ),
        (
            Ready::Retained,
            Written::Nothing,
            (
                "True",
                "SecretSynced",
                "secret retained due to DeletionPolicy=Retain",
            ),
            vec![],
        ),
        (
            Ready::Deleted,
            Written::Deleted,
            (
                "True",
                "SecretDeleted",
                "secret deleted due to DeletionPolicy=Delete",
            ),
            vec![("Deleted", "secret deleted due to DeletionPolicy=Delete")],
        ),
        (
            Ready::Missing,
            Written::Nothing,
            (
                "True",
                "SecretMissing",
                "secret will not be created due to CreationPolicy=Merge",
            ),
            vec![],
        ),
    ] {
        let report = status(&simple(json!({})), &synced(ready, written), &env());
        assert_eq!(reason(&report), expected);
        assert_eq!(events(&report), event);
        assert_eq!(report.urgency, Urgency::First);
        assert_eq!(report.status.refresh_time, Some(Time(env().now)));
        let bound = report
            .status
            .binding
            .as_ref()
            .map(|binding| binding.name.as_str());
        let writes = matches!(written, Written::Created | Written::Updated);
        assert_eq!(bound, writes.then_some("app"));
    }
}

#[test]
fn nothing_new_is_not_told() {
    let observed = simple(json!({})).synced(THEN, &[]);
    for outcome in [
        synced(Ready::Synced, Written::Nothing),
        Outcome::Again(Again::Conflict),
        Outcome::Idle(IdleReason::UpToDate),
        Outcome::Cleaned,
    ] {
        let report = status(&observed, &outcome, &env());
        assert_eq!(report.urgency, Urgency::None, "{outcome:?}");
        assert_eq!(
            Some(&report.status),
            observed.object.status.as_ref(),
            "{outcome:?}"
        );
        assert!(report.events.is_empty(), "{outcome:?}");
    }
}

#[test]
fn what_changed_waits_behind_the_secrets() {
    let observed = simple(json!({})).synced(THEN, &[]);
    let report = status(&observed, &synced(Ready::Synced, Written::Updated), &env());
    assert_eq!(report.urgency, Urgency::Deferred);
    assert_eq!(report.status.refresh_time, Some(Time(env().now)));
    let relabelled = observed.with(|o| o.edit(|es| es.metadata.labels = None));
    let report = status(
        &relabelled,
        &synced(Ready::Synced, Written::Nothing),
        &env(),
    );
    assert_eq!(
        report.urgency,
        Urgency::Deferred,
        "the synced version is another one"
    );
}

#[test]
fn a_failure_is_told_once_and_keeps_what_was_known() {
    let observed = simple(json!({})).synced(THEN, &[]);
    let report = status(&observed, &failed("cause"), &env());
    assert_eq!(
        reason(&report),
        (
            "False",
            "SecretSyncedError",
            "could not get secret data from provider: cause; retried when the ExternalSecret, \
             its store or its target changes, and every 10m"
        )
    );
    assert_eq!(
        events(&report),
        [(
            "UpdateFailed",
            "could not get secret data from provider: cause"
        )]
    );
    assert_eq!(report.events[0].kind, EventKind::Warning);
    assert_eq!(report.urgency, Urgency::Failure);
    let before = observed.object.status.clone().unwrap();
    assert_eq!(report.status.refresh_time, before.refresh_time);
    assert_eq!(
        report.status.synced_resource_version,
        before.synced_resource_version
    );

    let told = observed.with(|o| o.edit(|es| es.status = Some(report.status.clone())));
    let mut later = env();
    later.now += Duration::from_secs(300);
    let again = status(&told, &failed("cause"), &later);
    assert_eq!((again.urgency, again.events.len()), (Urgency::None, 0));
    assert_eq!(again.status, report.status);

    let other = status(&told, &failed("another"), &later);
    assert_eq!(other.urgency, Urgency::Failure);
    let at = |report: &Report| report.status.conditions[0].last_transition_time.clone();
    assert_eq!(at(&other), at(&report), "still False");

    let recovered = status(&told, &synced(Ready::Synced, Written::Nothing), &later);
    assert_eq!(recovered.urgency, Urgency::First);
    assert_eq!(at(&recovered), Some(Time(later.now)));
}

#[test]
fn what_was_told_counts_before_the_watch_shows_it() {
    let good = synced(Ready::Synced, Written::Nothing);
    let told = |mut observed: Observed, outcome: &Outcome| {
        let report = status(&observed, outcome, &env());
        observed.memory = Memory::after(&observed, outcome, &env());
        observed.memory.tell(&report);
        (observed, report)
    };
    let healthy = simple(json!({})).synced(THEN, &[]);
    let (failing, first) = told(healthy.clone(), &failed("cause"));
    // The same failure again is no news, although the watch still shows the old Ready=True.
    let (failing, again) = told(failing, &failed("cause"));
    assert_eq!(again.urgency, Urgency::None);
    // A quick recovery is: else the False that is on its way would stay.
    let (recovered, news) = told(failing.clone(), &good);
    assert_eq!((reason(&news).0, news.urgency), ("True", Urgency::First));
    // And so is the next failure of the old kind, although the watch now shows it.
    let shown = recovered.with(|o| o.edit(|es| es.status = Some(first.status.clone())));
    let (_, news) = told(shown, &failed("cause"));
    assert_eq!((reason(&news).0, news.urgency), ("False", Urgency::Failure));

    // What arrived is forgotten, and what somebody else wrote later counts.
    let mut memory = failing.memory.clone();
    memory.seen(healthy.object.status.as_ref(), true);
    assert_eq!(
        memory.told.as_deref(),
        Some(&first.status),
        "an older event"
    );
    memory.seen(Some(&first.status), true);
    assert_eq!(memory.told, None);
    let mut memory = failing.memory.clone();
    memory.seen(healthy.object.status.as_ref(), false);
    assert_eq!(memory.told, None);
}

#[test]
fn a_failure_that_nothing_is_left_of_is_taken_back_without_a_read() {
    let spec = json!({
        "refreshPolicy": "CreatedOnce",
        "data": [{ "secretKey": "password", "remoteRef": { "key": "db" } }],
    });
    let told = |reason: IdleReason, value: &str| {
        let observed = observed(spec.clone()).synced(THEN, &[]).with(|o| {
            o.memory.failures = 3;
            let condition = condition(value, names::SECRET_SYNCED_ERROR, "cause");
            o.edit(|es| es.status.as_mut().unwrap().conditions = vec![condition]);
        });
        let idle = Outcome::Idle(reason);
        let failures = Memory::after(&observed, &idle, &env()).failures;
        (status(&observed, &idle, &env()), failures)
    };
    let (report, failures) = told(IdleReason::UpToDate, "False");
    assert_eq!(reason(&report), ("True", "SecretSynced", "secret synced"));
    assert_eq!((report.urgency, failures), (Urgency::First, 0));
    assert_eq!(told(IdleReason::UpToDate, "True").0.urgency, Urgency::None);
    let (report, failures) = told(IdleReason::NamespaceTerminating, "False");
    assert_eq!((report.urgency, failures), (Urgency::None, 3));
}

#[test]
fn an_outage_is_told_once_whatever_its_faces() {
    let outage = |detail: &str| {
        let kind = tidegate_contract::ErrorKind::Unavailable;
        Outcome::Failed(SyncError::failure(names::MSG_GET_DATA, detail, kind))
    };
    let observed = simple(json!({})).synced(THEN, &[]);
    let broke = outage("the connection broke");
    assert_eq!(status(&observed, &broke, &env()).urgency, Urgency::Failure);
    // The status is still on its way when the next attempt fails.
    let mut again = observed.clone();
    again.memory = Memory::after(&observed, &broke, &env());
    let report = status(&again, &outage("no connection"), &env());
    assert_eq!((report.urgency, report.events.len()), (Urgency::None, 0));
    // Another kind of failure is news.
    assert_eq!(
        status(&again, &failed("cause"), &env()).urgency,
        Urgency::Failure
    );
}

#[test]
fn other_conditions_stay_and_ready_moves_to_the_end() {
    let observed = simple(json!({})).synced(THEN, &[]).with(|o| {
        o.edit(|es| {
            let mut other = condition("True", "Other", "other");
            other.type_ = "Deleted".to_owned();
            es.status.as_mut().unwrap().conditions.push(other);
        });
    });
    let report = status(&observed, &failed("cause"), &env());
    let types: Vec<&str> = report
        .status
        .conditions
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    assert_eq!(types, ["Deleted", "Ready"]);
}

#[test]
fn the_heartbeat() {
    let hours = |hours: u64| Heartbeat::Every(Duration::from_secs(hours * 3600));
    let check = |heartbeat, told: &str, outcome: &Outcome, expected: Urgency| {
        let observed = simple(json!({})).synced(told, &[]).with(|o| {
            o.config = Config {
                status_heartbeat: heartbeat,
                ..Config::default()
            }
            .into();
            o.memory.refreshed_at = Some(at("2026-11-23T11:59:00Z"));
            o.memory.trigger = Trigger::Timer;
        });
        let report = status(&observed, outcome, &env());
        assert_eq!(report.urgency, expected, "{heartbeat:?} {outcome:?}");
        assert!(report.events.is_empty());
        let moved =
            report.status.refresh_time != observed.object.status.as_ref().unwrap().refresh_time;
        assert_eq!(moved, expected == Urgency::Heartbeat);
    };
    let same = synced(Ready::Synced, Written::Nothing);
    let idle = Outcome::Idle(IdleReason::UpToDate);
    for outcome in [&same, &idle] {
        check(Heartbeat::Each, THEN, outcome, Urgency::Heartbeat);
        check(
            Heartbeat::Off,
            "2026-01-01T00:00:00Z",
            outcome,
            Urgency::None,
        );
        check(hours(6), THEN, outcome, Urgency::None);
        check(
            hours(6),
            "2026-11-23T06:00:00Z",
            outcome,
            Urgency::Heartbeat,
        );
        check(hours(6), "2026-11-23T06:00:01Z", outcome, Urgency::None);
    }
}

#[test]
fn entries_that_are_missing_are_told_with_what_they_changed() {
    let missing = Outcome::Synced(Synced {
        ready: Ready::Deleted,
        written: Written::Deleted,
        missing: vec![MissingEntry {
            position: "spec.data[0] (key=db)".into(),
            confirmed: true,
        }],
        orphans_deleted: vec!["old".into()],
    });
    let report = status(&simple(json!({})), &missing, &env());
    assert_eq!(
        events(&report),
        [
            (
                "MissingProviderSecret",
                "secret does not exist at provider using spec.data[0] (key=db)"
            ),
            ("Deleted", "secret deleted due to DeletionPolicy=Delete"),
            ("Deleted", "secret deleted because it was orphaned"),
        ]
    );
}

#[test]
fn long_events_are_cut_and_conditions_are_not() {
    let detail = "ü".repeat(2000);
    let report = status(&simple(json!({})), &failed(&detail), &env());
    assert!(report.events[0].message.len() <= 1024 && report.events[0].message.ends_with('…'));
    assert!(reason(&report).2.contains(&detail));
}

#[test]
fn the_patch_is_the_status() {
    let report = status(
        &simple(json!({})),
        &synced(Ready::Synced, Written::Created),
        &env(),
    );
    assert_eq!(
        report.patch(),
        json!({ "status": {
            "refreshTime": "2026-11-23T12:00:00Z",
            "syncedResourceVersion": crate::revision(&simple(json!({})).object),
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "SecretSynced",
                "message": "secret synced", "lastTransitionTime": "2026-11-23T12:00:00Z",
            }],
            "binding": { "name": "app" },
        }})
    );
}
