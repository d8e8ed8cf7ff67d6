//! Shell. The hand of a test on a fake store: changes values, counts calls, provokes failures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_contract::{ProviderError, RemoteKey};
use tokio::sync::broadcast;

use crate::entries::{Entries, FakeEntry};

/// Changes that a slow reader of the feed may fall behind, at most; then it is told that it lags.
const FEED: usize = 256;

/// What a provider and its handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    reads: AtomicU64,
    changes: broadcast::Sender<RemoteKey>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) entries: Entries,
    pub(crate) failure: Option<ProviderError>,
}

impl Shared {
    pub(crate) fn new(entries: Entries) -> Self {
        Self {
            state: Mutex::new(State {
                entries,
                failure: None,
            }),
            reads: AtomicU64::new(0),
            changes: broadcast::channel(FEED).0,
        }
    }

    /// The state; a panic elsewhere cannot leave it half changed, so poison is ignored.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, keys: usize) {
        self.reads
            .fetch_add(u64::try_from(keys).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Changes a [`crate::FakeProvider`] at run time. Clones act on the same provider.
#[derive(Debug, Clone)]
pub struct FakeHandle(pub(crate) Arc<Shared>);

impl FakeHandle {
    /// Adds or replaces an entry and tells the change feed.
    pub fn set(&self, entry: FakeEntry) {
        let key = remote_key(&entry.key, &entry.version);
        self.0.state().entries.insert(entry);
        self.tell(key);
    }

    /// Removes an entry and tells the change feed; false when there was none.
    pub fn remove(&self, key: &str, version: &str) -> bool {
        let removed = self.0.state().entries.remove(key, version);
        if removed {
            self.tell(remote_key(key, version));
        }
        removed
    }

    /// Answers every call with `failure` until it is taken back with `None`.
    pub fn fail(&self, failure: Option<ProviderError>) {
        self.0.state().failure = failure;
    }

    /// Keys read so far, failures included.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// A feed of the keys that change from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<RemoteKey> {
        self.0.changes.subscribe()
    }

    fn tell(&self, key: RemoteKey) {
        // Nobody listens most of the time, and that is no failure.
        let _ = self.0.changes.send(key);
    }
}

fn remote_key(key: &str, version: &str) -> RemoteKey {
    RemoteKey {
        version: Some(version)
            .filter(|version| !version.is_empty())
            .map(str::to_owned),
        ..RemoteKey::latest(key)
    }
}
