//! Shell. One key service: its state, its endpoints, and the three calls of the protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_contract::{KeyIdentity, KeyVersion, KeyWrapper, SecretValue, WrapFault};
use tokio::sync::{Notify, Semaphore, watch};

use crate::arena::{Arena, Slot};
use crate::breaker::Breaker;
use crate::clock::Clock;
use crate::contact::{Contact, Health};
use crate::envelope::{self, Annotations, Purpose};
use crate::hedge::Hedge;
use crate::kept::Kept;
use crate::key_id::key_id;
use crate::metrics::Metrics;
use crate::pin::Pin;
use crate::refusal::Refusal;
use crate::schedule::Schedule;
use crate::versions::Versions;

mod call;
mod decrypt;
mod local_key;
mod look;
mod options;

pub use decrypt::Envelope;
pub use options::Options;

/// One endpoint of a key service.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Name in metrics and logs, such as its host.
    pub name: String,
    /// The endpoint itself.
    pub wrapper: Arc<dyn KeyWrapper>,
}

/// A key service, as the API servers of this node see it.
#[derive(Debug)]
pub struct KeyService {
    options: Options,
    endpoints: Vec<Endpoint>,
    identity: KeyIdentity,
    clock: Clock,
    state: Mutex<State>,
    flights: Mutex<HashMap<[u8; 32], Flight>>,
    permits: Semaphore,
    seeds: Arena,
    keys: Arena,
    metrics: Metrics,
    look_now: Notify,
}

type Flight = watch::Receiver<Option<Result<SecretValue, Refusal>>>;

#[derive(Debug)]
struct State {
    versions: Versions,
    contact: Contact,
    schedule: Schedule,
    kept: Kept<Slot>,
    local: local_key::LocalKeys,
    breakers: Vec<Breaker>,
    hedge: Hedge,
    /// Counts revocations: what was asked before one may not be kept after it.
    era: u64,
    /// The health that was logged last: calls may have moved it between two looks.
    told: Option<Health>,
}

impl State {
    /// The version that wraps now. In an outage it stays: a seed under a new one could not be had,
    /// and API servers would stop writing for want of it.
    fn version(&mut self, wall: Duration) -> Option<KeyVersion> {
        if self.contact.in_trouble() {
            self.versions.current().cloned()
        } else {
            self.versions.active(wall).cloned()
        }
    }
}

/// What Status answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `ok`, or what is wrong.
    pub healthz: String,
    /// The key that Encrypt uses.
    pub key_id: String,
}

/// What Encrypt answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What is stored.
    pub ciphertext: Vec<u8>,
    /// The key it was wrapped with.
    pub key_id: String,
    /// What is stored beside it.
    pub annotations: Annotations,
}

impl KeyService {
    /// Makes a key service of at least one endpoint; nothing is asked yet. All endpoints must lead
    /// to the same key.
    #[must_use]
    pub fn new(
        options: Options,
        first: Endpoint,
        others: Vec<Endpoint>,
        clock: Clock,
        metrics: Metrics,
    ) -> Arc<Self> {
        let identity = first.wrapper.identity();
        let mut endpoints = vec![first];
        endpoints.extend(others);
        let state = State {
            versions: Versions::new(options.activation_delay),
            contact: Contact::new(options.contact),
            schedule: Schedule::new(options.deep_probe),
            kept: Kept::new(options.kept, options.contact.horizon),
            local: local_key::LocalKeys::new(options.contact.horizon),
            breakers: vec![Breaker::default(); endpoints.len()],
            hedge: Hedge::default(),
            era: 0,
            told: None,
        };
        let seeds = Arena::new(options.kept);
        let keys = Arena::new(if options.local_hierarchy {
            local_key::SLOTS
        } else {
            0
        });
        metrics.memory_locked(&options.name, seeds.is_locked() && keys.is_locked());
        Arc::new(Self {
            permits: Semaphore::new(options.concurrency),
            endpoints,
            identity,
            clock,
            state: Mutex::new(state),
            flights: Mutex::default(),
            seeds,
            keys,
            metrics,
            look_now: Notify::new(),
            options,
        })
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// True when the system locked the memory of unwrapped keys.
    #[must_use]
    pub const fn is_memory_locked(&self) -> bool {
        self.seeds.is_locked() && self.keys.is_locked()
    }

    /// Counters and times of this service.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `Status`, from memory alone; `pin` is the connection's.
    ///
    /// # Errors
    /// When the key service took the right to the key away, when it is unreachable and the policy
    /// says so, and before its first answer.
    pub fn status(&self, pin: &mut Pin) -> Result<Told, Refusal> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut state = self.state();
        let healthz = match state.contact.health(now) {
            Health::Ok => "ok".to_owned(),
            Health::Unhealthy(text) => text,
            Health::Failed(fault, text) => return Err(Refusal::Key(fault, text)),
        };
        let version = state.version(wall).ok_or_else(not_yet)?;
        let key_id = self.key_id(&version);
        pin.told(&key_id, now);
        Ok(Told { healthz, key_id })
    }

    fn key_id(&self, version: &KeyVersion) -> String {
        key_id(&self.identity, version, self.options.generation)
    }

    /// `Encrypt`: wraps a seed under the version that `pin` was told last.
    ///
    /// # Errors
    /// What the key service says, or that it does not answer until `end`.
    pub async fn encrypt(
        self: &Arc<Self>,
        plaintext: SecretValue,
        pin: &Pin,
        end: Duration,
    ) -> Result<Wrapped, Refusal> {
        let (version, key_id, era) = self.pinned(pin)?;
        let mut annotations = Annotations::from([(
            envelope::REF.to_owned(),
            envelope::reference(self.identity.kind, &version.name),
        )]);
        let ciphertext = if self.options.local_hierarchy {
            let local = self.local_key(&version, &key_id, end).await?;
            let (ciphertext, wrapped) = local.seal(&plaintext, &key_id)?;
            annotations.insert(envelope::LOCAL_KEY.to_owned(), wrapped);
            ciphertext
        } else {
            let context = envelope::context(Purpose::Seed, &key_id);
            self.wrap(&version, &plaintext, context, end).await?
        };
        envelope::check_limits(&key_id, &ciphertext, &annotations).map_err(Refusal::invalid)?;
        let digest = envelope::digest(&key_id, &ciphertext, &annotations);
        self.keep(digest, &version.name, &plaintext, era);
        Ok(Wrapped {
            ciphertext,
            key_id,
            annotations,
        })
    }

    /// The version to wrap with, its key id, and the era it was seen in.
    fn pinned(&self, pin: &Pin) -> Result<(KeyVersion, String, u64), Refusal> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut state = self.state();
        if let Health::Failed(fault, text) = state.contact.health(now)
            && fault.revokes()
        {
            return Err(Refusal::Key(fault, text));
        }
        let era = state.era;
        if let Some(told) = pin.holds(now) {
            let named = state.versions.listed().iter();
            let found = named
                .into_iter()
                .find(|version| self.key_id(version) == told);
            if let Some(version) = found.cloned() {
                return Ok((version, told.to_owned(), era));
            }
        }
        let version = state.version(wall).ok_or_else(not_yet)?;
        let key_id = self.key_id(&version);
        Ok((version, key_id, era))
    }

    /// Keeps an unwrapped seed, unless a revocation came in between.
    fn keep(&self, digest: [u8; 32], version: &str, seed: &SecretValue, era: u64) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.era != era || self.options.kept == 0 {
            return;
        }
        if !state.kept.has_room() {
            state.kept.evict();
        }
        if let Some(slot) = self.seeds.put(seed.expose()) {
            state.kept.put(digest, version, slot, now);
        }
        self.metrics.kept(&self.options.name, state.kept.len());
    }

    /// What went wrong with a call under `version`; a revocation purges at once.
    fn note(&self, refusal: &Refusal, version: Option<&str>) {
        let Refusal::Key(fault, text) = refusal else {
            return;
        };
        if !fault.revokes() {
            return;
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut state = self.state();
        let active = state.version(wall).map(|it| it.name);
        let of_version = matches!(fault, WrapFault::Disabled | WrapFault::Deleted);
        if of_version && version.is_some() && version != active.as_deref() {
            // An old version is gone: what it opened goes, the key itself still works.
            let version = version.unwrap_or_default();
            state.kept.purge_version(version);
            state.local.purge_version(version);
            return;
        }
        if state.contact.failed(*fault, text, now) {
            self.purge(&mut state);
        }
        drop(state);
        self.look_now.notify_one();
    }

    fn purge(&self, state: &mut State) {
        state.kept.purge();
        state.local.purge();
        state.versions.disprove_all();
        state.era += 1;
        self.metrics.purged(&self.options.name);
        tracing::warn!(
            service = self.name(),
            "the right to the key is gone: caches purged"
        );
    }

    /// True when Status has a key id to tell: what readiness means.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status(&mut Pin::default()).is_ok()
    }

    /// When a call that the caller gave `allowed` must end, within our own budget.
    #[must_use]
    pub fn end(&self, allowed: Option<Duration>) -> Duration {
        let budget = self.options.budget;
        self.clock.now() + allowed.map_or(budget, |allowed| allowed.min(budget))
    }
}

fn not_yet() -> Refusal {
    let text = "no version of the key was proven to work yet";
    Refusal::Key(WrapFault::Unavailable, text.to_owned())
}
