//! Pure. What is known of one remote key under one identity.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{ErrorKind, RemoteKey};

use crate::backoff::is_transient;
use crate::permits::queue::Place;
use crate::{Cause, FetchFailure, Fingerprint, Lane, Seen, Value};

/// A value is held this long at most for readers to come (design 5.1).
pub(crate) const HOLD: Duration = Duration::from_secs(30);

/// What was learned of a key that nobody needs now is forgotten after this long: a reader's
/// subscription follows its read within it.
const REMEMBER: Duration = Duration::from_secs(120);

/// One remote key under one identity.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) source: u32,
    pub(crate) key: Arc<RemoteKey>,
    pub(crate) seed: u64,
    pub(crate) stage: Stage,
    /// Attempts made again for the present readers or poll.
    pub(crate) tries: u8,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Set while a poll waits or flies.
    pub(crate) poll: Option<Lane>,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) held: Option<Box<Held>>,
    pub(crate) negative: Option<Box<Negative>>,
    pub(crate) known: Known,
    /// Start of the last call that gave a value.
    pub(crate) good_at: Option<Duration>,
    /// Start of the last call, or what a status told of one by another process.
    pub(crate) asked_at: Option<Duration>,
    /// Start of the first call that said NotFound since the last value.
    pub(crate) absent_since: Option<Duration>,
    /// By number of the object.
    pub(crate) subscribers: Vec<Subscriber>,
    /// Their intervals, ascending, with how many have each.
    pub(crate) intervals: Vec<(Duration, u32)>,
    /// The next turn.
    pub(crate) due: Option<Duration>,
    /// The next try after a failure, when sooner.
    pub(crate) retry: Option<Duration>,
    /// The entry in the table of timers.
    pub(crate) timer: Option<Duration>,
}

/// Where a key stands on its way to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Idle,
    /// Another attempt follows at this time.
    Delayed(Duration),
    Queued(Place),
    /// In a call that started at this time.
    Flying(Duration),
}

/// One read that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) run: u64,
    pub(crate) index: u32,
    pub(crate) lane: Lane,
    pub(crate) not_before: Duration,
}

/// A value for readers to come.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) value: Value,
    pub(crate) started: Duration,
    pub(crate) until: Duration,
    /// Woken objects that have not taken it yet.
    pub(crate) takers: BTreeSet<u32>,
    /// Held for whoever may come too, not only for those.
    pub(crate) for_all: bool,
}

/// A failure for readers to come.
#[derive(Debug)]
pub(crate) struct Negative {
    pub(crate) failure: FetchFailure,
    pub(crate) started: Duration,
}

/// An object that depends on the key, and whether it has seen what is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscriber {
    pub(crate) object: u32,
    pub(crate) seen: bool,
}

/// The last answer, without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    Good(Fingerprint),
    Absent { confirmed: bool },
    Failed(&'static str),
}

/// What a known answer is to somebody who says what he has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing new.
    Seen,
    /// New, but not worth a call: the next poll tells.
    Later,
    /// New.
    Now(Cause),
}

impl Known {
    pub(crate) fn news(self, seen: Seen) -> News {
        match (self, seen) {
            (_, Seen::Nothing) | (Self::Nothing, _) => News::Later,
            (Self::Good(known), Seen::Value(seen)) if known == seen => News::Seen,
            (Self::Good(_), Seen::Value(_)) => News::Now(Cause::Changed),
            (Self::Good(_), Seen::Failure(_)) => News::Now(Cause::Recovered),
            (Self::Failed(_), Seen::Failure(None)) => News::Seen,
            (Self::Absent { confirmed }, Seen::Failure(Some(seen)))
                if confirmed == seen.confirmed =>
            {
                News::Seen
            }
            (Self::Failed(_), _) => News::Now(Cause::Failed),
            (Self::Absent { .. }, _) => News::Now(Cause::Absent),
        }
    }

    /// An outage stays one failure, whether it shows as silence or as push-back.
    pub(crate) const fn failed(kind: ErrorKind) -> Self {
        if is_transient(kind) {
            Self::Failed("transient")
        } else {
            Self::Failed(kind.label())
        }
    }

    /// Why a subscriber is woken when `self` becomes `next`.
    pub(crate) fn cause(self, next: Self) -> Cause {
        match (self, next) {
            (_, Self::Absent { .. }) => Cause::Absent,
            (_, Self::Failed(_)) => Cause::Failed,
            (Self::Good(before), Self::Good(after)) if before != after => Cause::Changed,
            (Self::Absent { .. } | Self::Failed(_), _) => Cause::Recovered,
            _ => Cause::FirstLook,
        }
    }
}

impl Cell {
    pub(crate) fn new(source: u32, key: Arc<RemoteKey>, seed: u64) -> Self {
        Self {
            source,
            key,
            seed,
            stage: Stage::Idle,
            tries: 0,
            failures: 0,
            poll: None,
            waiters: Vec::new(),
            held: None,
            negative: None,
            known: Known::Nothing,
            good_at: None,
            asked_at: None,
            absent_since: None,
            subscribers: Vec::new(),
            intervals: Vec::new(),
            due: None,
            retry: None,
            timer: None,
        }
    }

    pub(crate) fn interval(&self) -> Option<Duration> {
        self.intervals.first().map(|(interval, _)| *interval)
    }

    /// The lane in which the key is wanted now, if it is.
    pub(crate) fn wanted(&self) -> Option<Lane> {
        let reads = self.waiters.iter().map(|waiter| waiter.lane).min();
        match (reads, self.poll) {
            // A turn that has come is not held back by the pace of retries.
            (Some(Lane::Retry), Some(Lane::Refresh)) => Some(Lane::Refresh),
            (reads, poll) => reads.into_iter().chain(poll).min(),
        }
    }

    pub(crate) fn subscriber(&mut self, object: u32) -> Option<&mut Subscriber> {
        let found = self
            .subscribers
            .binary_search_by_key(&object, |subscriber| subscriber.object);
        found.ok().map(|at| &mut self.subscribers[at])
    }

    /// Enters an object; answers its entry. A new one has seen nothing.
    pub(crate) fn enter(&mut self, object: u32) -> &mut Subscriber {
        let found = self
            .subscribers
            .binary_search_by_key(&object, |subscriber| subscriber.object);
        let at = found.unwrap_or_else(|at| {
            let seen = false;
            self.subscribers.insert(at, Subscriber { object, seen });
            at
        });
        &mut self.subscribers[at]
    }

    pub(crate) fn leave(&mut self, object: u32) {
        let found = self
            .subscribers
            .binary_search_by_key(&object, |subscriber| subscriber.object);
        if let Ok(at) = found {
            self.subscribers.remove(at);
        }
    }

    pub(crate) fn add_interval(&mut self, interval: Duration) {
        let found = self.intervals.binary_search_by_key(&interval, |(i, _)| *i);
        match found {
            Ok(at) => self.intervals[at].1 += 1,
            Err(at) => self.intervals.insert(at, (interval, 1)),
        }
    }

    pub(crate) fn drop_interval(&mut self, interval: Duration) {
        let found = self.intervals.binary_search_by_key(&interval, |(i, _)| *i);
        if let Ok(at) = found {
            self.intervals[at].1 -= 1;
            if self.intervals[at].1 == 0 {
                self.intervals.remove(at);
            }
        }
    }

    /// The next time at which something happens by itself.
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let delayed = match self.stage {
            Stage::Delayed(until) => Some(until),
            _ => None,
        };
        let retry = self.retry.filter(|_| self.stage == Stage::Idle);
        let held = self.held.as_ref().map(|held| held.until);
        let forget = self.is_idle().then(|| self.forget_at());
        [delayed, retry, held, self.due, forget]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether nobody needs the key now.
    pub(crate) fn is_idle(&self) -> bool {
        self.stage == Stage::Idle && self.subscribers.is_empty() && self.waiters.is_empty()
    }

    /// When an idle key is forgotten. A failure is remembered for as long again as its wait, so
    /// that waits of somebody who comes back by himself keep growing.
    pub(crate) fn forget_at(&self) -> Duration {
        let asked = self.asked_at.unwrap_or_default();
        let retry = self.negative.as_ref().map(|negative| {
            let retry_at = negative.failure.retry_at;
            retry_at + retry_at.saturating_sub(negative.started)
        });
        (asked + REMEMBER).max(retry.unwrap_or_default())
    }
}
