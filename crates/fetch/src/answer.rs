//! Pure. What is asked of `fetch` and what it answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{ErrorKind, Provider, RemoteKey, RemoteSecret};

use crate::{Endpoint, Fingerprint, Identity, Lane};

/// A backend as one identity sees it.
///
/// Every `Source` with an equal [`Identity`] must lead to the same backend; the provider of the
/// latest one is used.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose eyes a value is read with.
    pub identity: Identity,
    /// What the limits belong to.
    pub endpoint: Endpoint,
    /// The backend.
    pub provider: Arc<dyn Provider>,
}

/// One key to read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Where from.
    pub source: Source,
    /// What.
    pub key: RemoteKey,
    /// How urgent.
    pub lane: Lane,
    /// Unix time: an answer counts only when its call started at or after it. `None` takes any
    /// answer that is held (at most 30 s old). A time to come counts as now.
    pub not_before: Option<Duration>,
}

/// One key that an object depends on from now on.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Where from.
    pub source: Source,
    /// What.
    pub key: RemoteKey,
    /// The last answer for this key that the object acted on.
    pub seen: Seen,
    /// Unix time of the last good refresh as the object's status tells, so that a restart polls
    /// nothing that was read just before; `None` when there was none.
    pub refreshed: Option<Duration>,
}

/// What an object knows of a key when it subscribes; `Seen::from(&answer)` makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Nothing in this process (it was found in sync after a start): the next poll wakes it.
    Nothing,
    /// A failure.
    Failure(Option<Absence>),
    /// A value, even if acting on it failed (a template error, say).
    Value(Fingerprint),
}

impl From<&Answer> for Seen {
    fn from(answer: &Answer) -> Self {
        match answer {
            Ok(value) => Self::Value(value.fingerprint),
            Err(failure) => Self::Failure(failure.absence),
        }
    }
}

/// The answer to one [`Read`].
pub type Answer = Result<Value, FetchFailure>;

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The bytes and version; clones share one buffer that is zeroized with the last of them.
    pub secret: RemoteSecret,
    /// Equal for equal bytes, in this process.
    pub fingerprint: Fingerprint,
}

/// A read that gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    /// The kind alone decides condition and retry.
    pub kind: ErrorKind,
    /// The text for conditions, events and logs: stable between attempts, free of values.
    pub public: Arc<str>,
    /// Set when the backend says that the key does not exist.
    pub absence: Option<Absence>,
    /// Unix time until which this answer is given again without a call. A subscribed object need
    /// not come back by itself: its keys are tried again and it is woken when anything changes.
    pub retry_at: Duration,
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public)
    }
}

impl std::error::Error for FetchFailure {}

/// How sure it is that a key does not exist (P1, design 5.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Absence {
    /// True after a second NotFound at least 30 s later, or when the same identity read another
    /// key well within the last 60 s. Only then may anything be removed.
    pub confirmed: bool,
}

/// An object has something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// The name given to `subscribe`.
    pub object: Arc<str>,
    /// Why; the most urgent cause when several came together.
    pub cause: Cause,
}

/// Why an object is woken, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// A value is another one than the object acted on.
    Changed,
    /// A key answers again.
    Recovered,
    /// A key is no longer there; again when the absence is confirmed.
    Absent,
    /// A key can't be read any more, or for another reason than before.
    Failed,
    /// The first answer that this object can see in this process.
    FirstLook,
}

impl Cause {
    /// A short stable word for metric labels and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Recovered => "recovered",
            Self::Absent => "absent",
            Self::Failed => "failed",
            Self::FirstLook => "first_look",
        }
    }
}
