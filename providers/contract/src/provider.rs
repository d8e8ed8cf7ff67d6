//! Seam. The trait a backend implements.

use std::fmt;

use async_trait::async_trait;

use crate::{Find, Listing, ProviderError, RemoteKey, RemoteSecret};

/// What a backend can take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Calls in flight at once, at most.
    pub in_flight: usize,
    /// Keys in one call of [`Provider::fetch`], at most; 1 where there is no batch API.
    pub keys_per_call: usize,
    /// Calls per second, where the backend publishes a limit.
    pub rate: Option<f64>,
}

/// What a look at the backend and the credentials found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validation {
    /// The backend answered and knows the identity.
    Ready,
    /// It cannot be told from here, for the given reason (for example a ClusterSecretStore whose
    /// credentials belong to each consumer's namespace).
    Unknown(String),
}

/// A backend seen with one identity.
///
/// # Guarantees every implementation gives (`laws` checks them)
/// Answers come one per key and in order; a missing key is an answer (`NotFound`), not a failure of
/// the call; bytes survive unchanged; dropping a future leaves nothing half done; no value appears
/// in `Debug` or in errors.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// What this backend can take.
    fn limits(&self) -> Limits;

    /// Reads each key: at most [`Limits::keys_per_call`] of them. One answer per key, in order.
    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>>;

    /// Names that match `filter`, and whether the answer is complete.
    async fn list(&self, filter: &Find) -> Result<Listing, ProviderError>;

    /// Looks whether backend and credentials are usable, without reading a secret.
    async fn validate(&self) -> Result<Validation, ProviderError>;
}
