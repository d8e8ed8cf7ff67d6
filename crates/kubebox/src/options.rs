//! Pure. What an embedded API is made with.

use std::sync::Arc;

use crate::clock::{Clock, TokioClock};

/// Settings of a [`Kubebox`](crate::Kubebox).
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds UIDs, generated names, fault probabilities and (unless given) the token key: the
    /// same seed and requests give the same answers. Take a random one outside tests.
    pub seed: u64,
    /// Changes remembered per resource; older watches and pages get 410. At least 1.
    pub history: usize,
    /// Whether to act as kube-controller-manager too: garbage collection, the emptying of
    /// terminating namespaces, and each namespace's `default` service account.
    pub controllers: bool,
    /// Requests remembered by [`Kubebox::requests`](crate::Kubebox::requests); the oldest go.
    pub request_log: usize,
    /// Signs service account tokens; derived from `seed` when absent.
    pub token_key: Option<[u8; 32]>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    /// Seed 0, 10,000 changes a resource, controllers on, 100,000 requests, the machine's time.
    fn default() -> Self {
        Self {
            seed: 0,
            history: 10_000,
            controllers: true,
            request_log: 100_000,
            token_key: None,
            clock: Arc::new(TokioClock::system()),
        }
    }
}
