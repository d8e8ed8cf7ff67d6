//! Seam. A key service: wraps small keys under the versions of one key that never leaves it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{ErrorKind, ProviderError, SecretValue};

/// Why a key service did not do what was asked. The fault alone decides whether another endpoint
/// is tried, whether caches are purged, and the gRPC code.
///
/// It comes from status codes and the structure of a body, never from wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WrapFault {
    /// No answer, or none that says anything about the key: outage, time-out, sealed, 5xx.
    Unavailable,
    /// The service pushes back.
    Throttled {
        /// How long it asks to stay away, when it says so.
        after: Option<Duration>,
    },
    /// The identity is known and may not use the key.
    Denied,
    /// The identity is not (or no longer) known.
    Unauthenticated,
    /// The key or this version of it exists and is switched off.
    Disabled,
    /// The key or this version of it is gone.
    Deleted,
    /// The bytes are not what this key made for this context.
    Corrupt,
    /// The request or the configuration is wrong; repeating it unchanged will not help.
    Invalid,
}

impl WrapFault {
    /// A short stable word for metric labels and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Throttled { .. } => "throttled",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Corrupt => "corrupt",
            Self::Invalid => "invalid",
        }
    }

    /// True when somebody took the right to use the key away: nothing unwrapped may be kept.
    #[must_use]
    pub const fn revokes(self) -> bool {
        matches!(
            self,
            Self::Denied | Self::Unauthenticated | Self::Disabled | Self::Deleted
        )
    }

    /// True when the endpoint is to blame rather than the request, so that another may do.
    #[must_use]
    pub const fn is_of_endpoint(self) -> bool {
        matches!(self, Self::Unavailable | Self::Throttled { .. })
    }
}

/// A failure of a key service. The text is stable between attempts and free of key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrapError {
    fault: WrapFault,
    public: Cow<'static, str>,
}

impl WrapError {
    /// Makes an error whose `public` text names what was asked and the cure.
    #[must_use]
    pub fn new(fault: WrapFault, public: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fault,
            public: public.into(),
        }
    }

    /// What went wrong.
    #[must_use]
    pub const fn fault(&self) -> WrapFault {
        self.fault
    }

    /// The text for health answers, logs and gRPC messages.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}

impl fmt::Display for WrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public)
    }
}

impl Error for WrapError {}

impl From<ProviderError> for WrapError {
    /// For what has the same meaning in both worlds: `NotFound` is a key that is gone.
    fn from(error: ProviderError) -> Self {
        let fault = match error.kind() {
            ErrorKind::NotFound => WrapFault::Deleted,
            ErrorKind::Denied => WrapFault::Denied,
            ErrorKind::Unauthenticated => WrapFault::Unauthenticated,
            ErrorKind::Throttled { after } => WrapFault::Throttled { after },
            ErrorKind::Unavailable => WrapFault::Unavailable,
            ErrorKind::Conflict | ErrorKind::Invalid => WrapFault::Invalid,
        };
        Self::new(fault, error.public().to_owned())
    }
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyVersion {
    /// When it was made, as the key service says: time since the Unix epoch.
    pub created: Duration,
    /// Breaks ties between versions made within the clock's resolution.
    pub ordinal: u64,
    /// The service's own name of it, such as `3`. Public; stored beside what it wraps.
    pub name: String,
    /// What tells this material from any other of the same name (a fingerprint, a key's own id);
    /// empty where the service offers nothing.
    pub material: String,
}

/// Which key it is: with a [`KeyVersion`] it becomes the key id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyIdentity {
    /// The sort of key service, such as `transit`.
    pub kind: &'static str,
    /// Whose key: namespace, account, vault; the same for every endpoint and node.
    pub authority: String,
    /// The key's name there.
    pub key: String,
}

/// One endpoint of a key service, seen with one identity.
///
/// # Guarantees every implementation gives
/// What is wrapped under a version unwraps under it with the same context and with no other;
/// changed bytes are `Corrupt`; bytes survive unchanged; no plaintext in `Debug` or in errors. An
/// implementation has no retries and no cache.
#[async_trait]
pub trait KeyWrapper: fmt::Debug + Send + Sync {
    /// Which key this is; equal for all endpoints of one key service.
    fn identity(&self) -> KeyIdentity;

    /// The versions that can be unwrapped now, in any order.
    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError>;

    /// Wraps a small plaintext under exactly this version, bound to `context`.
    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError>;

    /// Opens what [`KeyWrapper::wrap`] made, or what another program wrapped with the same key:
    /// then `context` is empty, and `version` too where the bytes themselves tell it.
    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outages_leave_what_was_unwrapped_alone() {
        use WrapFault as F;
        let check = |fault: F, revokes: bool, endpoint: bool| {
            assert_eq!(
                (fault.revokes(), fault.is_of_endpoint()),
                (revokes, endpoint),
                "{}",
                fault.label()
            );
        };
        check(F::Unavailable, false, true);
        check(F::Throttled { after: None }, false, true);
        for fault in [F::Denied, F::Unauthenticated, F::Disabled, F::Deleted] {
            check(fault, true, false);
        }
        check(F::Corrupt, false, false);
        check(F::Invalid, false, false);
    }
}
