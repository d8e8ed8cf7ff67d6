//! Seam. Where time comes from: one that never goes back, and the wall's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A clock. Both times are since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Duration,
    start: Instant,
    follows_wall: bool,
}

impl Clock {
    /// The system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self {
            epoch: wall(),
            start: Instant::now(),
            follows_wall: true,
        }
    }

    /// A clock that follows tokio's alone, for tests under paused time.
    #[must_use]
    pub fn starting_at(epoch: Duration) -> Self {
        Self {
            epoch,
            start: Instant::now(),
            follows_wall: false,
        }
    }

    /// Time that no step of the wall's clock moves: for ages, deadlines and pauses.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.epoch + self.start.elapsed()
    }

    /// The wall's time, which the nodes of a cluster share: for what they do at the same instant.
    #[must_use]
    pub fn wall(&self) -> Duration {
        if self.follows_wall {
            wall()
        } else {
            self.now()
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place of the plugin that reads the wall clock"
)]
fn wall() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
