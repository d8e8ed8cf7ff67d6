//! Pure. Random histories: a key is never asked twice at once, nobody is forgotten.

use proptest::prelude::*;

use super::*;
use crate::permits::Heard;

#[derive(Debug, Clone)]
enum Step {
    Read {
        object: u8,
        keys: Vec<u8>,
        lane: usize,
        fresh: bool,
    },
    Cancel(usize),
    Subscribe {
        object: u8,
        keys: Vec<u8>,
        interval: u64,
        current: bool,
    },
    Unsubscribe(u8),
    Ticket,
    CutOff,
    Land(usize, u8),
    Set {
        key: u8,
        value: u8,
    },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let keys = || prop::collection::vec(0u8..12, 1..4);
    prop_oneof![
        6 => (0u8..8, keys(), 0usize..5, any::<bool>())
            .prop_map(|(object, keys, lane, fresh)| Step::Read { object, keys, lane, fresh }),
        1 => any::<usize>().prop_map(Step::Cancel),
        3 => (0u8..8, keys(), 1u64..90, any::<bool>()).prop_map(
            |(object, keys, interval, current)| Step::Subscribe { object, keys, interval, current }
        ),
        1 => (0u8..8).prop_map(Step::Unsubscribe),
        1 => Just(Step::Ticket),
        1 => Just(Step::CutOff),
        8 => (any::<usize>(), 0u8..10).prop_map(|(which, how)| Step::Land(which, how)),
        2 => (0u8..12, any::<u8>()).prop_map(|(key, value)| Step::Set { key, value }),
        3 => (0u64..40_000).prop_map(Step::Pass),
    ]
}

/// The engine, with calls that land when the history says so.
struct Model {
    engine: Engine,
    now: Duration,
    keys_per_call: usize,
    values: [u8; 12],
    flying: Vec<(u64, Vec<String>, Vec<u8>)>,
    waiting: BTreeMap<u64, (u8, Vec<u8>)>,
    tickets: BTreeSet<u64>,
    subscribed: BTreeMap<u8, BTreeSet<u8>>,
    seen: BTreeMap<(u8, u8), u8>,
}

impl Model {
    fn new(keys_per_call: usize) -> Self {
        Self {
            engine: Engine::new(settings()),
            now: START,
            keys_per_call,
            values: [0; 12],
            flying: Vec::new(),
            waiting: BTreeMap::new(),
            tickets: BTreeSet::new(),
            subscribed: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Keys of three identities at two endpoints.
    fn source(&self, key: u8) -> Source {
        let endpoint = ["x", "y"][usize::from(key.is_multiple_of(3))];
        source_with(&format!("s{}", key % 3), endpoint, self.keys_per_call)
    }

    fn settle(&mut self) -> Option<Duration> {
        let timer = self.engine.step(self.now);
        for start in self.engine.take_starts() {
            let keys: Vec<String> = start.keys.iter().map(|key| key.key.clone()).collect();
            assert!(!keys.is_empty() && keys.len() <= self.keys_per_call);
            for key in &keys {
                let twice = self
                    .flying
                    .iter()
                    .any(|(_, flying, _)| flying.contains(key));
                assert!(!twice, "{key} twice at once");
            }
            let values = keys.iter().map(|key| self.values[number(key)]).collect();
            self.flying.push((start.call, keys, values));
        }
        let (runs, grants) = self.engine.take_answers();
        for (run, answers) in runs {
            let (object, keys) = self.waiting.remove(&run).expect("a run that waits");
            self.engine.received(run);
            self.told(object, &keys, &answers);
        }
        for (ticket, _) in grants {
            assert!(self.tickets.remove(&ticket));
            self.engine.return_ticket(ticket, Heard::Reached, self.now);
        }
        let in_flight: usize = self
            .engine
            .stats(self.now)
            .endpoints
            .iter()
            .map(|e| e.in_flight)
            .sum();
        assert_eq!(in_flight, self.flying.len(), "permits leak");
        timer
    }

    fn land(&mut self, which: usize, how: u8) {
        if self.flying.is_empty() {
            return;
        }
        let (call, keys, values) = self.flying.swap_remove(which % self.flying.len());
        let answers = keys
            .iter()
            .zip(values)
            .map(|(key, value)| fetched(key, value, how))
            .collect();
        self.engine.finished(call, Some(answers), self.now);
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Read {
                object,
                keys,
                lane,
                fresh,
            } => {
                if self.is_reading(object) {
                    return;
                }
                let reads = keys.iter().map(|key| Read {
                    source: self.source(*key),
                    key: RemoteKey::latest(format!("k{key}")),
                    lane: Lane::ALL[lane],
                    not_before: fresh.then_some(self.now),
                });
                let name = format!("o{object}").into();
                match self.engine.read(&name, reads.collect(), self.now) {
                    Reading::Waiting(run) => {
                        assert!(self.waiting.insert(run, (object, keys)).is_none());
                    }
                    Reading::Done(answers) => self.told(object, &keys, &answers),
                }
            }
            Step::Cancel(which) => {
                let run = self
                    .waiting
                    .keys()
                    .nth(which % self.waiting.len().max(1))
                    .copied();
                if let Some(run) = run {
                    self.waiting.remove(&run);
                    self.engine.cancel(run, self.now);
                }
            }
            Step::Subscribe {
                object,
                keys,
                interval,
                current,
            } => {
                self.subscribe(object, &keys, interval, current);
            }
            Step::Unsubscribe(object) => {
                self.subscribed.remove(&object);
                self.engine.unsubscribe(&format!("o{object}"), self.now);
            }
            Step::Ticket => {
                let source = self.source(1);
                self.tickets
                    .extend(self.engine.ticket(&source, Lane::Bulk, self.now));
            }
            Step::CutOff => {
                self.flying.clear();
                self.engine.cut_off(self.now);
            }
            Step::Land(which, how) => self.land(which, how),
            Step::Set { key, value } => self.values[usize::from(key)] = value,
            Step::Pass(millis) => self.now += Duration::from_millis(millis),
        }
        self.settle();
    }

    /// An object does one thing at a time.
    fn is_reading(&self, object: u8) -> bool {
        self.waiting.values().any(|(reading, _)| *reading == object)
    }

    /// An object was given answers.
    fn told(&mut self, object: u8, keys: &[u8], answers: &[Answer]) {
        assert_eq!(keys.len(), answers.len());
        for (key, answer) in keys.iter().zip(answers) {
            match answer {
                Ok(_) => self
                    .seen
                    .insert((object, *key), text(answer).parse().unwrap()),
                Err(_) => self.seen.remove(&(object, *key)),
            };
        }
    }

    fn subscribe(&mut self, object: u8, keys: &[u8], interval: u64, current: bool) {
        if self.is_reading(object) {
            return;
        }
        let keys: BTreeSet<u8> = keys.iter().copied().collect();
        let subscriptions = keys.iter().map(|key| {
            let value = current.then(|| self.values[usize::from(*key)]);
            if let Some(value) = value {
                self.seen.insert((object, *key), value);
            } else {
                self.seen.remove(&(object, *key));
            }
            let value = value.map(|value| value.to_string());
            on(&self.source(*key), &format!("k{key}"), value.as_deref())
        });
        let subscriptions = subscriptions.collect();
        self.engine.subscribe(
            &format!("o{object}").into(),
            subscriptions,
            secs(interval),
            self.now,
        );
        self.subscribed.insert(object, keys);
    }

    /// From here on every call is answered: everybody must get an answer, and within a few
    /// intervals every object must have been told what the backend holds.
    fn drain(&mut self) {
        let end = self.now + secs(600);
        let mut woken: BTreeSet<u8> = BTreeSet::new();
        while self.now < end {
            while !self.flying.is_empty() {
                self.land(0, 9);
                self.settle();
            }
            while let Some(wake) = self.engine.pop_wake() {
                woken.insert(wake.object[1..].parse().unwrap());
            }
            for object in woken.clone() {
                if self.is_reading(object) {
                    continue;
                }
                woken.remove(&object);
                let keys = self.subscribed.get(&object).cloned().unwrap_or_default();
                let keys = keys.into_iter().collect();
                self.apply(Step::Read {
                    object,
                    keys,
                    lane: 1,
                    fresh: false,
                });
            }
            let timer = self.settle().unwrap_or(end);
            if self.flying.is_empty() {
                self.now = timer.max(self.now + Duration::from_millis(1));
            }
        }
        assert!(
            self.waiting.is_empty(),
            "readers forgotten: {:?}",
            self.waiting
        );
        assert!(self.tickets.is_empty(), "tickets forgotten");
        for (object, keys) in &self.subscribed {
            for key in keys {
                let knows =
                    self.seen.get(&(*object, *key)) == Some(&self.values[usize::from(*key)]);
                assert!(knows, "o{object} knows nothing of k{key}");
            }
            let refreshed = self.engine.refreshed_at(&format!("o{object}"));
            assert!(
                refreshed.is_some_and(|at| at + secs(200) > self.now),
                "o{object} is stale"
            );
        }
    }
}

fn number(key: &str) -> usize {
    key[1..].parse().unwrap()
}

fn fetched(key: &str, value: u8, how: u8) -> Fetched {
    let kind = match how {
        0 => ErrorKind::NotFound,
        1 => ErrorKind::Denied,
        2 => ErrorKind::Unavailable,
        3 => ErrorKind::Throttled { after: None },
        4 => ErrorKind::Throttled {
            after: Some(secs(20)),
        },
        5 => ErrorKind::Unauthenticated,
        _ => {
            let value = SecretValue::from(value.to_string());
            let print = print(&value);
            let version = None;
            return Ok((RemoteSecret { value, version }, print));
        }
    };
    Err(ProviderError::new(kind, format!("{key} failed")))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nobody_is_forgotten(
        batch in prop::sample::select(vec![1usize, 3]),
        history in prop::collection::vec(steps(), 1..120),
    ) {
        let mut model = Model::new(batch);
        for step in history {
            model.apply(step);
        }
        model.drain();
    }
}

#[test]
fn a_read_cancelled_between_two_tries_leaves_the_polls_going() {
    let read = |object, key| Step::Read {
        object,
        keys: vec![key],
        lane: 0,
        fresh: false,
    };
    let history = vec![
        Step::Subscribe {
            object: 0,
            keys: vec![1, 9],
            interval: 14,
            current: true,
        },
        read(0, 0),
        read(1, 9),
        Step::Pass(5),
        Step::Land(0, 2),
        Step::Cancel(226_156_223_090_324_669),
        read(0, 0),
        read(0, 0),
    ];
    let mut model = Model::new(3);
    for step in history {
        model.apply(step);
    }
    model.drain();
}
