//! Pure. What is asked of a backend and what it answers.

use std::collections::BTreeMap;
use std::fmt;

use crate::SecretValue;

/// A path in a backend, with what else selects the answer.
///
/// Two objects that ask for equal `RemoteKey`s under one identity share one call. `Display` gives
/// a stable text for conditions, such as `app/db@3`; keys are not secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteKey {
    /// The backend's path or name, as the user wrote it.
    pub key: String,
    /// A version or stage; `None` is the latest.
    pub version: Option<String>,
    /// True to read the metadata (tags, labels) instead of the value.
    pub metadata: bool,
    /// Set only where the backend itself resolves properties; otherwise properties are looked up
    /// after the read and do not split the call.
    pub property: Option<String>,
}

impl RemoteKey {
    /// The latest value under `key`.
    #[must_use]
    pub fn latest(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            version: None,
            metadata: false,
            property: None,
        }
    }
}

impl fmt::Display for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(version) = &self.version {
            write!(f, "@{version}")?;
        }
        if self.metadata {
            f.write_str(" (metadata)")?;
        }
        Ok(())
    }
}

/// One answer of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSecret {
    /// The bytes as the backend gives them; key/value backends answer one JSON object.
    pub value: SecretValue,
    /// The version that was read, where the backend tells.
    pub version: Option<String>,
}

/// What a `dataFrom.find` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Find {
    /// Where to search, in the backend's own notation.
    pub path: Option<String>,
    /// An unanchored RE2 expression on the name.
    pub name: Option<String>,
    /// Tags that must all be equal.
    pub tags: BTreeMap<String, String>,
}

/// The names that match a [`Find`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The matching keys, in the backend's order.
    pub keys: Vec<RemoteKey>,
    /// False when the backend cut the answer short: then a missing name proves nothing (P1).
    pub complete: bool,
}
