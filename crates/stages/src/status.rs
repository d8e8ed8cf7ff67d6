//! Pure. Outcome to status, condition and events.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tidegate_api::{Binding, Condition, ExternalSecretStatus, names};

use crate::outcome::{IdleReason, Outcome, Ready, SyncError, Synced, Written};
use crate::plan::{elapsed, revision};
use crate::{Env, Heartbeat, Observed};

/// What to tell about a pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The whole new status.
    pub status: ExternalSecretStatus,
    /// Whether and when it is written.
    pub urgency: Urgency,
    /// Events, in order.
    pub events: Vec<EventSpec>,
}

/// When a status is written: earlier variants go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    /// The first good result, or the first after a failure.
    First,
    /// A failure that the status does not show yet.
    Failure,
    /// Follows a changed value; may wait behind all Secret writes.
    Deferred,
    /// Only the refresh time moved.
    Heartbeat,
    /// Nothing is written.
    None,
}

/// Type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// All is well.
    Normal,
    /// Something is not.
    Warning,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSpec {
    /// Its type.
    pub kind: EventKind,
    /// One word, from [`names`].
    pub reason: &'static str,
    /// One sentence without values, at most 1024 bytes.
    pub message: String,
}

/// Says what a pass changes in the status, and which events it is worth.
#[must_use]
pub fn status(observed: &Observed, outcome: &Outcome, env: &Env) -> Report {
    match outcome {
        Outcome::Synced(synced) => good(observed, synced, env),
        Outcome::Failed(error) => bad(observed, error, env),
        Outcome::Idle(reason) => idle(observed, *reason, env),
        Outcome::Foreign(_) | Outcome::Again(_) | Outcome::Cleaned => quiet(observed),
    }
}

impl Report {
    /// The merge patch of the status subresource. Nothing of a value is in it.
    #[must_use]
    pub fn patch(&self) -> serde_json::Value {
        serde_json::json!({ "status": self.status })
    }
}

fn quiet(observed: &Observed) -> Report {
    Report {
        status: observed.status().cloned().unwrap_or_default(),
        urgency: Urgency::None,
        events: Vec::new(),
    }
}

fn good(observed: &Observed, synced: &Synced, env: &Env) -> Report {
    let mut report = quiet(observed);
    let before = report.status.clone();
    let (reason, message) = match synced.ready {
        Ready::Synced => (names::SECRET_SYNCED, names::MSG_SYNCED),
        Ready::Retained => (names::SECRET_SYNCED, names::MSG_RETAINED),
        Ready::Deleted => (names::SECRET_DELETED, names::MSG_DELETED),
        Ready::Missing => (names::SECRET_MISSING, names::MSG_MISSING),
    };
    let was_ready = ready(&before).is_some_and(|condition| condition.status == "True");
    set_ready(&mut report.status, "True", reason, message, env.now);
    report.status.synced_resource_version = Some(revision(&observed.object));
    let wrote = synced.written != Written::Nothing || !synced.orphans_deleted.is_empty();
    if matches!(synced.written, Written::Created | Written::Updated) {
        report.status.binding = Some(Binding {
            name: observed.target_name().to_owned(),
        });
    }
    let changed = report.status != before || wrote;
    report.urgency = if !was_ready {
        Urgency::First
    } else if changed {
        Urgency::Deferred
    } else if heartbeat_due(observed, &before, env.now) {
        Urgency::Heartbeat
    } else {
        Urgency::None
    };
    if report.urgency == Urgency::None {
        return report;
    }
    report.status.refresh_time = Some(seconds(env.now));
    if changed {
        report.events = events(synced);
    }
    report
}

fn bad(observed: &Observed, error: &SyncError, env: &Env) -> Report {
    let mut report = quiet(observed);
    if same_outage(observed, error) {
        return report;
    }
    let message = error.message();
    let reason = names::SECRET_SYNCED_ERROR;
    if set_ready(&mut report.status, "False", reason, &message, env.now) {
        report.urgency = Urgency::Failure;
        report.events.push(event(
            EventKind::Warning,
            names::EVENT_UPDATE_FAILED,
            error.to_string(),
        ));
    }
    report
}

/// An outage shows many faces (refused, broken off, sealed while it starts); the condition tells
/// the first of them, so that it costs each object one write. Logs and metrics tell them all.
fn same_outage(observed: &Observed, error: &SyncError) -> bool {
    let outage = tidegate_contract::ErrorKind::Unavailable.label();
    error.label == outage && observed.memory.failure == Some(outage)
}

/// Polling found the values unchanged since: the heartbeat tells so. And where a policy without a
/// clock finds nothing to do, the Secret is what was written: a failure that the status still tells
/// is over, and no read will come that says so.
fn idle(observed: &Observed, reason: IdleReason, env: &Env) -> Report {
    let mut report = quiet(observed);
    let failed = ready(&report.status).is_some_and(|condition| condition.status == "False");
    if failed && reason == IdleReason::UpToDate {
        let (reason, message) = (names::SECRET_SYNCED, names::MSG_SYNCED);
        set_ready(&mut report.status, "True", reason, message, env.now);
        report.urgency = Urgency::First;
        return report;
    }
    let healthy = ready(&report.status).is_some_and(|condition| condition.status == "True");
    let Some(refreshed_at) = observed.memory.refreshed_at.filter(|_| healthy) else {
        return report;
    };
    let newer = (report.status.refresh_time.as_ref()).is_none_or(|told| told.0 < refreshed_at);
    if newer && heartbeat_due(observed, &report.status, env.now) {
        report.status.refresh_time = Some(seconds(refreshed_at));
        report.urgency = Urgency::Heartbeat;
    }
    report
}

fn ready(status: &ExternalSecretStatus) -> Option<&Condition> {
    (status.conditions.iter()).find(|condition| condition.type_ == names::READY)
}

/// Sets the Ready condition and moves it to the end; false when it says so already.
fn set_ready(
    status: &mut ExternalSecretStatus,
    value: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> bool {
    let old = ready(status);
    if old.is_some_and(|old| {
        old.status == value
            && old.reason.as_deref() == Some(reason)
            && old.message.as_deref() == Some(message)
    }) {
        return false;
    }
    let kept = old
        .filter(|old| old.status == value)
        .and_then(|old| old.last_transition_time.clone());
    status
        .conditions
        .retain(|condition| condition.type_ != names::READY);
    status.conditions.push(Condition {
        type_: names::READY.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(kept.unwrap_or_else(|| seconds(now))),
    });
    true
}

fn heartbeat_due(observed: &Observed, before: &ExternalSecretStatus, now: Timestamp) -> bool {
    let Some(told) = before.refresh_time.as_ref() else {
        return true;
    };
    match observed.config.status_heartbeat {
        Heartbeat::Each => true,
        Heartbeat::Off => false,
        Heartbeat::Every(every) => elapsed(told.0, now) >= every || told.0 > now,
    }
}

/// When the next heartbeat is due, counted from now.
pub(crate) fn next_heartbeat(observed: &Observed, now: Timestamp) -> Option<Duration> {
    let Heartbeat::Every(every) = observed.config.status_heartbeat else {
        return None;
    };
    let status = observed.status();
    let told = status.and_then(|status| status.refresh_time.as_ref());
    Some(told.map_or(every, |told| every.saturating_sub(elapsed(told.0, now))))
}

fn events(synced: &Synced) -> Vec<EventSpec> {
    let normal = |reason, message: String| event(EventKind::Normal, reason, message);
    let mut events: Vec<EventSpec> = (synced.missing.iter())
        .map(|entry| {
            normal(
                names::EVENT_MISSING_PROVIDER_SECRET,
                format!("secret does not exist at provider using {}", entry.position),
            )
        })
        .collect();
    match synced.written {
        Written::Nothing => {}
        Written::Created => events.push(normal(names::EVENT_CREATED, "secret created".into())),
        Written::Updated => events.push(normal(names::EVENT_UPDATED, "secret updated".into())),
        Written::Deleted => events.push(normal(names::EVENT_DELETED, names::MSG_DELETED.into())),
    }
    events.extend((synced.orphans_deleted.iter()).map(|_| {
        normal(
            names::EVENT_DELETED,
            "secret deleted because it was orphaned".into(),
        )
    }));
    events
}

fn event(kind: EventKind, reason: &'static str, mut message: String) -> EventSpec {
    if message.len() > 1024 {
        message.truncate(message.floor_char_boundary(1021));
        message.push('…');
    }
    EventSpec {
        kind,
        reason,
        message,
    }
}

/// Kubernetes times have whole seconds.
fn seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}
