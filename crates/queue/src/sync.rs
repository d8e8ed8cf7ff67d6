//! Seam. Time and waiting: what the shell takes from tokio, and its tests from a model.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

pub(crate) use std::sync::{Arc, Mutex};

/// Lets one waiter at a time in, in the order of asking.
pub(crate) type Turn = tokio::sync::Mutex<()>;

/// A clock that starts at zero, and a bell: one ring is kept until somebody waits.
#[derive(Debug)]
pub(crate) struct Bell {
    start: Instant,
    notify: Notify,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            notify: Notify::new(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn ring(&self) {
        self.notify.notify_one();
    }

    /// Waits for a ring, or until the clock shows `until`.
    pub(crate) async fn wait(&self, until: Option<Duration>) {
        let rung = self.notify.notified();
        match until.and_then(|until| self.start.checked_add(until)) {
            // Rung or due: the caller looks again either way.
            Some(until) => timeout_at(until, rung).await.unwrap_or_default(),
            None => rung.await,
        }
    }
}
