//! Pure. What can be set about calls to backends, with the reason for each default.

use std::sync::Arc;
use std::time::Duration;

use crate::{Clock, FingerprintKey};

/// Settings of a [`crate::Fetch`].
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// The cluster's identity (UID of the namespace `kube-system`): it spreads the polls of many
    /// clusters over the interval, and gives one cluster the same phases after a restart.
    pub salt: String,
    /// The per-process key of fingerprints.
    pub fingerprint_key: FingerprintKey,
    /// A random number that seeds the jitter of retries.
    pub seed: u64,
    /// Calls in flight per endpoint, at most; a provider's own limit counts too. 32 keeps a Vault
    /// on the same two cores below the latency where more in flight gives no more answers.
    pub in_flight: usize,
    /// Calls per second and endpoint, at most; a provider's own limit counts too. A ceiling far
    /// above what polling needs: the calls in flight and the backend's push-back bound it sooner.
    pub rate: f64,
    /// Calls per second with which an endpoint nobody has called yet is approached; it doubles with
    /// every 50 answers while there is demand and no push-back.
    pub initial_rate: f64,
    /// How long a call may take before it counts as `Unavailable`.
    pub call_deadline: Duration,
    /// How long a part-filled batch waits for more keys; only where a call takes several.
    pub linger: Duration,
    /// Bytes of values held for readers to come, at most; the oldest go first.
    pub held_bytes: usize,
}

impl FetchOptions {
    /// The defaults, around what only the caller can know.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        salt: impl Into<String>,
        fingerprint_key: FingerprintKey,
        seed: u64,
    ) -> Self {
        Self {
            clock,
            salt: salt.into(),
            fingerprint_key,
            seed,
            in_flight: 32,
            rate: 2000.0,
            initial_rate: 50.0,
            call_deadline: Duration::from_secs(30),
            linger: Duration::from_millis(5),
            held_bytes: 32 << 20,
        }
    }
}
