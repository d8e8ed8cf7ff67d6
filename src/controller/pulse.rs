//! Shell. Liveness means progress: work that waits while nothing moves is a reason to restart.

use std::sync::Arc;
use std::time::Duration;

use tidegate_queue::LANES;

use super::context::Context;
use crate::admin::Health;

/// How often the pulse is felt.
const BEAT: Duration = Duration::from_secs(10);
/// How long nothing may move while something waits: longer than any single deadline.
const PATIENCE: Duration = Duration::from_secs(300);

/// Tells the liveness probe whether anything moves, for ever.
pub(super) async fn watch(ctx: &Arc<Context>, health: &Health) {
    let mut last = 0;
    let mut still = Duration::ZERO;
    loop {
        tokio::time::sleep(BEAT).await;
        let queue = ctx.queue.stats();
        let done: u64 = LANES.iter().map(|lane| queue.lane(*lane).taken).sum();
        let waiting = queue.depth();
        let fetch = ctx.fetch.stats();
        let stuck = (waiting > 0 && done == last) || fetch.lag > PATIENCE;
        still = if stuck { still + BEAT } else { Duration::ZERO };
        last = done;
        if still >= PATIENCE {
            tracing::error!(waiting, lag = ?fetch.lag, "no progress while work is waiting");
        }
        health.set_stuck(still >= PATIENCE);
    }
}
