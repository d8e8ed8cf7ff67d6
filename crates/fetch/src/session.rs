//! Shell. Logins: one per identity and process per token lifetime.

use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{Authenticator, TokenSource};

use crate::{Clock, Identity, SessionStats};

/// Settings of [`Sessions`].
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// A random number that seeds the jitter of renewals and retries.
    pub seed: u64,
    /// How long a login, renewal or revocation may take.
    pub call_deadline: Duration,
    /// How long a session that no provider holds any more is kept for a next one.
    pub linger: Duration,
}

impl SessionOptions {
    /// The defaults, around what only the caller can know.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            clock,
            seed,
            call_deadline: Duration::from_secs(30),
            linger: Duration::from_secs(60),
        }
    }
}

/// Every session of the process, by identity. Cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct Sessions {
    options: Arc<SessionOptions>,
}

impl Sessions {
    /// Makes an empty table.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        Self {
            options: Arc::new(options),
        }
    }

    /// The session of `identity`; `authenticator` is used when there is none yet. It logs in when
    /// a token is first asked for, renews at two thirds of the lifetime as long as somebody holds
    /// it, and is ended a while after the last holder dropped it.
    #[must_use]
    pub fn open(
        &self,
        identity: &Identity,
        authenticator: Arc<dyn Authenticator>,
    ) -> Arc<dyn TokenSource> {
        let _ = (identity, &authenticator, &self.options);
        Arc::new(Unopened)
    }

    /// Ends every session: stops renewals and revokes the tokens that are ours to revoke, all
    /// within `deadline`. Answers how many revocations did not succeed in time.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let _ = deadline;
        0
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> SessionStats {
        SessionStats::default()
    }
}

#[derive(Debug)]
struct Unopened;

#[async_trait::async_trait]
impl TokenSource for Unopened {
    async fn token(
        &self,
    ) -> Result<tidegate_contract::SecretValue, tidegate_contract::ProviderError> {
        Err(tidegate_contract::ProviderError::new(
            tidegate_contract::ErrorKind::Unavailable,
            "no session layer yet",
        ))
    }
    async fn rejected(&self, _used: &tidegate_contract::SecretValue) {}
}
