//! Shell. What a look found, told: status, events, log line, metrics.

use std::sync::Arc;

use tidegate_api::names;
use tidegate_queue::Lane;
use tidegate_stages::{
    Again, ApplyFailure, EventKind, EventSpec, Observed, Outcome, Report, SyncError, Urgency,
    Written,
};

use super::context::Context;
use super::subject_of;
use crate::patch::permits::Class;
use crate::report::gate::{About, Event};

/// Hands a report to those who write, and counts.
pub fn report(ctx: &Context, observed: &Observed, report: Report, outcome: &Outcome, lane: Lane) {
    let key = &observed.key;
    count(ctx, observed, outcome);
    match class(report.urgency, lane) {
        Some(Class::Status) if is_outage(outcome) => {
            ctx.reporter.outage(subject_of(key), &report.status);
        }
        Some(class) => ctx.reporter.status(subject_of(key), &report.status, class),
        None => {}
    }
    let about = About {
        kind: "ExternalSecret",
        namespace: Arc::clone(&key.namespace),
        name: Arc::clone(&key.name),
        uid: observed.uid().into(),
    };
    events(ctx, &about, report.events);
}

/// Whether a backend was away: one cause, and as many failures as it has users.
fn is_outage(outcome: &Outcome) -> bool {
    let outage = tidegate_contract::ErrorKind::Unavailable.label();
    matches!(outcome, Outcome::Failed(error) if error.label == outage)
}

/// Hands events about one object to those who write.
pub fn events(ctx: &Context, about: &About, events: Vec<EventSpec>) {
    for event in events {
        ctx.reporter.event(Event {
            about: about.clone(),
            warning: event.kind == EventKind::Warning,
            reason: event.reason,
            message: event.message,
        });
    }
}

/// A new or edited object's first result is part of what its user waits for.
fn class(urgency: Urgency, lane: Lane) -> Option<Class> {
    match urgency {
        Urgency::First | Urgency::Failure if lane == Lane::Fresh => Some(Class::FreshStatus),
        Urgency::First | Urgency::Failure => Some(Class::Status),
        Urgency::Deferred => Some(Class::DeferredStatus),
        Urgency::Heartbeat => Some(Class::Heartbeat),
        Urgency::None => None,
    }
}

fn count(ctx: &Context, observed: &Observed, outcome: &Outcome) {
    let key = &observed.key;
    let (namespace, name) = (&*key.namespace, &*key.name);
    match outcome {
        Outcome::Failed(error) => {
            ctx.metrics.failed(key, error.label);
            ctx.metrics.ready(key, false);
            let failures = observed.memory.failures;
            tracing::warn!(namespace, name, %error, cause = error.label, failures, "not synced");
        }
        Outcome::Synced(synced) => {
            ctx.metrics.ready(key, true);
            if synced.written != Written::Nothing {
                tracing::info!(namespace, name, target = observed.target_name(),
                    written = ?synced.written, "Secret written");
            }
        }
        Outcome::Again(Again::Conflict) => {
            tracing::debug!(namespace, name, "the target changed meanwhile");
        }
        Outcome::Again(Again::AbsenceUnconfirmed) => {
            tracing::info!(
                namespace,
                name,
                "a value vanished; a second look will confirm it"
            );
        }
        Outcome::Idle(_) | Outcome::Foreign(_) | Outcome::Cleaned => {}
    }
}

/// What a failed clean-up of a deleted object means.
pub fn cleanup_failed(failure: ApplyFailure) -> Outcome {
    match failure {
        ApplyFailure::Conflict => Outcome::Again(Again::Conflict),
        ApplyFailure::Refused(error) => Outcome::Failed(error),
        ApplyFailure::Orphan { public, kind } | ApplyFailure::Write { public, kind } => {
            Outcome::Failed(SyncError::failure(names::MSG_DELETE, public, kind))
        }
    }
}
