//! Pure. Stores: what is wrong with a spec, who may use one, what to tell, when to look again.

mod access;
mod report;
#[cfg(test)]
mod tests;
mod vault;

use std::sync::Arc;
use std::time::Duration;

use tidegate_api::{
    CaProvider, CaProviderKind, GoDuration, IntOrDuration, SecretKeySelector, SecretStoreSpec,
    ServiceAccountSelector, StoreKind, names,
};

use crate::Retry;
pub use access::allows;
pub use report::{StoreReport, next_validation, status};

/// What a look at a store found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOutcome {
    /// Backend and credentials are usable.
    Valid,
    /// It could not be told, for this reason.
    Unknown(Arc<str>),
    /// It cannot be used.
    Invalid(StoreDefect),
}

/// Why a store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreDefect {
    /// ESO's leading text.
    pub lead: &'static str,
    /// The failing field and the cause, without values.
    pub detail: Arc<str>,
    /// When it is looked at again.
    pub retry: Retry,
}

impl StoreDefect {
    /// A defect that only a change of the store, or of an object that it names, mends.
    #[must_use]
    pub fn of_spec(detail: impl Into<Arc<str>>) -> Self {
        Self {
            lead: names::MSG_STORE_CLIENT,
            detail: detail.into(),
            retry: Retry::OnChange,
        }
    }

    /// The message of the condition.
    #[must_use]
    pub fn message(&self) -> String {
        let rule = match self.retry {
            Retry::OnChange => {
                "looked at again when the store or an object that it names changes, and every 10m"
            }
            Retry::Backoff | Retry::After(_) => self.retry.rule(),
        };
        format!("{}: {}; {rule}", self.lead, self.detail)
    }
}

/// What a store refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Path of the field, such as `vault.auth.tokenSecretRef`.
    pub field: &'static str,
    /// What kind of object it names.
    pub kind: RefKind,
    /// Its name.
    pub name: String,
    /// The key in it.
    pub key: Option<String>,
    /// The namespace that the field names.
    pub namespace: Option<String>,
    /// Whether a ClusterSecretStore must name the namespace.
    pub(crate) needs_namespace: bool,
}

/// Kinds of objects that a store refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A ServiceAccount whose tokens are asked for.
    ServiceAccount,
}

impl Reference {
    fn secret(field: &'static str, selector: &SecretKeySelector) -> Self {
        Self {
            field,
            kind: RefKind::Secret,
            name: selector.name.clone().unwrap_or_default(),
            key: selector.key.clone(),
            namespace: selector.namespace.clone(),
            needs_namespace: false,
        }
    }

    fn account(field: &'static str, selector: &ServiceAccountSelector) -> Self {
        Self {
            field,
            kind: RefKind::ServiceAccount,
            name: selector.name.clone(),
            key: None,
            namespace: selector.namespace.clone(),
            needs_namespace: false,
        }
    }

    fn ca(field: &'static str, provider: &CaProvider) -> Self {
        Self {
            field,
            kind: match provider.type_ {
                CaProviderKind::Secret => RefKind::Secret,
                CaProviderKind::ConfigMap => RefKind::ConfigMap,
            },
            name: provider.name.clone(),
            key: provider.key.clone(),
            namespace: provider.namespace.clone(),
            needs_namespace: true,
        }
    }
}

/// Everything that the store refers to: what it must be looked at again for when it changes.
#[must_use]
pub fn references(spec: &SecretStoreSpec) -> Vec<Reference> {
    (spec.provider.vault.as_ref()).map_or_else(Vec::new, vault::references)
}

/// Checks a spec without looking at anything else.
///
/// `namespace` is that of a SecretStore, `None` for a ClusterSecretStore.
///
/// # Errors
/// The first defect.
pub fn check(spec: &SecretStoreSpec, namespace: Option<&str>) -> Result<(), StoreDefect> {
    provider(spec)?;
    interval(spec).map_err(|cause| StoreDefect::of_spec(format!("refreshInterval: {cause}")))?;
    access::check(&spec.conditions).map_err(StoreDefect::of_spec)?;
    for reference in references(spec) {
        scope(&reference, namespace)?;
    }
    (spec.provider.vault.as_ref()).map_or(Ok(()), vault::check)
}

/// Whether a controller of `class` serves the store: one without a class is everybody's.
#[must_use]
pub fn serves(spec: &SecretStoreSpec, class: &str) -> bool {
    (spec.controller.as_deref()).is_none_or(|wanted| wanted.is_empty() || wanted == class)
}

/// Kind of the store that `namespace` tells.
#[must_use]
pub fn kind(namespace: Option<&str>) -> StoreKind {
    match namespace {
        Some(_) => StoreKind::SecretStore,
        None => StoreKind::ClusterSecretStore,
    }
}

/// Exactly one provider, and one that is served.
fn provider(spec: &SecretStoreSpec) -> Result<(), StoreDefect> {
    let provider = &spec.provider;
    let served = [
        ("vault", provider.vault.is_some()),
        ("fake", provider.fake.is_some()),
    ];
    let mut set: Vec<&str> = (served.iter().filter(|(_, set)| *set).map(|(name, _)| *name))
        .chain(provider.other.keys().map(String::as_str))
        .collect();
    set.sort_unstable();
    match set[..] {
        [] => Err(StoreDefect::of_spec("spec.provider names no provider")),
        [one] if provider.other.contains_key(one) => Err(StoreDefect::of_spec(format!(
            "provider {one:?} is not served by this version"
        ))),
        [_] => Ok(()),
        _ => Err(StoreDefect::of_spec(format!(
            "spec.provider must name exactly one provider, not {}",
            set.join(" and ")
        ))),
    }
}

/// A namespaced store never reaches another namespace (P5).
fn scope(reference: &Reference, namespace: Option<&str>) -> Result<(), StoreDefect> {
    let field = reference.field;
    if reference.name.is_empty() {
        return Err(StoreDefect::of_spec(format!("{field}.name is missing")));
    }
    match (namespace, reference.namespace.as_deref()) {
        (Some(own), Some(other)) if own != other => Err(StoreDefect::of_spec(format!(
            "{field}.namespace must be empty or the namespace of the SecretStore"
        ))),
        (None, None) if reference.needs_namespace => Err(StoreDefect::of_spec(format!(
            "{field}.namespace is needed in a ClusterSecretStore"
        ))),
        _ => Ok(()),
    }
}

/// How often the store is validated; `None` leaves it to the process.
fn interval(spec: &SecretStoreSpec) -> Result<Option<Duration>, String> {
    let interval = match &spec.refresh_interval {
        None => return Ok(None),
        Some(IntOrDuration::Seconds(seconds)) => {
            Duration::from_secs(u64::try_from(*seconds).map_err(|_| "must not be negative")?)
        }
        Some(IntOrDuration::Text(text)) if text.starts_with('-') => {
            return Err("must not be negative".to_owned());
        }
        Some(IntOrDuration::Text(text)) => {
            GoDuration::parse(text)
                .map_err(|error| error.to_string())?
                .0
        }
    };
    Ok((!interval.is_zero()).then_some(interval))
}
