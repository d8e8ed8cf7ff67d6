//! Seam. The time of the API: tokio's clock by default, so that paused time is its time too.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Says what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now, as objects and tokens carry it.
    fn now(&self) -> Timestamp;
}

/// Counts tokio's time from a starting point.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: Timestamp,
    origin: Instant,
}

impl TokioClock {
    /// Starts at the time of the machine.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this seam is where the crate reads the time"
    )]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// Starts at a given time; tokio's clock carries it on.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self {
            start,
            origin: Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or_default();
        self.start.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}
