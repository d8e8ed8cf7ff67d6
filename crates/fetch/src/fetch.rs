//! Shell. The handle everybody holds, and the background task.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{Find, Listing, ProviderError, Validation};

use crate::{Answer, FetchOptions, Lane, Read, Source, Stats, Subscription, Wake};

/// All calls to all backends. Cloning gives another handle to the same.
///
/// # Assumptions
/// One task runs [`Fetch::drive`]; without it nothing is called and [`Fetch::run`] waits.
#[derive(Debug, Clone)]
pub struct Fetch {
    options: Arc<FetchOptions>,
}

impl Fetch {
    /// Makes an idle one.
    #[must_use]
    pub fn new(options: FetchOptions) -> Self {
        Self {
            options: Arc::new(options),
        }
    }

    /// Reads every key for `object`; one answer per read, in order.
    ///
    /// # Guarantees
    /// Everybody who asks for the same key under the same identity shares one call, and the value
    /// it gave for at most 30 s. No permit is held while waiting. Dropping the future harms nobody.
    pub async fn run(&self, object: &Arc<str>, reads: Vec<Read>) -> Vec<Answer> {
        let _ = (object, reads, &self.options);
        Vec::new()
    }

    /// Replaces what `object` depends on: each key is polled at least every `interval` (at least
    /// 1 s) from now on. An empty list or a zero interval is [`Fetch::unsubscribe`].
    ///
    /// Subscribing never causes a call by itself. A key polled for others at a shorter interval
    /// serves this object too. A known value other than `seen` wakes the object at once.
    pub fn subscribe(&self, object: &Arc<str>, keys: Vec<Subscription>, interval: Duration) {
        let _ = (object, keys, interval, &self.options);
    }

    /// Ends the subscriptions of `object`; a wake that was not taken is dropped.
    pub fn unsubscribe(&self, object: &str) {
        let _ = object;
    }

    /// The Unix time at which the oldest of the object's keys last gave a value; `None` when one
    /// of them has not yet, or fails now, or the object has no subscription.
    #[must_use]
    pub fn refreshed_at(&self, object: &str) -> Option<Duration> {
        let _ = object;
        None
    }

    /// Waits for the next object to wake; `None` after shutdown. Wakes of one object coalesce
    /// until they are taken, so the set is bounded by the objects and none is lost. Cancel safe.
    pub async fn next_wake(&self) -> Option<Wake> {
        std::future::pending().await
    }

    /// `Provider::validate` under the endpoint's limits.
    ///
    /// # Errors
    /// Those of the provider, `Unavailable` after the call deadline or while the breaker is open.
    pub async fn validate(&self, source: &Source, lane: Lane) -> Result<Validation, ProviderError> {
        let _ = lane;
        source.provider.validate().await
    }

    /// `Provider::list` under the endpoint's limits.
    ///
    /// # Errors
    /// Those of the provider, `Unavailable` after the call deadline or while the breaker is open.
    pub async fn list(
        &self,
        source: &Source,
        find: &Find,
        lane: Lane,
    ) -> Result<Listing, ProviderError> {
        let _ = lane;
        source.provider.list(find).await
    }

    /// Makes the calls and the polls until `shutdown` is done; then whoever waits gets
    /// `Unavailable`, and so does whoever asks later.
    ///
    /// Dropping it early and calling it again is safe: calls that were cut off are made again.
    pub async fn drive(&self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}
