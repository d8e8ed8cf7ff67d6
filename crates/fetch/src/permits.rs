//! Pure. What one endpoint lets through: in flight, in rate, by lane, and whether at all.

use std::time::Duration;

use tidegate_contract::{ErrorKind, Limits};

use crate::permits::breaker::{Breaker, Reason, Verdict};
use crate::permits::queue::Queue;
use crate::permits::rate::Rate;
use crate::{Endpoint, EndpointStats, Gate, Lane};

pub(crate) mod breaker;
pub(crate) mod queue;
mod rate;

/// Push-back for longer than this is not waited out: whoever asks is told.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Retries of failed polls get this share of the polls a second, so that a recovery stays below
/// 1.3 × the steady calls, and at least one a second.
const RETRY_SHARE: f64 = 0.25;

/// Whether one more call may start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Admit {
    /// Yes; as a probe if so.
    Start { probe: bool },
    /// Not before this time.
    Later(Duration),
    /// Not before another call ends.
    Full,
    /// No: answer everybody who waits with the reason.
    Refuse(Reason),
}

/// What one call told of its endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    /// It is there.
    Reached,
    /// It asks for less.
    PushedBack(Option<Duration>, Reason),
    /// Nothing came back.
    Silence(Reason),
    /// The call was cut off by us.
    Nothing,
}

/// The permits of one endpoint.
#[derive(Debug)]
pub(crate) struct Permits {
    pub(crate) endpoint: Endpoint,
    pub(crate) queue: Queue,
    /// Sources that name this endpoint; without any it may be forgotten after a while.
    pub(crate) users: usize,
    pub(crate) idle_since: Duration,
    rate: Rate,
    breaker: Breaker,
    retry_opens: Duration,
    in_flight: usize,
    in_flight_most: usize,
    in_flight_limit: usize,
    rate_most: f64,
    calls: u64,
    throttled: u64,
    unavailable: u64,
}

impl Permits {
    pub(crate) fn new(
        endpoint: Endpoint,
        in_flight: usize,
        initial_rate: f64,
        rate: f64,
        now: Duration,
    ) -> Self {
        Self {
            endpoint,
            queue: Queue::default(),
            users: 0,
            idle_since: now,
            rate: Rate::new(initial_rate, rate),
            breaker: Breaker::default(),
            retry_opens: Duration::ZERO,
            in_flight: 0,
            in_flight_most: in_flight.max(1),
            in_flight_limit: in_flight.max(1),
            rate_most: rate,
            calls: 0,
            throttled: 0,
            unavailable: 0,
        }
    }

    /// Takes over what a provider of this endpoint publishes.
    pub(crate) fn observe(&mut self, limits: Limits) {
        self.in_flight_limit = limits.in_flight.clamp(1, self.in_flight_most);
        self.rate
            .limit(limits.rate.unwrap_or(self.rate_most).min(self.rate_most));
    }

    pub(crate) fn admit(&mut self, now: Duration) -> Admit {
        match self.breaker.verdict(now) {
            Verdict::Refuse(reason) => return Admit::Refuse(reason),
            Verdict::Probe => return Admit::Start { probe: true },
            Verdict::Pass => {}
        }
        if self.in_flight >= self.in_flight_limit {
            return Admit::Full;
        }
        match self.rate.ready_at(now) {
            at if at > now => Admit::Later(at),
            _ => Admit::Start { probe: false },
        }
    }

    /// When a lane may be served: only retries have a pace of their own, and a probe ignores it.
    pub(crate) fn opens(&self, lane: Lane, probe: bool) -> Duration {
        match lane {
            Lane::Retry if !probe => self.retry_opens,
            _ => Duration::ZERO,
        }
    }

    /// A call starts in `lane`; `polls` is the number of calls a second that polling makes here.
    pub(crate) fn started(&mut self, now: Duration, lane: Lane, probe: bool, polls: f64) {
        self.in_flight += 1;
        self.calls += 1;
        if probe {
            self.breaker.started(now);
        } else {
            self.rate.take();
        }
        if lane == Lane::Retry {
            let pace = (RETRY_SHARE * polls).max(1.0);
            self.retry_opens = now + Duration::from_secs_f64(1.0 / pace);
        }
    }

    /// A call that started at `started` has ended.
    pub(crate) fn ended(&mut self, started: Duration, now: Duration, probe: bool, heard: Heard) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match heard {
            Heard::Reached => {
                self.rate.answered(now);
                self.breaker.reached();
            }
            Heard::PushedBack(after, reason) => {
                self.throttled += 1;
                self.rate.push_back(started, now, after);
                match after {
                    Some(after) if after > PATIENCE => self.breaker.hold(now + after, reason),
                    // Whoever pushes back is there.
                    _ => self.breaker.reached(),
                }
            }
            Heard::Silence(reason) => {
                self.unavailable += 1;
                self.breaker.unreached(now, probe, reason);
            }
            Heard::Nothing => self.breaker.undecided(probe),
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    pub(crate) const fn is_busy(&self) -> bool {
        self.in_flight > 0 || self.users > 0
    }

    pub(crate) fn stats(&self) -> EndpointStats {
        EndpointStats {
            endpoint: self.endpoint.clone(),
            in_flight: self.in_flight,
            in_flight_limit: self.in_flight_limit,
            rate: self.rate.current(),
            queued: Lane::ALL.map(|lane| (lane, self.queue.depth(lane))),
            calls: self.calls,
            throttled: self.throttled,
            unavailable: self.unavailable,
            gate: if self.breaker.is_open() {
                Gate::Open
            } else {
                Gate::Closed
            },
        }
    }
}

impl Heard {
    /// What the failure of a whole call says of the endpoint.
    pub(crate) fn failure(kind: ErrorKind, public: &str) -> Self {
        let reason = Reason {
            kind,
            public: public.into(),
        };
        match kind {
            ErrorKind::Throttled { after } => Self::PushedBack(after, reason),
            ErrorKind::Unavailable => Self::Silence(reason),
            ErrorKind::NotFound
            | ErrorKind::Denied
            | ErrorKind::Unauthenticated
            | ErrorKind::Conflict
            | ErrorKind::Invalid => Self::Reached,
        }
    }

    /// What a call with several answers says: push-back counts first, then any answer.
    pub(crate) fn and(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::PushedBack(a, _), Self::PushedBack(b, _)) if b > a => other,
            (Self::PushedBack(..), _) => self,
            (_, Self::PushedBack(..)) => other,
            (Self::Reached, _) => self,
            (_, Self::Reached) => other,
            _ => self,
        }
    }
}
