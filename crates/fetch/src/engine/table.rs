//! Pure. Finding, making and forgetting keys, sources and endpoints.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tidegate_contract::RemoteKey;

use super::cell::Cell;
use super::{Engine, Known};
use crate::groups::absence::Witnesses;
use crate::permits::Permits;
use crate::{Endpoint, Identity, Source};

/// What was learned of an endpoint that no source names any more is kept this long.
const KEEP_ENDPOINT: Duration = Duration::from_mins(10);

impl Engine {
    /// The number of a source; the provider of the latest caller is used from now on.
    pub(super) fn source(&mut self, source: &Source, now: Duration) -> u32 {
        let limits = source.provider.limits();
        let endpoint = match self.by_identity.get(&source.identity) {
            Some(id) => self.sources.get(*id).map(|known| known.endpoint),
            None => None,
        };
        let endpoint = endpoint.unwrap_or_else(|| self.endpoint(&source.endpoint, now));
        if let Some(permits) = self.endpoints.get_mut(endpoint) {
            permits.observe(limits);
        }
        if let Some(id) = self.by_identity.get(&source.identity)
            && let Some(known) = self.sources.get_mut(*id)
        {
            if !Arc::ptr_eq(&known.provider, &source.provider) {
                known.provider = Arc::clone(&source.provider);
            }
            return *id;
        }
        if let Some(permits) = self.endpoints.get_mut(endpoint) {
            permits.users += 1;
        }
        let id = self.sources.insert(Known {
            identity: source.identity.clone(),
            endpoint,
            provider: Arc::clone(&source.provider),
            keys_per_call: limits.keys_per_call.max(1),
            cells: HashMap::new(),
            witnesses: Witnesses::default(),
            due: BTreeSet::new(),
            tickets: 0,
        });
        self.by_identity.insert(source.identity.clone(), id);
        id
    }

    fn endpoint(&mut self, endpoint: &Endpoint, now: Duration) -> u32 {
        if let Some(id) = self.by_endpoint.get(endpoint) {
            return *id;
        }
        for id in self.endpoints.ids() {
            let is_old = |permits: &Permits| {
                !permits.is_busy() && now.saturating_sub(permits.idle_since) > KEEP_ENDPOINT
            };
            if self.endpoints.get(id).is_some_and(is_old)
                && let Some(old) = self.endpoints.remove(id)
            {
                self.by_endpoint.remove(&old.endpoint);
            }
        }
        let settings = &self.settings;
        let permits = Permits::new(
            endpoint.clone(),
            settings.in_flight,
            settings.initial_rate,
            settings.rate,
            now,
        );
        let id = self.endpoints.insert(permits);
        self.by_endpoint.insert(endpoint.clone(), id);
        id
    }

    /// The number of a key under an identity.
    pub(super) fn cell(&mut self, source: &Source, key: &RemoteKey, now: Duration) -> u32 {
        let source_id = self.source(source, now);
        let known = self.sources.get(source_id);
        if let Some(id) = known.and_then(|known| known.cells.get(key)) {
            return *id;
        }
        let key = Arc::new(key.clone());
        let seed = seed(&self.settings.salt, &source.identity, &key);
        let cell = Cell::new(source_id, Arc::clone(&key), seed);
        let id = self.cells.insert(cell);
        if let Some(known) = self.sources.get_mut(source_id) {
            known.cells.insert(key, id);
        }
        id
    }

    /// Forgets a key that nobody needs.
    pub(super) fn forget(&mut self, id: u32, now: Duration) {
        self.let_go(id);
        let Some(cell) = self.cells.remove(id) else {
            return;
        };
        if let Some(at) = cell.timer {
            self.timers.remove(&(at, id));
        }
        if let Some(source) = self.sources.get_mut(cell.source) {
            source.cells.remove(&cell.key);
        }
        self.release(cell.source, now);
    }

    /// Forgets a source under which nothing is left.
    pub(super) fn release(&mut self, id: u32, now: Duration) {
        let is_used = |source: &Known| !source.cells.is_empty() || source.tickets > 0;
        if self.sources.get(id).is_none_or(is_used) {
            return;
        }
        let Some(source) = self.sources.remove(id) else {
            return;
        };
        self.by_identity.remove(&source.identity);
        if let Some(permits) = self.endpoints.get_mut(source.endpoint) {
            permits.users -= 1;
            permits.idle_since = now;
        }
    }
}

/// What places a key in its interval: the same after a restart, a rotated credential or an edited
/// store, another one in each cluster.
fn seed(salt: &str, identity: &Identity, key: &RemoteKey) -> u64 {
    let (store, namespace) = identity.place();
    let metadata = if key.metadata { "metadata" } else { "" };
    let parts = [
        Some(salt),
        Some(store),
        namespace,
        Some(&key.key),
        key.version.as_deref(),
        Some(metadata),
        key.property.as_deref(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep ("ab", "c") and ("a", "bc") apart, and a missing part from an empty one.
        hash.update(
            part.map_or(u64::MAX, |part| part.len() as u64)
                .to_be_bytes(),
        );
        hash.update(part.unwrap_or_default());
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest[..8]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
