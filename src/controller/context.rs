//! Shell. What every task of the controller shares.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use kube::Client;
use tidegate_contract::RemoteKey;
use tidegate_fetch::{Fetch, Identity, Sessions, Subscription};
use tidegate_queue::{Key, Lane, Reasons, WorkQueue};
use tidegate_stages::{Config, Env, Memory, ObjectKey, Observed, ShrinkGuard, Trigger};
use tokio::sync::Notify;

use super::backends::Backends;
use super::relations::StoreId;
use super::sources::SourceKey;
use super::told::Told;
use super::watch::LISTS;
use super::world::{Look, World};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::patch::Patcher;
use crate::registry::Fakes;
use crate::report::Reporter;

/// Settings of the controller's shell.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The one namespace that is served; none means all.
    pub namespace: Option<String>,
    /// How often stores are validated unless they say so themselves.
    pub store_interval: Duration,
}

/// A key of the queue of objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item(pub ObjectKey);

impl Key for Item {
    type Namespace = Arc<str>;

    fn namespace(&self) -> &Arc<str> {
        &self.0.namespace
    }
}

/// A key of the queue of stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreItem {
    /// The store.
    pub id: StoreId,
    namespace: Arc<str>,
}

impl StoreItem {
    /// The key of a store.
    #[must_use]
    pub fn new(id: &StoreId) -> Self {
        Self {
            id: id.clone(),
            namespace: id.namespace.clone().unwrap_or_default(),
        }
    }
}

impl Key for StoreItem {
    type Namespace = Arc<str>;

    fn namespace(&self) -> &Arc<str> {
        &self.namespace
    }
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
    /// Statuses on their way.
    pub told: Told,
    memories: Mutex<HashMap<ObjectKey, Memory>>,
    polled: Mutex<HashMap<ObjectKey, Polled>>,
    seen_sources: Mutex<HashMap<SourceKey, Option<String>>>,
    source_bell: Notify,
    lists: Mutex<HashSet<&'static str>>,
    lists_bell: Notify,
    random: Mutex<u64>,
}

/// The parts of a [`Context`] that others make.
pub struct Parts {
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
    /// Calls to backends.
    pub fetch: Fetch,
    /// Logins.
    pub sessions: Sessions,
    /// Writes Secrets.
    pub patcher: Patcher,
    /// Writes statuses and events.
    pub reporter: Reporter,
    /// Counters.
    pub metrics: Metrics,
    /// Who makes the backends of `fake` stores.
    pub fakes: Fakes,
    /// Seeds jitter.
    pub seed: u64,
}

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
            told: Told::default(),
            memories: Mutex::default(),
            polled: Mutex::default(),
            seen_sources: Mutex::default(),
            source_bell: Notify::new(),
            lists: Mutex::default(),
            lists_bell: Notify::new(),
            random: Mutex::new(parts.seed),
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

    /// Puts an object into the queue; `initial` during the first list.
    pub fn look(&self, look: Look, initial: bool) {
        let lane = match look.trigger {
            _ if initial => Lane::Bulk,
            Trigger::Spec => Lane::Fresh,
            Trigger::GroupChanged | Trigger::Drift => Lane::Changed,
            Trigger::First => Lane::Bulk,
            Trigger::StoreChanged | Trigger::Retry => Lane::Retry,
            Trigger::Timer => Lane::Refresh,
        };
        self.queue.add(Item(look.key), lane, reason(look.trigger));
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
        self.told.forget(key);
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

    /// The snapshot for a decision, with why it is made.
    #[must_use]
    pub fn observe(&self, key: &ObjectKey, trigger: Trigger) -> Option<Observed> {
        let mut memory = lock(&self.memories).get(key).cloned().unwrap_or_default();
        memory.trigger = trigger;
        memory.refreshed_at = memory.refreshed_at.max(self.polled_at(key));
        let mut observed = self.seen().observe(key, memory, &self.config)?;
        self.told.replace(&mut observed);
        Some(observed)
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

    /// Keeps who wrote the status that was found at the start.
    pub fn remember_owner_of_status(&self, key: &ObjectKey, ours: bool) {
        self.remember(key, |memory| memory.status_is_ours = ours);
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

/// What an object is subscribed to.
type Polled = (Duration, Box<[(Identity, RemoteKey)]>);

fn polled(to: &[Subscription], interval: Duration) -> Polled {
    let key = |one: &Subscription| (one.source.identity.clone(), one.key.clone());
    (interval, to.iter().map(key).collect())
}

/// The triggers in the order of their weight: of several, the first is told to the plan.
const TRIGGERS: [Trigger; 7] = [
    Trigger::Spec,
    Trigger::GroupChanged,
    Trigger::Drift,
    Trigger::StoreChanged,
    Trigger::First,
    Trigger::Retry,
    Trigger::Timer,
];

/// A trigger as the queue carries it.
#[must_use]
pub fn reason(trigger: Trigger) -> Reasons {
    let position = TRIGGERS
        .iter()
        .position(|known| *known == trigger)
        .unwrap_or_default();
    Reasons::one(u32::try_from(position).unwrap_or_default())
}

/// The weightiest trigger of a ticket.
#[must_use]
pub fn trigger(reasons: Reasons) -> Trigger {
    let first = reasons
        .numbers()
        .next()
        .and_then(|number| usize::try_from(number).ok());
    first
        .and_then(|position| TRIGGERS.get(position))
        .copied()
        .unwrap_or(Trigger::Timer)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
