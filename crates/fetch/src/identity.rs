//! Pure. Whose eyes a value is read with, and what a limit belongs to.

use std::fmt;
use std::sync::Arc;

/// One thing a login or a request is made from, as the API server names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Credential {
    /// A Secret or ConfigMap whose content takes part (token, role id, CA bundle).
    Object {
        /// Its UID.
        uid: String,
        /// Its resourceVersion: another content is another identity.
        resource_version: String,
    },
    /// A ServiceAccount whose tokens are sent.
    ServiceAccount {
        /// Its UID.
        uid: String,
        /// The audiences the token is asked for.
        audiences: Vec<String>,
    },
}

/// Whose eyes a value is read with (design 5.2): store, resolved credentials, and the consumer's
/// namespace wherever the answer depends on it.
///
/// # Guarantees
/// Equality is structural, never that of a digest: two identities never share a value, a negative
/// answer or a session, whatever their URLs or credential bytes. `Clone` is one reference count.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(Arc<Parts>);

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Parts {
    store_uid: String,
    generation: i64,
    credentials: Vec<Credential>,
    namespace: Option<String>,
}

impl Identity {
    /// Makes the identity of a store: its UID and generation, the credentials it resolved to in
    /// the order its spec names them, and the consumer's namespace wherever referent
    /// authentication, session tags or templated requests depend on it (`None` where not).
    #[must_use]
    pub fn new(
        store_uid: impl Into<String>,
        generation: i64,
        credentials: Vec<Credential>,
        namespace: Option<&str>,
    ) -> Self {
        Self(Arc::new(Parts {
            store_uid: store_uid.into(),
            generation,
            credentials,
            namespace: namespace.map(str::to_owned),
        }))
    }

    /// What stays the same when a credential rotates or the store is edited: polling keeps its
    /// phase by it.
    pub(crate) fn place(&self) -> (&str, Option<&str>) {
        (&self.0.store_uid, self.0.namespace.as_deref())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}#{}", self.0.store_uid, self.0.generation)?;
        if let Some(namespace) = &self.0.namespace {
            write!(f, " for {namespace}")?;
        }
        f.write_str(")")
    }
}

/// What a limit belongs to: a host and Vault namespace, or a region.
///
/// `Display` gives the label of metrics and the admin port; there are as many as stores name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint(Arc<str>);

impl Endpoint {
    /// Names an endpoint, such as `vault.example:8200/team-a`. It carries no credentials.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
