//! Pure. Settings of a key service, with the reasons of their defaults.

use std::time::Duration;

use crate::contact;

/// Settings of a [`super::KeyService`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Name in logs and metrics.
    pub name: String,
    /// Number of the wrap configuration: raising it makes API servers take new seeds.
    pub generation: u32,
    /// How long after its creation a version becomes active; equal on all nodes, and longer than
    /// two looks, so that each node has proven it by then.
    pub activation_delay: Duration,
    /// Offline policy, grace and revocation horizon.
    pub contact: contact::Options,
    /// How long between two wraps and unwraps in the background: the longest a revocation that no
    /// call meets goes unnoticed.
    pub deep_probe: Duration,
    /// The longest one attempt at one endpoint may take.
    pub attempt: Duration,
    /// The longest a call may take in all: less than the API server's 3 s, so that the answer is
    /// ours and names the cause.
    pub budget: Duration,
    /// Calls that wait for the key service at once.
    pub concurrency: usize,
    /// Unwrapped seeds that are kept. A cluster has one per API server start and key version.
    pub kept: usize,
    /// Wraps seeds under a local key that the key service wrapped.
    pub local_hierarchy: bool,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            generation: 0,
            activation_delay: Duration::from_secs(120),
            contact: contact::Options {
                policy: contact::Policy::Coast,
                grace: Duration::from_secs(30),
                horizon: Duration::from_secs(24 * 3600),
            },
            deep_probe: Duration::from_secs(60),
            attempt: Duration::from_millis(1000),
            budget: Duration::from_millis(2500),
            concurrency: 64,
            kept: 1024,
            local_hierarchy: false,
        }
    }
}
