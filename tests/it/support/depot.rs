//! Shell. A backend in memory: it counts every call, keeps the past, and fails on order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tidegate::registry::Fakes;
use tidegate_contract::{
    ErrorKind, Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret,
    SecretValue, Validation,
};
use tokio::time::Instant;

use super::random::Random;
use super::tape::Tape;

/// Calls that the backend takes at once.
pub const IN_FLIGHT: usize = 8;

/// What calls beyond a bucket are answered with.
pub const PUSH_BACK: ErrorKind = ErrorKind::Throttled { after: None };

/// How the backend answers.
#[derive(Debug, Clone, Copy)]
pub struct Mood {
    /// The failure of a share of the keys; none when it is well.
    pub failure: Option<ErrorKind>,
    /// The share of keys that fail, from 0 to 1.
    pub share: f64,
    /// How long each answer takes.
    pub delay: Duration,
}

impl Mood {
    /// Every key is answered after 5 ms.
    pub const WELL: Self = Self {
        failure: None,
        share: 0.0,
        delay: Duration::from_millis(5),
    };

    /// Every key fails.
    pub const fn failing(kind: ErrorKind) -> Self {
        Self {
            failure: Some(kind),
            share: 1.0,
            ..Self::WELL
        }
    }
}

/// What a key was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The value of this number.
    Value(u64),
    /// NotFound.
    Absent,
    /// A failure of this kind.
    Failed(ErrorKind),
}

/// One key of one call.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was answered.
    pub at: Instant,
    /// The store that asked.
    pub store: String,
    /// The key.
    pub key: String,
    /// The answer.
    pub told: Told,
}

/// A token bucket: calls beyond it are answered with push-back.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let passed = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.tokens = (self.tokens + self.rate * passed).min(self.burst);
        let taken = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(taken));
        taken
    }
}

#[derive(Debug)]
struct State {
    /// The numbers that each key had, in order; none when it was removed.
    entries: BTreeMap<String, Vec<Option<u64>>>,
    calls: Vec<Call>,
    open: BTreeMap<(String, String), usize>,
    overlaps: usize,
    in_flight: usize,
    most: usize,
    mood: Mood,
    bucket: Option<Bucket>,
    silent: BTreeSet<String>,
    validations: Vec<Instant>,
    random: Random,
    tape: Tape,
}

/// The backend behind all `fake` stores. Clones are one backend.
#[derive(Debug, Clone)]
pub struct Depot(Arc<Mutex<State>>);

impl Depot {
    pub fn new(seed: u64, tape: &Tape) -> Self {
        Self(Arc::new(Mutex::new(State {
            entries: BTreeMap::new(),
            calls: Vec::new(),
            open: BTreeMap::new(),
            overlaps: 0,
            in_flight: 0,
            most: 0,
            mood: Mood::WELL,
            bucket: None,
            silent: BTreeSet::new(),
            validations: Vec::new(),
            random: Random::new(seed),
            tape: tape.clone(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the backends of all `fake` stores lead here.
    pub fn fakes(&self) -> Fakes {
        let depot = self.clone();
        Fakes::new(move |store, _, _| {
            Arc::new(View {
                store: store.to_string(),
                depot: depot.clone(),
            })
        })
    }

    /// Puts the next value under a key; the answer is its number, from 1.
    pub fn put(&self, key: &str) -> u64 {
        let mut state = self.lock();
        let past = state.entries.entry(key.to_owned()).or_default();
        let number = past.iter().flatten().max().unwrap_or(&0) + 1;
        past.push(Some(number));
        number
    }

    /// Removes a key.
    pub fn remove(&self, key: &str) {
        let mut state = self.lock();
        let past = state.entries.entry(key.to_owned()).or_default();
        past.push(None);
    }

    /// The number under a key now.
    pub fn number(&self, key: &str) -> Option<u64> {
        *self.lock().entries.get(key)?.last()?
    }

    /// How often a key was removed.
    pub fn removals(&self, key: &str) -> usize {
        let state = self.lock();
        let past = state.entries.get(key).into_iter().flatten();
        past.filter(|number| number.is_none()).count()
    }

    pub fn mood(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    /// From now on calls beyond a bucket are pushed back.
    pub fn throttle(&self, rate: f64, burst: f64) {
        self.lock().bucket = Some(Bucket {
            rate,
            burst,
            tokens: burst,
            at: Instant::now(),
        });
    }

    /// From now on this store, by its name in reports, accepts calls and never answers.
    pub fn silence(&self, store: &str) {
        self.lock().silent.insert(store.to_owned());
    }

    /// When stores were validated so far.
    pub fn validations(&self) -> Vec<Instant> {
        self.lock().validations.clone()
    }

    /// Every key asked for so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How often a key was asked for so far.
    pub fn count(&self, key: &str) -> usize {
        let state = self.lock();
        state.calls.iter().filter(|call| call.key == key).count()
    }

    /// Keys that were asked for while the same store was already asking for them, and the most
    /// calls of one process at once.
    pub fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.overlaps, state.most)
    }

    /// Forgets the calls, not the values.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }
}

/// The value of a number: what a Secret must hold, key by key.
pub fn value(key: &str, number: u64) -> BTreeMap<String, String> {
    [("v", format!("{key}-{number}")), ("n", number.to_string())]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect()
}

#[derive(Debug)]
struct View {
    store: String,
    depot: Depot,
}

impl View {
    /// Waits as long as an answer takes; for ever where there is none.
    async fn answer_comes(&self) {
        let (delay, silent) = {
            let state = self.depot.lock();
            (state.mood.delay, state.silent.contains(&self.store))
        };
        if silent {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(delay).await;
    }
}

/// One call on its way; it also ends when its caller is dropped.
struct Open<'a> {
    view: &'a View,
    keys: &'a [RemoteKey],
}

impl<'a> Open<'a> {
    fn begin(view: &'a View, keys: &'a [RemoteKey]) -> Self {
        let mut state = view.depot.lock();
        state.in_flight += 1;
        state.most = state.most.max(state.in_flight);
        for key in keys {
            let open = state
                .open
                .entry((view.store.clone(), key.to_string()))
                .or_default();
            *open += 1;
            if *open > 1 {
                state.overlaps += 1;
            }
        }
        Self { view, keys }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut state = self.view.depot.lock();
        state.in_flight -= 1;
        for key in self.keys {
            if let Some(open) = state
                .open
                .get_mut(&(self.view.store.clone(), key.to_string()))
            {
                *open -= 1;
            }
        }
    }
}

impl State {
    fn answer(&mut self, store: &str, key: &RemoteKey) -> Result<RemoteSecret, ProviderError> {
        let number = self.entries.get(&key.key).and_then(|past| *past.last()?);
        let full = self.bucket.as_mut().is_some_and(|bucket| !bucket.take());
        let failed = self.mood.failure.filter(|_| {
            let share = self.mood.share;
            share >= 1.0 || self.random.fraction() < share
        });
        let failed = full.then_some(PUSH_BACK).or(failed);
        let told = match (failed, number) {
            (Some(kind), _) => Told::Failed(kind),
            (None, Some(number)) => Told::Value(number),
            (None, None) => Told::Absent,
        };
        self.tape.note(|| format!("{store} reads {key}: {told:?}"));
        self.calls.push(Call {
            at: Instant::now(),
            store: store.to_owned(),
            key: key.key.clone(),
            told,
        });
        match told {
            Told::Value(number) => Ok(RemoteSecret {
                value: SecretValue::new(json!(value(&key.key, number)).to_string().into_bytes()),
                version: None,
            }),
            Told::Absent => Err(ProviderError::new(
                ErrorKind::NotFound,
                format!("no value under {key}"),
            )),
            Told::Failed(kind) => Err(ProviderError::new(kind, "failed on order")),
        }
    }
}

#[async_trait]
impl Provider for View {
    fn limits(&self) -> Limits {
        Limits {
            in_flight: IN_FLIGHT,
            keys_per_call: 1,
            rate: None,
        }
    }

    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        let _open = Open::begin(self, keys);
        self.answer_comes().await;
        let mut state = self.depot.lock();
        keys.iter()
            .map(|key| state.answer(&self.store, key))
            .collect()
    }

    async fn list(&self, _: &Find) -> Result<Listing, ProviderError> {
        Err(ProviderError::new(
            ErrorKind::Invalid,
            "nothing is listed here",
        ))
    }

    async fn validate(&self) -> Result<Validation, ProviderError> {
        self.depot.lock().validations.push(Instant::now());
        self.answer_comes().await;
        let mood = self.depot.lock().mood;
        match mood.failure {
            Some(kind) if mood.share >= 1.0 => Err(ProviderError::new(kind, "failed on order")),
            _ => Ok(Validation::Ready),
        }
    }
}
