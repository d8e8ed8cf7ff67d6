//! Shell. The open end of a watch: waits for changes, timeouts, bookmarks and ordered faults.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bell::Ear;
use crate::body::{Chunks, Reset};
use crate::engine::{Polled, WatchPlan};
use crate::fault::Strike;
use crate::kubebox::Kubebox;

/// How long a watch lasts that names no timeout: the middle of the real server's 30 to 60 minutes.
const DEFAULT_TIMEOUT: u64 = 45 * 60;
/// Time between bookmarks, as on a real server.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

pub(crate) struct WatchStream {
    kubebox: Kubebox,
    plan: WatchPlan,
    wake: Ear,
    hangup: Ear,
    deadline: Instant,
    bookmark: Instant,
    drop_at: Option<Instant>,
    lag: Duration,
    over: bool,
}

impl WatchStream {
    pub(crate) fn new(kubebox: Kubebox, plan: WatchPlan, strike: &Strike) -> Self {
        let now = Instant::now();
        Self {
            wake: kubebox.subscribe(&plan),
            hangup: kubebox.hangups(),
            deadline: now + Duration::from_secs(plan.timeout.unwrap_or(DEFAULT_TIMEOUT)),
            bookmark: now + BOOKMARK_EVERY,
            drop_at: strike.drop_watch.map(|after| now + after),
            lag: strike.lag,
            over: false,
            kubebox,
            plan,
        }
    }

    pub(crate) fn into_chunks(self) -> Chunks {
        Box::pin(stream::unfold(self, |mut watch| async {
            let item = watch.next().await?;
            Some((item, watch))
        }))
    }

    async fn next(&mut self) -> Option<Result<Bytes, Reset>> {
        while !self.over {
            self.wake.heed();
            match self.kubebox.poll_watch(&mut self.plan) {
                Polled::Events(bytes) => {
                    if !self.lag.is_zero() {
                        sleep(self.lag).await;
                    }
                    return Some(Ok(bytes));
                }
                Polled::Gone(bytes) => {
                    self.over = true;
                    return Some(Ok(bytes));
                }
                Polled::Idle => {}
            }
            if let Some(item) = self.wait().await {
                return Some(item);
            }
        }
        None
    }

    /// Waits for a reason to look again; gives what the reason itself says.
    async fn wait(&mut self) -> Option<Result<Bytes, Reset>> {
        let end = self
            .drop_at
            .map_or(self.deadline, |at| at.min(self.deadline));
        let bookmark = self.bookmark;
        tokio::select! {
            biased;
            () = self.hangup.heard() => {
                self.over = true;
                return Some(Err(Reset));
            }
            () = self.wake.heard() => return None,
            () = sleep_until(end) => self.over = true,
            () = sleep_until(bookmark), if self.plan.bookmarks => {}
        }
        if self.over && end < self.deadline {
            return Some(Err(Reset));
        }
        self.bookmark = Instant::now() + BOOKMARK_EVERY;
        self.plan
            .bookmarks
            .then(|| Ok(self.kubebox.bookmark(&mut self.plan)))
    }
}
