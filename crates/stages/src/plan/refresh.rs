//! Pure. Is a refresh due? Refresh policy, interval, validity of the Secret, sync windows.

use std::time::Duration;

use jiff::Timestamp;
use tidegate_api::{CreationPolicy, RefreshPolicy, names};

use super::{ReadWhy, windows};
use crate::outcome::IdleReason;
use crate::render::volatile;
use crate::{
    Annotated, Env, Heartbeat, Observed, TargetDigest, TargetView, Trigger, diff, revision,
    template_sources,
};

/// The interval at which the object's values are refreshed; `None` when they are not.
pub(crate) fn interval(observed: &Observed) -> Option<Duration> {
    let spec = &observed.object.spec;
    let periodic = spec.refresh_policy.unwrap_or_default() == RefreshPolicy::Periodic;
    let interval = spec.refresh_interval;
    (periodic && !interval.is_zero()).then(|| interval.0.max(observed.config.refresh_floor))
}

/// Whether polling groups look after the object's values. Sync windows need a look of their own,
/// and a store that cannot be read from has to be told of when the refresh is due. Templates that
/// draw random bytes or ask for the time give something else at each render, so they are rendered
/// when the interval is over, changed values or not, and never between: a timer does that. It also
/// finds what changed in ConfigMaps and Secrets that hold templates.
pub(crate) fn polled(observed: &Observed) -> bool {
    observed.object.spec.sync_windows.is_none()
        && super::readable(observed).is_some()
        && template_sources(&observed.object).is_empty()
        && !volatile(observed)
}

/// Why values are read now, or why they are not.
pub(super) fn due(observed: &Observed, env: &Env) -> Result<ReadWhy, IdleReason> {
    let Some(refreshed_at) = refreshed_at(observed) else {
        return Ok(ReadWhy::NeverSynced);
    };
    let Some(synced) = observed.synced_revision() else {
        return Ok(ReadWhy::NeverSynced);
    };
    if !valid(observed) {
        return Ok(ReadWhy::TargetInvalid);
    }
    let edited = synced != revision(&observed.object);
    let spec = &observed.object.spec;
    match spec.refresh_policy.unwrap_or_default() {
        RefreshPolicy::CreatedOnce => Err(IdleReason::UpToDate),
        RefreshPolicy::OnChange if edited => Ok(ReadWhy::Edited),
        RefreshPolicy::OnChange => Err(IdleReason::UpToDate),
        RefreshPolicy::Periodic if edited && edit_counts(observed) => Ok(ReadWhy::Edited),
        RefreshPolicy::Periodic if failed(observed) => Ok(ReadWhy::Failed),
        RefreshPolicy::Periodic => periodic(observed, env, refreshed_at),
    }
}

/// Whether somebody asked for this read just now, so that an older answer will not do.
pub(super) fn asked_for(observed: &Observed, why: ReadWhy) -> bool {
    observed.memory.trigger == Trigger::Spec
        && matches!(why, ReadWhy::Edited | ReadWhy::NeverSynced)
}

/// When values were last read well.
pub(crate) fn refreshed_at(observed: &Observed) -> Option<Timestamp> {
    let status = observed.status();
    let told = status.and_then(|status| Some(status.refresh_time.as_ref()?.0));
    told.max(observed.memory.refreshed_at)
}

/// ESO never syncs an edit again once `refreshInterval` is 0. We do; but an edit that ESO left
/// behind causes no write by itself when we take over (P8).
fn edit_counts(observed: &Observed) -> bool {
    let memory = &observed.memory;
    !observed.object.spec.refresh_interval.is_zero()
        || memory.trigger != Trigger::First
        || memory.status_is_ours
}

/// Whether the last attempt failed. A status that says so, of which this process knows nothing, is
/// one that an earlier life told, at whatever time it arrived: it must not stand because of what
/// the look happens to be for.
fn failed(observed: &Observed) -> bool {
    observed.memory.failures > 0
        || ready(observed).is_some_and(|condition| condition.status == "False")
}

/// Whether the Secret is what was written. What is never written is never wrong.
fn valid(observed: &Observed) -> bool {
    let trigger = observed.memory.trigger;
    match (
        observed.object.spec.target.creation_policy,
        &observed.target,
    ) {
        (CreationPolicy::Orphan | CreationPolicy::None, _) => true,
        (policy, TargetView::Present(digest)) => {
            digest.managed
                && digest.annotated == Annotated::Hash(digest.hash)
                && (policy != CreationPolicy::Owner || diff::is_owned(observed, digest))
                && !(trigger == Trigger::Timer && metadata_drifted(observed, digest))
        }
        // Merge has nothing to mend in a Secret that nobody made, once it has said so. The watch
        // shows labelled Secrets only, so the timer looks whether somebody made one.
        (CreationPolicy::Merge, TargetView::Absent) => {
            missing(observed) && !matches!(trigger, Trigger::Drift | Trigger::Timer)
        }
        (_, TargetView::Absent) => is_rightly_absent(observed),
    }
}

/// Whether somebody changed or deleted a Secret of the policy under which it is always valid: the
/// next refresh mends it, as under ESO, although no value changed.
pub(crate) fn waits_for_refresh(observed: &Observed) -> bool {
    observed.object.spec.target.creation_policy == CreationPolicy::Orphan
        && match &observed.target {
            TargetView::Present(digest) => {
                !digest.managed || digest.annotated != Annotated::Hash(digest.hash)
            }
            TargetView::Absent => !is_rightly_absent(observed),
        }
}

/// Whether the status says that no value was found, so that there is no Secret to be missed.
fn is_rightly_absent(observed: &Observed) -> bool {
    reason(observed) == Some(names::SECRET_DELETED) || retained(observed)
}

/// Copied labels and annotations that somebody changed on the Secret. They are mended by the slow
/// timer and never at once: another controller may want them otherwise, and two that mend at once
/// would never stop.
fn metadata_drifted(observed: &Observed, digest: &TargetDigest) -> bool {
    let policy = observed.object.spec.refresh_policy.unwrap_or_default();
    policy == RefreshPolicy::Periodic
        && observed.synced_revision() == Some(&*revision(&observed.object))
        && diff::metadata_differs(observed, digest)
}

/// Whether the status says that there is no Secret to merge into.
pub(crate) fn missing(observed: &Observed) -> bool {
    reason(observed) == Some(names::SECRET_MISSING)
}

fn reason(observed: &Observed) -> Option<&str> {
    ready(observed).and_then(|condition| condition.reason.as_deref())
}

fn ready(observed: &Observed) -> Option<&tidegate_api::Condition> {
    let status = observed.status()?;
    (status.conditions.iter()).find(|condition| condition.type_ == names::READY)
}

/// Nothing was found and nothing was made: there is no Secret to be missed.
fn retained(observed: &Observed) -> bool {
    ready(observed).is_some_and(|condition| {
        condition.status == "True" && condition.message.as_deref() == Some(names::MSG_RETAINED)
    })
}

fn periodic(
    observed: &Observed,
    env: &Env,
    refreshed_at: Timestamp,
) -> Result<ReadWhy, IdleReason> {
    let Some(interval) = interval(observed) else {
        return Err(IdleReason::UpToDate);
    };
    // A subscription that was not ended yet may still tell of a change.
    let changed = observed.memory.trigger == Trigger::GroupChanged && !volatile(observed);
    let over = refreshed_at > env.now
        || elapsed(refreshed_at, env.now) > interval.saturating_add(grace(observed));
    if !changed && !over {
        return Err(IdleReason::UpToDate);
    }
    let open = (observed.object.spec.sync_windows.as_ref())
        .is_none_or(|windows| windows::open(windows, env.now));
    match (open, changed) {
        (false, _) => Err(IdleReason::WindowClosed),
        (true, true) => Ok(ReadWhy::Changed),
        (true, false) => Ok(ReadWhy::Due),
    }
}

/// `status.refreshTime` may be older than the last good look by the heartbeat. A process that
/// starts knows no better and leaves the object to its polling group, which is due within one
/// interval; what is older than both is read at once.
fn grace(observed: &Observed) -> Duration {
    let polled = polled(observed) && !waits_for_refresh(observed);
    if observed.memory.refreshed_at.is_some() || !polled {
        return Duration::ZERO;
    }
    match observed.config.status_heartbeat {
        Heartbeat::Each => Duration::ZERO,
        Heartbeat::Off => Duration::MAX,
        Heartbeat::Every(heartbeat) => heartbeat,
    }
}

pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
