//! Seam. Where `now` comes from.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// A clock: time since the Unix epoch that never runs backwards.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The Unix time.
    fn now(&self) -> Duration;
}

/// A clock that starts at a given Unix time and then follows tokio's, so that paused time works
/// and a step of the wall clock moves no due time.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    epoch: Duration,
    start: Instant,
}

impl TokioClock {
    /// Starts the clock: it is `unix_now` now.
    #[must_use]
    pub fn starting_at(unix_now: Duration) -> Self {
        Self {
            epoch: unix_now,
            start: Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.epoch + self.start.elapsed()
    }
}
