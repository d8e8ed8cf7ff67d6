//! Pure. Remote values to the data of a Secret: look up, extract, decode, convert, check.

mod convert;
mod decode;
mod json;
mod number;
mod offline;
mod parsed;
mod property;
mod rewrite;
mod seed;
mod sources;
mod template;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_api::{DeletionPolicy, NullBytePolicy, ProviderSpec, RemoteRef, Template, names};
use tidegate_contract::{ErrorKind, ProviderError, RemoteSecret, SecretValue};

use crate::outcome::{MissingEntry, Retry, SyncError};
use crate::{Entry, Env, Observed, PlannedRead, ReadPlan, StoreView};
pub use offline::Offline;
pub use parsed::Templates;
pub use seed::Seed;
pub use sources::{TemplateSourceKey, TemplateSourceKind, TemplateSources, template_sources};
pub use template::Shape;
pub(crate) use template::{Target, volatile};

/// What the Secret shall hold.
#[derive(Debug, Clone)]
pub enum Rendered {
    /// These keys and values.
    Secret(Desired),
    /// Every entry gave nothing; the deletion policy says what that means.
    Empty {
        /// Entries that the backend lacks; none when it answered with empty maps.
        missing: Vec<MissingEntry>,
    },
}

/// Keys and values of the Secret.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Our keys and values.
    pub data: BTreeMap<String, SecretValue>,
    /// The same values as ESO renders them, for the keys where ESO loses precision.
    pub legacy: BTreeMap<String, SecretValue>,
    /// Entries that the backend lacks and the deletion policy allows to be absent.
    pub missing: Vec<MissingEntry>,
    /// What the template makes of the Secret beside its data; `None` without a template.
    pub shape: Option<Shape>,
}

/// Why one value could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// One stable sentence without values.
    pub public: Arc<str>,
    /// For `NotFound`: whether it was seen twice at least 30 s apart, or while the same identity
    /// read another key well within the last minute.
    pub confirmed: bool,
}

impl FetchFailure {
    /// Takes over what a provider said.
    #[must_use]
    pub fn new(error: &ProviderError, confirmed: bool) -> Self {
        Self {
            kind: error.kind(),
            public: error.public().into(),
            confirmed,
        }
    }
}

/// How a backend's values are taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Values are objects; numbers and nested values are rendered as Go does (Vault).
    Object,
    /// Values are bytes that may be JSON; nested values stay raw (fake, the clouds).
    Raw,
}

impl Dialect {
    fn of(provider: &ProviderSpec) -> Self {
        if provider.vault.is_some() {
            Self::Object
        } else {
            Self::Raw
        }
    }
}

/// Sum of the values' bytes that the API server takes.
const MAX_BYTES: usize = 1 << 20;

/// One value, and the same as ESO would have it where that differs.
#[derive(Debug, Clone)]
struct Value {
    exact: SecretValue,
    legacy: Option<SecretValue>,
}

impl From<SecretValue> for Value {
    fn from(exact: SecretValue) -> Self {
        Self {
            exact,
            legacy: None,
        }
    }
}

/// What templates take from outside.
#[derive(Clone, Copy)]
struct Tools<'a> {
    env: &'a Env,
    seed: &'a Seed,
    templates: &'a Templates,
    face: Face,
}

/// Which face of an error is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Face {
    /// For conditions, events and logs.
    Public,
    /// Go's own text, which may quote values: for the one who has them before them.
    Full,
}

/// Why an entry gives nothing.
enum Fault {
    /// The backend lacks it.
    Missing { public: Arc<str>, confirmed: bool },
    /// It could not be read.
    Fetch(FetchFailure),
    /// It was read and cannot be used; the text is free of values.
    Unusable(String),
}

/// Makes the data of the Secret from the answers, one for each read of the plan and in order.
///
/// `seed` is what templates draw random bytes from: 32 fresh bytes of the system's source for each
/// call, because keys and passwords are made of them.
///
/// # Errors
/// The first entry that failed, in the order of the spec, or the first template that did. Nothing
/// of a value is in the text.
pub fn render(
    observed: &Observed,
    plan: &ReadPlan,
    answers: Vec<Result<RemoteSecret, FetchFailure>>,
    env: &Env,
    seed: Seed,
) -> Result<Rendered, SyncError> {
    if answers.len() != plan.reads.len() {
        return Err(SyncError::failure(
            names::MSG_GET_DATA,
            "the answer is incomplete",
            ErrorKind::Unavailable,
        ));
    }
    let spec = &observed.object.spec;
    let policy = spec.target.deletion_policy;
    let tools = Tools {
        env,
        seed: &seed,
        templates: &observed.config.templates,
        face: Face::Public,
    };
    let mut desired = Desired::default();
    for (read, answer) in plan.reads.iter().zip(answers) {
        let Some(remote) = read.entry.remote(spec) else {
            continue;
        };
        match entry(observed, read, remote, answer, &tools) {
            Ok(values) => {
                for (key, value) in values {
                    desired.legacy.remove(&key);
                    if let Some(legacy) = value.legacy {
                        desired.legacy.insert(key.clone(), legacy);
                    }
                    desired.data.insert(key, value.exact);
                }
            }
            Err(Fault::Missing { confirmed, .. }) if policy != DeletionPolicy::Retain => {
                desired.missing.push(MissingEntry {
                    position: read.entry.position(remote).into(),
                    confirmed,
                });
            }
            Err(fault) => return Err(error(read.entry, remote, fault)),
        }
    }
    if desired.data.is_empty() && policy != DeletionPolicy::Merge {
        return Ok(Rendered::Empty {
            missing: desired.missing,
        });
    }
    template::apply(&mut desired, observed, &tools)?;
    fits(&desired.data, spec.target.template.as_ref())?;
    Ok(Rendered::Secret(desired))
}

fn error(entry: Entry, remote: &RemoteRef, fault: Fault) -> SyncError {
    let (cause, retry, label) = match &fault {
        Fault::Missing { public, .. } => (
            &**public,
            Retry::from(ErrorKind::NotFound),
            ErrorKind::NotFound.label(),
        ),
        Fault::Fetch(failure) => (
            &*failure.public,
            Retry::from(failure.kind),
            failure.kind.label(),
        ),
        Fault::Unusable(cause) => (&**cause, Retry::Backoff, "value"),
    };
    SyncError {
        lead: names::MSG_GET_DATA,
        detail: entry.failing(remote, cause).into(),
        retry,
        label,
    }
}

/// The keys and values that one entry gives.
fn entry(
    observed: &Observed,
    read: &PlannedRead,
    remote: &RemoteRef,
    answer: Result<RemoteSecret, FetchFailure>,
    tools: &Tools<'_>,
) -> Result<BTreeMap<String, Value>, Fault> {
    let secret = answer.map_err(|failure| match failure.kind {
        ErrorKind::NotFound => Fault::Missing {
            public: failure.public,
            confirmed: failure.confirmed,
        },
        _ => Fault::Fetch(failure),
    })?;
    let dialect = match observed.stores.get(&read.store) {
        Some(StoreView::Present { spec, .. }) => Dialect::of(&spec.provider),
        _ => Dialect::Raw,
    };
    let property = remote.property.as_deref().filter(|text| !text.is_empty());
    let value = match property {
        Some(property) => find(dialect, &secret.value, property)?,
        None => whole(dialect, read.entry, secret.value)?,
    };
    let mut values = match read.entry {
        Entry::Data(at) => {
            let key = (observed.object.spec.data.get(at)).map(|data| data.secret_key.clone());
            BTreeMap::from([(key.unwrap_or_default(), Value::from(value))])
        }
        Entry::Extract(at) => {
            let from = observed.object.spec.data_from.get(at);
            let values = match from.map(|from| from.rewrite.as_slice()) {
                None | Some([]) => {
                    let strategy = remote.conversion_strategy.unwrap_or_default();
                    extract(dialect, &value, |key| convert::key(key, strategy))
                }
                Some(rewrites) => extract(dialect, &value, str::to_owned)
                    .and_then(|values| rewrite::apply(values, rewrites, tools)),
            };
            values.and_then(valid).map_err(Fault::Unusable)?
        }
    };
    let strategy = remote.decoding_strategy.unwrap_or_default();
    for (key, value) in &mut values {
        let decoded = decode::decode(&value.exact, strategy)
            .map_err(|cause| Fault::Unusable(format!("key {key:?}: {cause}")))?;
        value.legacy =
            (value.legacy.take()).and_then(|legacy| decode::decode(&legacy, strategy).ok());
        value.exact = decoded;
        let fails = remote.null_byte_policy == Some(NullBytePolicy::Fail);
        if fails && value.exact.expose().contains(&0) {
            return Err(Fault::Unusable(format!(
                "the value of key {key:?} has a NUL byte (nullBytePolicy: Fail)"
            )));
        }
    }
    Ok(values)
}

fn find(dialect: Dialect, value: &SecretValue, property: &str) -> Result<SecretValue, Fault> {
    let found = property::lookup(dialect, value, property).map_err(Fault::Unusable)?;
    found.ok_or_else(|| match dialect {
        Dialect::Object => {
            Fault::Unusable(format!("cannot find secret data for key: {property:?}"))
        }
        // The whole value was read well and lacks the property: evidence of absence.
        Dialect::Raw => Fault::Missing {
            public: format!("Secret does not exist: no property {property:?}").into(),
            confirmed: true,
        },
    })
}

/// The value as a whole: objects are written out as Go does, unless they are taken apart next.
fn whole(dialect: Dialect, entry: Entry, value: SecretValue) -> Result<SecretValue, Fault> {
    match (dialect, entry) {
        (Dialect::Object, Entry::Data(_)) => json::canonical(&value).map_err(Fault::Unusable),
        _ => Ok(value),
    }
}

/// Takes an object apart into keys and bytes.
fn extract(
    dialect: Dialect,
    value: &SecretValue,
    name: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, Value>, String> {
    let object = json::Object::parse(value)?;
    let mut values = BTreeMap::new();
    for (key, raw) in object.entries() {
        let key = name(key);
        if values.contains_key(&key) {
            return Err(format!(
                "secret name collision during conversion: two keys become {key:?}"
            ));
        }
        let value = match dialect {
            Dialect::Object => json::bytes(raw)?,
            Dialect::Raw => json::raw_bytes(raw)?.into(),
        };
        values.insert(key, value);
    }
    Ok(values)
}

/// Checks the keys. An empty one cannot be written, so ESO drops it.
fn valid(mut values: BTreeMap<String, Value>) -> Result<BTreeMap<String, Value>, String> {
    values.remove("");
    values.keys().try_for_each(|key| convert::valid(key))?;
    Ok(values)
}

/// What the API server would refuse, said before it is asked.
fn fits(
    data: &BTreeMap<String, SecretValue>,
    template: Option<&Template>,
) -> Result<(), SyncError> {
    let refuse = |detail: String| {
        Err(SyncError::failure(
            names::MSG_UPDATE,
            detail,
            ErrorKind::Invalid,
        ))
    };
    if let Some(key) = data.keys().find(|key| !convert::accepted(key)) {
        if template.is_some_and(template::makes_keys) {
            // A key that a template made may be made of a value.
            return refuse(
                "a template makes a key that is not valid in a Secret: use letters, digits, '-', \
                 '_' or '.'"
                    .to_owned(),
            );
        }
        return refuse(format!(
            "{key:?} is no valid key of a Secret: use letters, digits, '-', '_' or '.'"
        ));
    }
    let bytes: usize = data.values().map(SecretValue::len).sum();
    if bytes > MAX_BYTES {
        // The number would tell something of the values and change the text at each edit.
        return refuse("the values are larger than 1 MiB together".to_owned());
    }
    Ok(())
}
