//! Pure. Status, events and next look of a store.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tidegate_api::{Condition, SecretStoreSpec, StoreStatus, names};

use super::StoreOutcome;
use crate::{Env, EventKind, EventSpec, Retry};

/// What to tell about a store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreReport {
    /// The whole new status.
    pub status: StoreStatus,
    /// Whether it differs from the old one, and so is written.
    pub write: bool,
    /// Events: only when the condition changed. ESO sends one at every validation.
    pub events: Vec<EventSpec>,
}

impl StoreReport {
    /// The merge patch of the status subresource.
    #[must_use]
    pub fn patch(&self) -> serde_json::Value {
        serde_json::json!({ "status": self.status })
    }
}

/// Says what a validation changes in the status of a store.
#[must_use]
pub fn status(before: Option<&StoreStatus>, outcome: &StoreOutcome, env: &Env) -> StoreReport {
    let before = before.cloned().unwrap_or_default();
    let mut status = before.clone();
    let (value, reason, message, detail) = match outcome {
        StoreOutcome::Valid => (
            "True",
            names::STORE_VALID,
            names::MSG_STORE_VALID.into(),
            None,
        ),
        StoreOutcome::Unknown(why) => (
            "True",
            names::STORE_VALIDATION_UNKNOWN,
            format!("{}: {why}", names::MSG_STORE_UNKNOWN),
            Some(why.to_string()),
        ),
        StoreOutcome::Invalid(defect) => (
            "False",
            names::STORE_INVALID,
            defect.message(),
            Some(format!("{}: {}", defect.lead, defect.detail)),
        ),
    };
    let old = (before.conditions.iter()).find(|condition| condition.type_ == names::READY);
    let same = old.is_some_and(|old| {
        old.status == value
            && old.reason.as_deref() == Some(reason)
            && old.message.as_deref() == Some(&message)
    });
    if !same {
        let kept = old
            .filter(|old| old.status == value)
            .and_then(|old| old.last_transition_time.clone());
        let now = Time(Timestamp::from_second(env.now.as_second()).unwrap_or(env.now));
        (status.conditions).retain(|condition| condition.type_ != names::READY);
        status.conditions.push(Condition {
            type_: names::READY.to_owned(),
            status: value.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: Some(kept.unwrap_or(now)),
        });
    }
    if !matches!(outcome, StoreOutcome::Invalid(_)) {
        status.capabilities = Some("ReadWrite".to_owned());
    }
    let events = (!same).then(|| EventSpec {
        kind: match outcome {
            StoreOutcome::Valid => EventKind::Normal,
            StoreOutcome::Unknown(_) | StoreOutcome::Invalid(_) => EventKind::Warning,
        },
        reason,
        message: detail.unwrap_or_else(|| names::MSG_STORE_VALID.to_owned()),
    });
    StoreReport {
        write: status != before,
        status,
        events: events.into_iter().collect(),
    }
}

/// When a store is looked at again. `failures` counts those in a row before this look.
#[must_use]
pub fn next_validation(
    spec: &SecretStoreSpec,
    outcome: &StoreOutcome,
    default: Duration,
    failures: u32,
    env: &Env,
) -> Duration {
    match outcome {
        StoreOutcome::Valid | StoreOutcome::Unknown(_) => {
            let interval = super::interval(spec).ok().flatten().unwrap_or(default);
            // Up to a tenth later, so that stores made together drift apart.
            interval.mul_f64(1.0 + 0.1 * env.fraction())
        }
        StoreOutcome::Invalid(defect) => crate::schedule::pause(defect.retry, failures, env),
    }
}

impl super::StoreDefect {
    /// What an ExternalSecret that uses the store is told.
    #[must_use]
    pub fn fault(&self) -> crate::StoreFault {
        crate::StoreFault {
            public: format!("{}: {}", self.lead, self.detail).into(),
            // The store has its own retry; its users are woken when it is well again.
            retry: match self.retry {
                Retry::After(after) => Retry::After(after),
                Retry::Backoff | Retry::OnChange => Retry::OnChange,
            },
        }
    }
}
