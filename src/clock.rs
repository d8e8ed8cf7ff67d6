//! Shell. The one place that reads the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall time that moves with tokio's clock, so that paused time works everywhere.
///
/// A step of the machine's clock after start-up does not reach it: due times neither burst nor
/// stall.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    wall: Timestamp,
}

impl Clock {
    /// A clock that shows the machine's time now.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the clock module the ban points to"
    )]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A clock that shows `wall` now.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self {
            origin: Instant::now(),
            wall,
        }
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.saturating_add(passed).unwrap_or(self.wall)
    }

    /// The same time as a duration since the UNIX epoch.
    #[must_use]
    pub fn epoch(&self) -> Duration {
        self.now().as_duration().try_into().unwrap_or_default()
    }

    /// Time since this clock was made, never stepping.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.origin.elapsed()
    }
}
