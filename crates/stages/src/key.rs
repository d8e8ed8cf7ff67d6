//! Pure. Names of objects and what a decision takes from outside.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tidegate_api::{StoreKind, StoreRef};

/// Namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// Joins a namespace and a name.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Kind and name of a store as its users write it.
///
/// A SecretStore is always looked up in the namespace of the object that refers to it, so the key
/// has no namespace that a user could set (P5).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey {
    /// SecretStore or ClusterSecretStore.
    pub kind: StoreKind,
    /// Its name.
    pub name: Arc<str>,
}

impl StoreKey {
    /// The store that `reference` names; `None` when it names none.
    #[must_use]
    pub fn of(reference: &StoreRef) -> Option<Self> {
        let name = reference.name.as_deref().filter(|name| !name.is_empty())?;
        Some(Self {
            kind: reference.kind.unwrap_or_default(),
            name: name.into(),
        })
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.kind, self.name)
    }
}

/// What a decision takes from outside beside the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Env {
    /// The wall clock.
    pub now: Timestamp,
    /// One random number, for jitter.
    pub rng: u64,
}

impl Env {
    /// A fraction in `0.0..1.0` that depends on `rng` alone.
    #[must_use]
    pub(crate) fn fraction(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let fraction = (self.rng >> 11) as f64 / (1u64 << 53) as f64;
        fraction
    }
}
