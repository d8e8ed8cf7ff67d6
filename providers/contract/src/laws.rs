//! Seam. The laws that every provider must pass, as code that any provider's tests can run.
//!
//! A provider's tests implement [`Fixture`] over its real server and call [`check`]. A law that
//! does not hold comes back as [`LawBroken`]; what the backend cannot be made to do is counted in
//! [`Checked`], so that the calling test states it instead of skipping it silently.

mod cancel;
mod faults;
mod look;
mod reads;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{ErrorKind, Find, Provider, RemoteKey, RemoteSecret};

/// A text within every value that the laws store; it may turn up in no other output.
pub const MARKER: &str = "law-marker-b1946ac92492d234";

/// What a provider guarantees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// One answer per key, in the order of the keys.
    Order,
    /// A missing key is answered as `NotFound` beside the others.
    Missing,
    /// Bytes survive unchanged.
    Bytes,
    /// An empty value is a value.
    Empty,
    /// Limits are sane, and the backend bears what they allow.
    Limits,
    /// A future dropped at any point leaves nothing half done.
    Cancellation,
    /// No value appears in `Debug`, `Display` or errors.
    Secrecy,
    /// Each failure has its kind.
    Kinds,
    /// The same failure has the same public text each time.
    Stability,
    /// A listing that calls itself complete holds every name, and each can be read.
    Listing,
    /// A failure never looks like a complete listing.
    NoFalseAbsence,
    /// A usable backend is not reported as unusable.
    Validation,
}

/// What can keep a value away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The key does not exist.
    MissingKey,
    /// The key exists, the version does not.
    MissingVersion,
    /// The backend serves nothing at this place, whatever the key.
    UnmountedPath,
    /// The backend does not know the credentials.
    WrongToken,
    /// The credentials do not suffice for this key.
    DeniedPolicy,
    /// The backend is up and refuses to serve.
    Sealed,
    /// Nobody listens.
    Unreachable,
    /// The backend asks to slow down.
    Throttled,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 8] = [
        Self::MissingKey,
        Self::MissingVersion,
        Self::UnmountedPath,
        Self::WrongToken,
        Self::DeniedPolicy,
        Self::Sealed,
        Self::Unreachable,
        Self::Throttled,
    ];

    /// True when `kind` is what this fault must be reported as.
    #[must_use]
    pub const fn is_reported_as(self, kind: ErrorKind) -> bool {
        match self {
            Self::MissingKey | Self::MissingVersion => matches!(kind, ErrorKind::NotFound),
            Self::UnmountedPath => matches!(kind, ErrorKind::Invalid),
            Self::WrongToken => matches!(kind, ErrorKind::Unauthenticated),
            Self::DeniedPolicy => matches!(kind, ErrorKind::Denied),
            Self::Sealed | Self::Unreachable => matches!(kind, ErrorKind::Unavailable),
            Self::Throttled => matches!(kind, ErrorKind::Throttled { .. }),
        }
    }

    /// True when it strikes every call and not just one key.
    const fn strikes_all(self) -> bool {
        matches!(
            self,
            Self::WrongToken | Self::Sealed | Self::Unreachable | Self::Throttled
        )
    }
}

/// What a backend can store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Any bytes.
    Bytes,
    /// Any UTF-8 text.
    Text,
}

/// A provider and a key whose read fails by a [`Fault`].
#[derive(Debug)]
pub struct Provoked {
    /// The provider to ask.
    pub provider: Arc<dyn Provider>,
    /// The key to ask for.
    pub key: RemoteKey,
}

/// The hand of the laws on a backend: it fills it and breaks it.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// What values may be.
    fn carries(&self) -> Carries;

    /// Stores `value` so that the provider under test finds it, and answers where. Names are made
    /// of lower-case letters, digits, `-` and `/`.
    async fn store(&self, name: &str, value: &[u8]) -> RemoteKey;

    /// The bytes that [`Fixture::store`] stored, within an answer; `None` for another shape.
    fn value(&self, answer: &RemoteSecret) -> Option<Vec<u8>>;

    /// A search that finds exactly the names that begin with `prefix/`; `None` when the backend
    /// cannot list.
    fn find(&self, prefix: &str) -> Option<Find>;

    /// Brings `fault` about; `None` when this backend cannot have it.
    async fn provoke(&self, fault: Fault) -> Option<Provoked>;

    /// Ends `fault`.
    async fn mend(&self, fault: Fault);
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Faults that were provoked and came back with the right kind.
    pub faults: Vec<Fault>,
    /// Whether listings were looked at.
    pub listed: bool,
    /// Different points at which a read was dropped before it had its answer.
    pub cancelled: usize,
}

/// A law that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawBroken {
    /// Which law.
    pub law: Law,
    /// What was seen; it may quote the marker, never a real value.
    pub seen: String,
}

impl LawBroken {
    pub(crate) fn new(law: Law, seen: impl Into<String>) -> Self {
        Self {
            law,
            seen: seen.into(),
        }
    }
}

impl fmt::Display for LawBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the law {:?} is broken: {}", self.law, self.seen)
    }
}

impl Error for LawBroken {}

/// Checks every law on `provider`.
///
/// # Errors
/// The first law that does not hold.
pub async fn check(provider: &dyn Provider, fixture: &dyn Fixture) -> Result<Checked, LawBroken> {
    reads::limits_are_sane(provider)?;
    look::secret(&format!("{provider:?}"))?;
    reads::order_and_missing(provider, fixture).await?;
    reads::values_survive(provider, fixture).await?;
    reads::limits_are_borne(provider, fixture).await?;
    let listed = reads::listings_are_whole(provider, fixture).await?;
    reads::validation(provider).await?;
    let cancelled = cancel::drops_do_no_harm(provider, fixture).await?;
    let faults = faults::kinds(provider, fixture).await?;
    look::secret(&format!("{provider:?}"))?;
    Ok(Checked {
        faults,
        listed,
        cancelled,
    })
}

#[cfg(test)]
mod tests;
