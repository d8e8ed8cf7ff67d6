//! Shell. What the watches hand on beside objects: their first lists, and what others refer to.

use std::time::Duration;

use super::super::relations::StoreId;
use super::super::sources::SourceKey;
use super::super::watch::LISTS;
use super::{Context, lock};

/// A store is validated out of turn this often at most.
const SUSPECTED_EVERY: Duration = Duration::from_secs(60);

impl Context {
    /// A backend is away: its store tells so before its users do, not when its interval is over.
    pub fn suspect(&self, id: &StoreId) {
        let now = self.clock.uptime();
        let mut suspected = lock(&self.suspected);
        suspected.retain(|_, at| now < *at + SUSPECTED_EVERY);
        if suspected.contains_key(id) {
            return;
        }
        suspected.insert(id.clone(), now);
        drop(suspected);
        self.validate_store(id);
    }

    /// A watch has delivered its first list.
    pub fn listed(&self, what: &'static str) {
        lock(&self.lists).insert(what);
        self.lists_bell.notify_waiters();
    }

    /// Waits until every watch that decisions need has listed.
    pub async fn all_listed(&self) {
        loop {
            let bell = self.lists_bell.notified();
            tokio::pin!(bell);
            bell.as_mut().enable();
            if LISTS.iter().all(|what| lock(&self.lists).contains(what)) {
                return;
            }
            bell.await;
        }
    }

    /// Takes note that a referenced Secret or ConfigMap was seen at `version`, or gone.
    pub fn source_seen(&self, key: SourceKey, version: Option<String>) {
        lock(&self.seen_sources).insert(key, version);
        self.source_bell.notify_one();
    }

    /// The next referenced object to look at.
    pub async fn next_source(&self) -> (SourceKey, Option<String>) {
        loop {
            {
                let mut seen = lock(&self.seen_sources);
                if let Some(key) = seen.keys().next().cloned()
                    && let Some(version) = seen.remove(&key)
                {
                    return (key, version);
                }
            }
            self.source_bell.notified().await;
        }
    }
}
