//! Seam. Logins: what a backend knows of them, and what the session layer offers it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{ProviderError, SecretValue};

/// What a login gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token to send.
    pub token: SecretValue,
    /// How long it lives from now; `None` is for ever.
    pub ttl: Option<Duration>,
    /// Whether [`Authenticator::renew`] may prolong it.
    pub renewable: bool,
    /// Whether [`Authenticator::revoke`] should end it: false for tokens that we were given.
    pub revocable: bool,
}

/// How one identity logs in to one backend. It keeps no state: the session layer owns the token.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Logs in once.
    async fn login(&self) -> Result<Grant, ProviderError>;
    /// Prolongs a grant; the answer replaces it.
    async fn renew(&self, grant: &Grant) -> Result<Grant, ProviderError>;
    /// Ends a grant.
    async fn revoke(&self, grant: &Grant) -> Result<(), ProviderError>;
}

/// Where a provider takes its token from: one login per identity and process (P4).
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// The current token; logs in when there is none.
    async fn token(&self) -> Result<SecretValue, ProviderError>;
    /// Tells that the backend no longer accepts `used`, so that the next [`TokenSource::token`]
    /// logs in again (once, however many callers say so).
    async fn rejected(&self, used: &SecretValue);
}

/// Where a ServiceAccount's JSON Web Token comes from (the Kubernetes TokenRequest API, a file).
#[async_trait]
pub trait JwtSource: fmt::Debug + Send + Sync {
    /// A token that is valid now.
    async fn jwt(&self) -> Result<SecretValue, ProviderError>;
}
