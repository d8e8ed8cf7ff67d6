//! Pure. Why a backend did not answer, as a kind that alone decides what happens next.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What kind of failure it was. The kind alone decides retry, condition and gRPC code.
///
/// It comes from status codes and the structure of a body, never from wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The backend says that the key does not exist: evidence of absence.
    NotFound,
    /// The identity is known and may not read the key.
    Denied,
    /// The identity is not (or no longer) known; one new login is worth trying.
    Unauthenticated,
    /// The backend pushes back.
    Throttled {
        /// How long the backend asks to stay away, when it says so.
        after: Option<Duration>,
    },
    /// A conditional write lost against another writer.
    Conflict,
    /// No answer, or none that says anything about the key: outage, time-out, sealed, 5xx.
    Unavailable,
    /// The request or the configuration is wrong; repeating it unchanged will not help.
    Invalid,
}

impl ErrorKind {
    /// A short stable word for metric labels and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Throttled { .. } => "throttled",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
        }
    }
}

/// A failure of a backend, with two faces.
///
/// [`ProviderError::public`] (also `Display`) is for conditions, events and logs: stable between
/// attempts (no request ids, addresses or times) and free of values. [`ProviderError::full`] adds
/// the chain of sources and is for offline commands only.
#[derive(Clone)]
pub struct ProviderError {
    kind: ErrorKind,
    public: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ProviderError {
    /// Makes an error whose `public` text names the position, key or function and the cure.
    #[must_use]
    pub fn new(kind: ErrorKind, public: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            public: public.into(),
            source: None,
        }
    }

    /// Keeps the cause for [`ProviderError::full`].
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The kind of failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for conditions, events and logs.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The text with every cause, for offline commands only: it may quote remote input.
    #[must_use]
    pub fn full(&self) -> String {
        let mut text = self.public.to_string();
        let mut cause: Option<&dyn Error> =
            self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public)
    }
}

impl fmt::Debug for ProviderError {
    // The source may quote remote input, so it stays out of `Debug` as well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderError({}: {})", self.kind.label(), self.public)
    }
}

impl Error for ProviderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_appear_in_the_full_face_only() {
        let cause = std::io::Error::other("dial 10.0.0.1: refused");
        let error =
            ProviderError::new(ErrorKind::Unavailable, "no connection to Vault").with_source(cause);
        assert_eq!(error.to_string(), "no connection to Vault");
        assert_eq!(
            format!("{error:?}"),
            "ProviderError(unavailable: no connection to Vault)"
        );
        assert_eq!(
            error.full(),
            "no connection to Vault: dial 10.0.0.1: refused"
        );
    }
}
