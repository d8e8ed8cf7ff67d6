//! Pure. When to come back, and what to poll meanwhile.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tidegate_contract::RemoteKey;

use crate::outcome::{Again, IdleReason, Outcome, Ready, Retry};
use crate::plan::{elapsed, interval, missing, polled, readable, refreshed_at, waits_for_refresh};
use crate::{Env, Heartbeat, Memory, Observed, StoreKey, revision, status};

/// What follows a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Next {
    /// A timer of the object's own.
    pub requeue: Option<Requeue>,
    /// What is polled for it; `None` ends its subscriptions.
    pub poll: Option<Polling>,
}

/// A timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requeue {
    /// Where it waits.
    pub lane: Lane,
    /// How long.
    pub after: Duration,
}

/// Which of the queue's lanes a timer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A value changed and is not written yet.
    Changed,
    /// A failure.
    Retry,
    /// A look by the clock.
    Refresh,
}

/// Polling groups that the object belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polling {
    /// How often each value is read.
    pub interval: Duration,
    /// The values, each once.
    pub keys: Vec<(StoreKey, RemoteKey)>,
    /// When they were last read well: no read is due before that plus the interval.
    pub last_read: Option<Timestamp>,
    /// Whether an unchanged answer is worth a look as well (a heartbeat at each refresh).
    pub tell_each: bool,
}

/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(7 * 60);
/// The safety net where an event is waited for.
const SLOW: Duration = Duration::from_secs(10 * 60);
/// A second absence must be this much later (P1).
const SECOND_LOOK: Duration = Duration::from_secs(30);

/// How often a healthy object is looked at for metadata that drifted, without a heartbeat.
const DRIFT_LOOK: Duration = Duration::from_secs(6 * 3600);

/// Says when to come back after a pass. `observed.memory` is the memory before the pass.
#[must_use]
pub fn schedule(observed: &Observed, outcome: &Outcome, env: &Env) -> Next {
    let failures = observed.memory.failures;
    let requeue = match outcome {
        Outcome::Foreign(_)
        | Outcome::Cleaned
        | Outcome::Idle(IdleReason::NamespaceTerminating | IdleReason::Deleting) => {
            return Next::default();
        }
        Outcome::Failed(error) => Some(Requeue {
            lane: Lane::Retry,
            after: pause(error.retry, failures, env),
        }),
        Outcome::Again(Again::Conflict) => Some(Requeue {
            lane: Lane::Changed,
            after: pause(Retry::Backoff, failures, env),
        }),
        Outcome::Again(Again::AbsenceUnconfirmed) => Some(Requeue {
            lane: Lane::Retry,
            after: SECOND_LOOK + Duration::from_secs(5).mul_f64(env.fraction()),
        }),
        Outcome::Idle(IdleReason::UpToDate | IdleReason::WindowClosed) | Outcome::Synced(_) => {
            by_clock(observed, outcome, env).map(|after| Requeue {
                lane: Lane::Refresh,
                after,
            })
        }
    };
    Next {
        requeue,
        poll: polling(observed, outcome, env),
    }
}

/// Doubling from one second, with jitter downwards, so that no pause is longer than promised.
pub(crate) fn pause(retry: Retry, failures: u32, env: &Env) -> Duration {
    let jitter = 0.8 + 0.2 * env.fraction();
    let backoff = Duration::from_secs(1)
        .saturating_mul(1 << failures.min(16))
        .min(LONGEST_PAUSE)
        .mul_f64(jitter)
        .max(Duration::from_secs(1));
    match retry {
        Retry::Backoff => backoff,
        // Upwards: everybody who was pushed back would return in the same instant.
        Retry::After(after) => backoff.max(after.mul_f64(1.0 + 0.2 * env.fraction())),
        Retry::OnChange => SLOW.mul_f64(jitter),
    }
}

/// Timers of a healthy object. One that is polled wakes for the heartbeat and for drifted
/// metadata; others have nobody else who looks: those with sync windows, those whose store cannot
/// be read from just now, and those that wait for a Secret to merge into.
fn by_clock(observed: &Observed, outcome: &Outcome, env: &Env) -> Option<Duration> {
    let synced = match outcome {
        Outcome::Synced(synced) => Some(synced.ready),
        _ => None,
    };
    if synced.map_or_else(|| missing(observed), |ready| ready == Ready::Missing) {
        let interval = observed.object.spec.refresh_interval;
        let every = interval.0.max(observed.config.refresh_floor);
        return (!interval.is_zero()).then(|| every + spread(env));
    }
    let interval = interval(observed)?;
    if is_left_to_polls(observed, outcome) {
        let heartbeat = match observed.config.status_heartbeat {
            Heartbeat::Each | Heartbeat::Off => DRIFT_LOOK,
            Heartbeat::Every(every) => every,
        };
        let after = match synced {
            Some(_) => heartbeat,
            None => status::next_heartbeat(observed, env.now).unwrap_or(heartbeat),
        };
        return Some(after.max(interval) + Duration::from_secs(60).mul_f64(env.fraction()));
    }
    if *outcome == Outcome::Idle(IdleReason::WindowClosed) {
        // Windows open on whole minutes.
        let second = env.now.as_second().rem_euclid(60).unsigned_abs();
        return Some(Duration::from_secs(60 - second) + spread(env));
    }
    let since = match synced {
        Some(_) => Duration::ZERO,
        None => refreshed_at(observed).map_or(Duration::ZERO, |at| elapsed(at, env.now)),
    };
    Some(interval.saturating_sub(since) + spread(env))
}

/// Whether polls alone tell when there is something to do after this pass. They say nothing while
/// a value stays what it is, so they do not do where the next refresh has a Secret to mend.
fn is_left_to_polls(observed: &Observed, outcome: &Outcome) -> bool {
    let mended = matches!(outcome, Outcome::Synced(_));
    polled(observed) && (mended || !waits_for_refresh(observed))
}

fn spread(env: &Env) -> Duration {
    Duration::from_secs(1) + Duration::from_secs(5).mul_f64(env.fraction())
}

fn polling(observed: &Observed, outcome: &Outcome, env: &Env) -> Option<Polling> {
    let interval = interval(observed)?;
    if !is_left_to_polls(observed, outcome) {
        return None;
    }
    let mut keys: Vec<(StoreKey, RemoteKey)> = (readable(observed)?.into_iter())
        .map(|read| (read.store, read.key))
        .collect();
    keys.sort();
    keys.dedup();
    Some(Polling {
        interval,
        keys,
        last_read: match outcome {
            Outcome::Synced(_) => Some(env.now),
            _ => refreshed_at(observed),
        },
        tell_each: observed.config.status_heartbeat == Heartbeat::Each,
    })
}

impl Memory {
    /// What is remembered after a pass. [`Memory::tell`] adds what is told of it.
    #[must_use]
    pub fn after(observed: &Observed, outcome: &Outcome, env: &Env) -> Self {
        let mut memory = observed.memory.clone();
        match outcome {
            Outcome::Synced(_) => {
                memory.refreshed_at = Some(env.now);
                memory.synced = Some(Arc::from(revision(&observed.object)));
                memory.failures = 0;
                memory.failure = None;
            }
            // What was to be mended is as it shall be, whoever did that.
            Outcome::Idle(IdleReason::UpToDate) => {
                memory.failures = 0;
                memory.failure = None;
            }
            Outcome::Failed(error) => {
                memory.failures = memory.failures.saturating_add(1);
                memory.failure = Some(error.label);
            }
            Outcome::Again(_) => {
                memory.failures = memory.failures.saturating_add(1);
            }
            Outcome::Idle(_) | Outcome::Foreign(_) | Outcome::Cleaned => {}
        }
        memory
    }
}
