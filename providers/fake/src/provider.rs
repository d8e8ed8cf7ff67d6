//! Shell. The fake provider: ESO's fields and rules, safe under any concurrency.

use std::sync::Arc;

use async_trait::async_trait;
use regex::Regex;
use tidegate_contract::{
    ErrorKind, Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret, Validation,
};

use crate::entries::{Entries, FakeEntry};
use crate::handle::{FakeHandle, Shared, State};

/// What validation answers: `validationResult` of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FakeValidation {
    /// 0, the default: usable.
    #[default]
    Ready,
    /// 1: not to be told; ESO reports it together with the error `unable to validate`.
    Unknown,
    /// 2: not usable.
    Error,
}

impl FakeValidation {
    /// Reads the store's number; anything but 0 and 1 is an error.
    #[must_use]
    pub const fn from_number(number: Option<i64>) -> Self {
        match number {
            None | Some(0) => Self::Ready,
            Some(1) => Self::Unknown,
            Some(_) => Self::Error,
        }
    }
}

/// A backend whose values were given to it.
///
/// # Guarantees
/// Any number of calls and changes may run at once; each call sees one state of all entries.
#[derive(Debug)]
pub struct FakeProvider {
    shared: Arc<Shared>,
    validation: FakeValidation,
}

impl FakeProvider {
    /// Holds `data`; of entries that agree in key and version, the last counts.
    #[must_use]
    pub fn new(data: Vec<FakeEntry>, validation: FakeValidation) -> Self {
        Self {
            shared: Arc::new(Shared::new(data.into_iter().collect::<Entries>())),
            validation,
        }
    }

    /// A handle to change the values at run time.
    #[must_use]
    pub fn handle(&self) -> FakeHandle {
        FakeHandle(Arc::clone(&self.shared))
    }
}

#[async_trait]
impl Provider for FakeProvider {
    /// Memory has no limits; 64 and 100 keep the callers' buffers small.
    fn limits(&self) -> Limits {
        Limits {
            in_flight: 64,
            keys_per_call: 100,
            rate: None,
        }
    }

    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        self.shared.count(keys.len());
        let state = self.shared.state();
        keys.iter().map(|key| answer(&state, key)).collect()
    }

    async fn list(&self, filter: &Find) -> Result<Listing, ProviderError> {
        let state = self.shared.state();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let Some(name) = &filter.name else {
            return Err(invalid("the fake provider finds by name only"));
        };
        let name = Regex::new(name)
            .map_err(|_| invalid("find.name.regexp is not a regular expression"))?;
        let keys = state.entries.find(&name).into_iter();
        Ok(Listing {
            keys: keys
                .map(|(key, version)| RemoteKey {
                    version: Some(version).filter(|version| !version.is_empty()),
                    ..RemoteKey::latest(key)
                })
                .collect(),
            complete: true,
        })
    }

    async fn validate(&self) -> Result<Validation, ProviderError> {
        if let Some(failure) = &self.shared.state().failure {
            return Err(failure.clone());
        }
        match self.validation {
            FakeValidation::Ready => Ok(Validation::Ready),
            FakeValidation::Unknown => Ok(Validation::Unknown("unable to validate".to_owned())),
            FakeValidation::Error => Err(invalid("unable to validate")),
        }
    }
}

fn answer(state: &State, key: &RemoteKey) -> Result<RemoteSecret, ProviderError> {
    if let Some(failure) = &state.failure {
        return Err(failure.clone());
    }
    let version = key.version.as_deref();
    state.entries.get(&key.key, version).map_or_else(
        || {
            Err(ProviderError::new(
                ErrorKind::NotFound,
                format!("the fake store has no entry {key}"),
            ))
        },
        |value| {
            Ok(RemoteSecret {
                value: value.clone(),
                version: key.version.clone(),
            })
        },
    )
}

fn invalid(public: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}
