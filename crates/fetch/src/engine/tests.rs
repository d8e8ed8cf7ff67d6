//! Pure. The state machine under virtual time, with a backend made of a function.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_contract::{ErrorKind, Limits, SecretValue};

use super::reads::Reading;
use super::*;
use crate::{Cause, FetchFailure, FingerprintKey, Read, Seen, Source, Subscription};

mod absence;
mod backend;
mod faults;
mod identity;
mod joins;
mod polls;
mod storm;

const START: Duration = Duration::from_secs(1_700_000_000);

type Script = Box<dyn FnMut(&str, Duration) -> Result<String, ErrorKind>>;

/// One call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    at: Duration,
    keys: Vec<String>,
}

/// The engine, its backend and the time.
struct World {
    engine: Engine,
    now: Duration,
    latency: Duration,
    script: Script,
    flying: BTreeMap<(Duration, u64), Vec<String>>,
    made: Vec<Made>,
    done: BTreeMap<u64, Vec<Answer>>,
    granted: Vec<(u64, Result<(), ProviderError>)>,
    most_in_flight: usize,
}

fn settings() -> Settings {
    Settings {
        salt: "cluster".into(),
        seed: 1,
        in_flight: 32,
        rate: 500.0,
        initial_rate: 500.0,
        linger: Duration::from_millis(5),
        held_bytes: 1 << 20,
    }
}

fn limits(keys_per_call: usize) -> Limits {
    Limits {
        in_flight: 32,
        keys_per_call,
        rate: None,
    }
}

fn source_with(store: &str, endpoint: &str, keys_per_call: usize) -> Source {
    Source {
        identity: Identity::new(store, 1, Vec::new(), None),
        endpoint: Endpoint::new(endpoint),
        provider: Arc::new(backend::Limited(limits(keys_per_call))),
    }
}

fn source() -> Source {
    source_with("store", "vault", 1)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    fn new(script: impl FnMut(&str, Duration) -> Result<String, ErrorKind> + 'static) -> Self {
        Self::with(settings(), script)
    }

    fn with(
        settings: Settings,
        script: impl FnMut(&str, Duration) -> Result<String, ErrorKind> + 'static,
    ) -> Self {
        Self {
            engine: Engine::new(settings),
            now: START,
            latency: Duration::from_millis(5),
            script: Box::new(script),
            flying: BTreeMap::new(),
            made: Vec::new(),
            done: BTreeMap::new(),
            granted: Vec::new(),
            most_in_flight: 0,
        }
    }

    /// Every key holds its own name.
    fn plain() -> Self {
        Self::new(|key, _| Ok(key.to_owned()))
    }

    /// Lets `time` pass.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timer = self.turn();
            let lands = self.flying.keys().next().map(|(at, _)| *at);
            let next = [timer, lands].into_iter().flatten().min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
            self.land();
        }
        self.now = end;
        self.turn();
    }

    fn turn(&mut self) -> Option<Duration> {
        let timer = self.engine.step(self.now);
        for start in self.engine.take_starts() {
            let keys: Vec<String> = start.keys.iter().map(|key| key.key.clone()).collect();
            self.made.push(Made {
                at: self.now,
                keys: keys.clone(),
            });
            let lands = self.now + self.latency;
            self.flying.insert((lands, start.call), keys);
            self.most_in_flight = self.most_in_flight.max(self.flying.len());
        }
        self.collect();
        timer
    }

    fn land(&mut self) {
        while let Some(((at, call), _)) = self.flying.first_key_value().map(|(k, v)| (*k, v))
            && at <= self.now
        {
            let keys = self.flying.remove(&(at, call)).unwrap();
            let answers = keys.iter().map(|key| self.answer(key)).collect();
            self.engine.finished(call, Some(answers), self.now);
        }
        self.collect();
    }

    fn answer(&mut self, key: &str) -> Fetched {
        match (self.script)(key, self.now - START) {
            Ok(text) => {
                let value = SecretValue::from(text);
                let print = print(&value);
                let version = None;
                Ok((RemoteSecret { value, version }, print))
            }
            Err(kind) => Err(ProviderError::new(kind, format!("{key}: {}", kind.label()))),
        }
    }

    fn collect(&mut self) {
        let (runs, grants) = self.engine.take_answers();
        for (run, answers) in runs {
            self.engine.received(run);
            assert!(self.done.insert(run, answers).is_none(), "answered twice");
        }
        self.granted.extend(grants);
    }

    fn read(&mut self, object: &str, reads: Vec<Read>) -> u64 {
        match self.engine.read(&object.into(), reads, self.now) {
            Reading::Waiting(run) => run,
            Reading::Done(answers) => {
                let run = u64::MAX - self.done.len() as u64;
                self.done.insert(run, answers);
                run
            }
        }
    }

    /// Reads one key and lets it come.
    fn get(&mut self, object: &str, read: Read) -> Answer {
        let run = self.read(object, vec![read]);
        self.pass(secs(2));
        self.done.remove(&run).expect("an answer").remove(0)
    }

    fn subscribe(&mut self, object: &str, keys: Vec<Subscription>, interval: u64) {
        self.engine
            .subscribe(&object.into(), keys, secs(interval), self.now);
    }

    fn wakes(&mut self) -> Vec<(String, Cause)> {
        let wakes = std::iter::from_fn(|| self.engine.pop_wake());
        wakes
            .map(|wake| (wake.object.to_string(), wake.cause))
            .collect()
    }

    fn calls_since(&mut self, start: usize) -> usize {
        self.made.len() - start
    }

    fn calls_for(&self, key: &str) -> usize {
        self.made
            .iter()
            .flat_map(|made| &made.keys)
            .filter(|k| *k == key)
            .count()
    }
}

fn print(value: &SecretValue) -> Fingerprint {
    FingerprintKey::new([7; 32]).fingerprint(value)
}

fn print_of(text: &str) -> Fingerprint {
    print(&SecretValue::from(text))
}

fn read(key: &str, lane: Lane) -> Read {
    Read {
        source: source(),
        key: RemoteKey::latest(key),
        lane,
        not_before: None,
    }
}

fn on(source: &Source, key: &str, seen: Option<&str>) -> Subscription {
    Subscription {
        source: source.clone(),
        key: RemoteKey::latest(key),
        seen: seen.map_or(Seen::Nothing, |text| Seen::Value(print_of(text))),
        refreshed: None,
    }
}

fn text(answer: &Answer) -> String {
    let value = answer.as_ref().expect("a value");
    String::from_utf8_lossy(value.secret.value.expose()).into_owned()
}

fn failure(answer: &Answer) -> &FetchFailure {
    answer.as_ref().expect_err("a failure")
}
