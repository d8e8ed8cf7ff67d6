//! Shell. What every task of the controller shares.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use kube::Client;
use tidegate_api::{ExternalSecret, ExternalSecretStatus, names};
use tidegate_fetch::{Fetch, Sessions, Subscription};
use tidegate_queue::{Lane, Reasons, WorkQueue};
use tidegate_stages::{Config, Env, Memory, ObjectKey, Observed, ShrinkGuard, Trigger};
use tokio::sync::Notify;

use super::backends::Backends;
use super::desks::{Desk, Desks};
pub use super::items::{Item, StoreItem, reason, trigger};
use super::losses::Losses;
use super::packed::Packed;
use super::relations::StoreId;
use super::sources::SourceKey;
use super::world::{Look, World};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::patch::Patcher;
use crate::report::Reporter;
pub use parts::Parts;

mod parts;

mod arrivals;

/// Settings of the controller's shell.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The one namespace that is served; none means all.
    pub namespace: Option<String>,
    /// How often stores are validated unless they say so themselves.
    pub store_interval: Duration,
}

/// What every task of the controller shares.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The time.
    pub clock: Clock,
    /// Settings of the shell.
    pub settings: Settings,
    /// Settings of decisions.
    pub config: Arc<Config>,
    /// What the watches have shown.
    pub world: Arc<RwLock<World>>,
    /// Stores to backends.
    pub backends: Backends,
    /// Calls to backends.
    pub fetch: Fetch,
    /// Logins.
    pub sessions: Sessions,
    /// Objects to look at.
    pub queue: WorkQueue<Item, Reasons>,
    /// Stores to validate.
    pub stores: WorkQueue<StoreItem>,
    /// Writes Secrets.
    pub patcher: Patcher,
    /// Writes statuses and events.
    pub reporter: Reporter,
    /// Hold mass removals, one per store.
    pub guards: Mutex<HashMap<StoreId, ShrinkGuard>>,
    /// Counters.
    pub metrics: Metrics,
    /// Draws what templates draw.
    pub entropy: Entropy,
    memories: Mutex<HashMap<ObjectKey, Memory>>,
    polled: Mutex<HashMap<ObjectKey, Polled>>,
    seen_sources: Mutex<HashMap<SourceKey, Option<String>>>,
    source_bell: Notify,
    lists: Mutex<HashSet<&'static str>>,
    lists_bell: Notify,
    random: Mutex<u64>,
    leading: AtomicBool,
    desks: Desks,
    losses: Mutex<Losses>,
    suspected: Mutex<HashMap<StoreId, Duration>>,
}

/// A Secret that is gone may be the first that is seen of its namespace's or its owner's end; by
/// then the other watches have told.
const LOSS_WAIT: Duration = Duration::from_millis(500);

impl Context {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            backends: Backends::new(parts.client.clone(), parts.sessions.clone(), parts.fakes),
            client: parts.client,
            clock: parts.clock,
            settings: parts.settings,
            config: parts.config,
            world: parts.world,
            fetch: parts.fetch,
            sessions: parts.sessions,
            queue: WorkQueue::new(tidegate_queue::Options::default()),
            stores: WorkQueue::new(tidegate_queue::Options::default()),
            patcher: parts.patcher,
            reporter: parts.reporter,
            guards: Mutex::default(),
            metrics: parts.metrics,
            entropy: parts.entropy,
            memories: Mutex::default(),
            polled: Mutex::default(),
            seen_sources: Mutex::default(),
            source_bell: Notify::new(),
            lists: Mutex::default(),
            lists_bell: Notify::new(),
            random: Mutex::new(parts.seed),
            leading: AtomicBool::new(false),
            desks: Desks::new(),
            losses: Mutex::default(),
            suspected: Mutex::default(),
        }
    }

    /// The world, to change it.
    pub fn world(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, to read it.
    pub fn seen(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time and randomness for one decision.
    #[must_use]
    pub fn env(&self) -> Env {
        Env {
            now: self.clock.now(),
            rng: self.random(),
        }
    }

    /// SplitMix64: jitter needs spread, not secrecy.
    #[must_use]
    pub fn random(&self) -> u64 {
        let mut state = lock(&self.random);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From now on this process decides.
    pub fn lead(&self) {
        self.leading.store(true, Ordering::Release);
    }

    /// Whether what is seen comes before the first decision: during the first list, and while
    /// another replica leads and deals with it.
    #[must_use]
    pub fn is_early(&self, initial: bool) -> bool {
        initial || !self.leading.load(Ordering::Acquire)
    }

    /// Puts an object into the queue; `initial` during the first list.
    pub fn look(&self, mut look: Look, initial: bool) {
        let early = self.is_early(initial);
        if !self.leading.load(Ordering::Acquire) {
            look.trigger = Trigger::First;
        }
        let lane = match look.trigger {
            _ if early => Lane::Bulk,
            Trigger::Spec => Lane::Fresh,
            Trigger::GroupChanged | Trigger::Drift => Lane::Changed,
            Trigger::First => Lane::Bulk,
            Trigger::StoreChanged | Trigger::Retry => Lane::Retry,
            Trigger::Timer => Lane::Refresh,
        };
        self.queue.add(Item(look.key), lane, reason(look.trigger));
    }

    /// The target of an object is gone: somebody looks, later if that happens again and again.
    pub fn look_at_loss(&self, look: Look) {
        let after = lock(&self.losses).lost(&look.key, self.clock.uptime());
        let after = after.max(LOSS_WAIT);
        let (key, reasons) = (Item(look.key), reason(look.trigger));
        self.queue.add_after(key, Lane::Changed, after, reasons);
    }

    /// Everyone who reads from a store looks at it.
    pub fn look_at_users(&self, store: &StoreId) {
        let looks = self.seen().users_of_store(store);
        looks.into_iter().for_each(|look| self.look(look, false));
    }

    /// Takes note of what an object was subscribed to.
    pub fn subscribed(&self, key: &ObjectKey, to: &[Subscription], interval: Duration) {
        lock(&self.polled).insert(key.clone(), polled(to, interval));
    }

    /// Whether an object is subscribed to exactly this.
    #[must_use]
    pub fn is_subscribed(&self, key: &ObjectKey, to: &[Subscription], interval: Duration) -> bool {
        lock(&self.polled).get(key) == Some(&polled(to, interval))
    }

    /// Ends the polling for an object.
    pub fn unsubscribe(&self, key: &ObjectKey) {
        if lock(&self.polled).remove(key).is_some() {
            let polled = self.polled_at(key);
            if let Some(memory) = lock(&self.memories).get_mut(key) {
                memory.refreshed_at = memory.refreshed_at.max(polled);
            }
            self.fetch.unsubscribe(&key.to_string());
        }
    }

    /// An object is gone: nothing of it stays.
    pub fn gone(&self, key: &ObjectKey) {
        self.unsubscribe(key);
        self.queue.forget(&Item(key.clone()));
        lock(&self.memories).remove(key);
        lock(&self.guards)
            .values_mut()
            .for_each(|guard| guard.forget(key));
        self.reporter.forget(&super::subject_of(key));
        self.metrics.forget(key);
    }

    /// Whether the object is still there.
    #[must_use]
    pub fn exists(&self, key: &ObjectKey) -> bool {
        self.seen().knows(key)
    }

    /// Validates a store now.
    pub fn validate_store(&self, id: &StoreId) {
        self.stores.add(StoreItem::new(id), Lane::Fresh, ());
    }

    /// Validates a store that was well when the process started, somewhere within its interval.
    pub fn validate_store_later(&self, id: &StoreId) {
        let millis = u64::try_from(self.settings.store_interval.as_millis()).unwrap_or(u64::MAX);
        let after = Duration::from_millis(self.random() % millis.max(1));
        self.stores
            .add_after(StoreItem::new(id), Lane::Refresh, after, ());
    }

    /// A store is gone.
    pub fn forget_store(&self, id: &StoreId) {
        self.stores.forget(&StoreItem::new(id));
        lock(&self.guards).remove(id);
        self.reporter.forget(&super::subject_of_store(id));
    }

    /// The snapshot for a decision about `object`, known as `key`, with why it is made.
    #[must_use]
    pub fn observe(&self, key: &ObjectKey, object: &Packed, trigger: Trigger) -> Option<Observed> {
        let object = match object.open() {
            Ok(object) => object,
            Err(error) => {
                tracing::error!(%key, %error, "a kept ExternalSecret does not decode any more");
                return None;
            }
        };
        let mut memory = lock(&self.memories).get(key).cloned().unwrap_or_default();
        memory.trigger = trigger;
        memory.refreshed_at = memory.refreshed_at.max(self.polled_at(key));
        let mut observed = self.seen().observe(key, object, memory, &self.config);
        // The API server may have told before the watch does.
        observed.namespace.terminating |= self.patcher.endings().hold(&key.namespace);
        Some(observed)
    }

    /// Waits until an object of `lane` may be rendered and written.
    pub async fn desk(&self, lane: Lane) -> Option<Desk<'_>> {
        self.desks.take(lane).await
    }

    /// When polling last found all values of an object well.
    fn polled_at(&self, key: &ObjectKey) -> Option<jiff::Timestamp> {
        let at = self.fetch.refreshed_at(&key.to_string())?;
        jiff::Timestamp::from_duration(at.try_into().ok()?).ok()
    }

    /// Changes what is remembered of an object.
    pub fn remember(&self, key: &ObjectKey, change: impl FnOnce(&mut Memory)) {
        change(lock(&self.memories).entry(key.clone()).or_default());
    }

    /// Changes what is remembered of an object that was looked at as `seen`, given the status that
    /// the watch has shown since, if it has shown the object again. False, and nothing is changed,
    /// when the object is gone or was made again under its name.
    pub fn conclude(
        &self,
        key: &ObjectKey,
        seen: &Arc<Packed>,
        change: impl FnOnce(&mut Memory, Option<ExternalSecretStatus>),
    ) -> bool {
        let mut memories = lock(&self.memories);
        let now = self.seen().object(key);
        let Some(now) = now.filter(|now| now.is_same_life(seen)) else {
            return false;
        };
        let shown = if Arc::ptr_eq(&now, seen) {
            None
        } else {
            now.open().ok()
        };
        let shown = shown.map(|object| object.status.clone().unwrap_or_default());
        change(memories.entry(key.clone()).or_default(), shown);
        true
    }

    /// Keeps who wrote the status that was found at the start.
    pub fn remember_owner_of_status(&self, key: &ObjectKey, ours: bool) {
        self.remember(key, |memory| memory.status_is_ours = ours);
    }

    /// The watch shows an object with its status.
    pub fn status_seen(&self, key: &ObjectKey, object: &ExternalSecret) {
        let version = object.metadata.resource_version.as_deref();
        let mut memories = lock(&self.memories);
        if let Some(memory) = memories.get_mut(key).filter(|memory| memory.told.is_some()) {
            let settled = self.reporter.is_settled(&super::subject_of(key), version);
            memory.seen(object.status.as_ref(), !settled);
        }
    }

    /// Whether the watch shows a failure that this process did not tell: a write of an earlier life
    /// that arrived late, or somebody else's.
    #[must_use]
    pub fn is_belied(&self, key: &ObjectKey, object: &ExternalSecret) -> bool {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        let mut failed = conditions
            .filter(|c| c.type_ == names::READY && c.status == "False")
            .filter(|c| c.reason.as_deref() == Some(names::SECRET_SYNCED_ERROR));
        failed.next().is_some()
            && lock(&self.memories)
                .get(key)
                .is_none_or(|memory| memory.told.is_none() && memory.failures == 0)
    }
}

/// What an object is subscribed to, as a digest: the keys themselves are in the table of groups.
type Polled = u64;

fn polled(to: &[Subscription], interval: Duration) -> Polled {
    let mut hasher = DefaultHasher::new();
    interval.hash(&mut hasher);
    for one in to {
        (&one.source.identity, &one.key).hash(&mut hasher);
    }
    hasher.finish()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
