//! Pure. What happened: the result of one pass, and the one error type of all stages.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::ErrorKind;

use crate::diff::Why;
use crate::plan::ForeignReason;

/// When a failure is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// With growing pauses from 1 s to 7 min.
    Backoff,
    /// As [`Retry::Backoff`], and not before the backend allows it.
    After(Duration),
    /// When an object it depends on changes; every 10 min as well, in case an event was lost.
    OnChange,
}

impl Retry {
    /// The rule in words for a condition: stable, so that repeats write nothing.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Backoff => "retried with pauses that grow from 1s to 7m",
            Self::After(_) => "retried when the backend allows, within 7m where it does not say",
            Self::OnChange => {
                "retried when the ExternalSecret, its store or its target changes, and every 10m"
            }
        }
    }
}

impl From<ErrorKind> for Retry {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Throttled { after: Some(after) } => Self::After(after),
            ErrorKind::Throttled { after: None }
            | ErrorKind::NotFound
            | ErrorKind::Denied
            | ErrorKind::Unauthenticated
            | ErrorKind::Conflict
            | ErrorKind::Unavailable
            | ErrorKind::Invalid => Self::Backoff,
        }
    }
}

/// Why an ExternalSecret is not synced.
///
/// # Guarantees
/// No text in it holds a byte of a value, an address, an id of a request or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncError {
    /// ESO's leading text, from [`tidegate_api::names`].
    pub lead: &'static str,
    /// The failing entry or object and the cause.
    pub detail: Arc<str>,
    /// When it is tried again.
    pub retry: Retry,
    /// A short stable word for metric labels and logs.
    pub label: &'static str,
}

impl SyncError {
    /// A defect that only a change of some object mends.
    #[must_use]
    pub fn defect(lead: &'static str, detail: impl Into<Arc<str>>) -> Self {
        Self {
            lead,
            detail: detail.into(),
            retry: Retry::OnChange,
            label: "defect",
        }
    }

    /// A failure of `kind` that time may mend.
    #[must_use]
    pub fn failure(lead: &'static str, detail: impl Into<Arc<str>>, kind: ErrorKind) -> Self {
        Self {
            lead,
            detail: detail.into(),
            retry: kind.into(),
            label: kind.label(),
        }
    }

    /// The message of the condition: leading text, cause, retry rule.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{}: {}; {}", self.lead, self.detail, self.retry.rule())
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.lead, self.detail)
    }
}

impl std::error::Error for SyncError {}

/// An entry that the backend does not have and that the deletion policy allows to be absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingEntry {
    /// Where it stands in the spec, such as `spec.data[0] (key: app/db)`.
    pub position: Arc<str>,
    /// Whether the absence was seen twice, or beside a good answer (evidence of absence, P1).
    pub confirmed: bool,
}

/// Why nothing is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdleReason {
    /// The refresh policy asks for nothing now.
    UpToDate,
    /// A refresh is due and the sync windows are closed.
    WindowClosed,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The object is being deleted and nothing of ours holds it.
    Deleting,
}

/// What the Ready condition says of a pass that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ready {
    /// The Secret equals what is declared.
    Synced,
    /// Nothing was found and the policy is Retain.
    Retained,
    /// Nothing was found and the policy is Delete.
    Deleted,
    /// creationPolicy Merge and no Secret to merge into.
    Missing,
}

/// What was done to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Written {
    /// Nothing: it was equal.
    Nothing,
    /// It was created.
    Created,
    /// It was updated.
    Updated,
    /// It was deleted.
    Deleted,
}

/// A pass that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// What the condition says.
    pub ready: Ready,
    /// What was done to the target.
    pub written: Written,
    /// Entries that the backend lacks.
    pub missing: Vec<MissingEntry>,
    /// Names of the Secrets of an older target name that were deleted.
    pub orphans_deleted: Vec<Arc<str>>,
}

/// Why a pass is repeated soon without a word to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Again {
    /// The target changed under our hands; the watch will bring it.
    Conflict,
    /// Something vanished at the backend; a second look must confirm it before anything goes.
    AbsenceUnconfirmed,
}

/// What happened in one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The object belongs to another controller.
    Foreign(ForeignReason),
    /// Nothing was due.
    Idle(IdleReason),
    /// It was looked at and all is as declared.
    Synced(Synced),
    /// Repeat soon.
    Again(Again),
    /// It failed.
    Failed(SyncError),
    /// The object is being deleted and our part of that is done.
    Cleaned,
}

/// What the API server did with a [`crate::Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What was done to the target.
    pub written: Written,
    /// Why nothing was, when [`crate::merge`] said so.
    pub nothing: Option<Why>,
    /// Names of the orphans that are gone.
    pub orphans_deleted: Vec<Arc<str>>,
}

/// Why the API server did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyFailure {
    /// The target changed meanwhile (409 on an update, or a second AlreadyExists).
    Conflict,
    /// A decision that [`crate::merge`] took on the live Secret.
    Refused(SyncError),
    /// An orphan could not be deleted.
    Orphan {
        /// One stable sentence without values.
        public: Arc<str>,
        /// What kind of failure it was.
        kind: ErrorKind,
    },
    /// The write failed.
    Write {
        /// One stable sentence without values.
        public: Arc<str>,
        /// What kind of failure it was.
        kind: ErrorKind,
    },
}
