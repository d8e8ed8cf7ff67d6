//! Shell. Logins: one per identity and process per token lifetime.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tidegate_contract::{Authenticator, TokenSource};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::session::keeper::{Handle, Keeper};
use crate::{Clock, Identity, SessionStats};

mod keeper;
mod state;

/// Revocations at once at the end: a backend in trouble must not be flooded by our leaving.
const REVOKE_AT_ONCE: usize = 16;

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
///
/// # Guarantees
/// A session is in the table as long as a provider holds it, and `linger` longer; then its token
/// is revoked if it is ours to revoke. Two identities never share one.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

struct Shared {
    options: SessionOptions,
    table: Mutex<HashMap<Identity, Open>>,
    stats: Mutex<SessionStats>,
    tasks: TaskTracker,
    stop: CancellationToken,
    revoking: tokio::sync::Semaphore,
}

struct Open {
    keeper: Arc<Keeper>,
    handle: Weak<Handle>,
}

impl Sessions {
    /// Makes an empty table.
    #[must_use]
    pub fn new(options: SessionOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                table: Mutex::new(HashMap::new()),
                stats: Mutex::new(SessionStats::default()),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
                revoking: tokio::sync::Semaphore::new(REVOKE_AT_ONCE),
            }),
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
        let mut table = self.shared.table();
        let open = match table.entry(identity.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Open {
                keeper: Arc::new(Keeper::new(identity, authenticator, &self.shared)),
                handle: Weak::new(),
            }),
        };
        if let Some(handle) = open.handle.upgrade() {
            return handle;
        }
        let handle = Arc::new(Handle::new(Arc::clone(&open.keeper), &self.shared));
        open.handle = Arc::downgrade(&handle);
        handle
    }

    /// Ends every session: stops renewals and revokes the tokens that are ours to revoke, all
    /// within `deadline`. Answers how many revocations did not succeed in time.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let to_revoke = self.shared.stats().revocable;
        let revoked_before = self.shared.stats().revocations;
        self.shared.stop.cancel();
        self.shared.tasks.close();
        // Whoever is not done in time is dropped with the runtime.
        let _ = tokio::time::timeout(deadline, self.shared.tasks.wait()).await;
        let revoked = self.shared.stats().revocations - revoked_before;
        to_revoke.saturating_sub(usize::try_from(revoked).unwrap_or(usize::MAX))
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> SessionStats {
        let open = self.shared.table().len();
        SessionStats {
            open,
            ..*self.shared.stats()
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Shared {
    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<Identity, Open>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stats(&self) -> std::sync::MutexGuard<'_, SessionStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.options.clock.now()
    }

    /// Takes a session out of the table, unless somebody opened it again meanwhile.
    fn close_if_orphaned(&self, identity: &Identity) -> bool {
        let mut table = self.table();
        let is_held = |open: &Open| open.handle.strong_count() > 0;
        if table.get(identity).is_some_and(is_held) {
            return false;
        }
        table.remove(identity);
        true
    }
}

#[cfg(test)]
mod tests;
