//! Pure. The queue against a plain model: any calls, the same states, and the order it promises.

#![cfg(test)]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use tidegate_queue::{LANES, Lane, Options, Queue, Requeue, State};

type Key = (u8, u8);

const FRESH_BACKLOG: usize = 2;
const MAX_IN_WORK: usize = 5;
const MAX_PER_NAMESPACE: usize = 3;
const ABANDONED: u64 = 10;
const SPACES: u8 = 3;
const NAMES: u8 = 4;

#[derive(Debug, Clone)]
enum Call {
    Add(Key, Lane, u64),
    Next,
    Done(usize, Option<(Lane, u64)>),
    Abandon(usize),
    Forget(Key),
    Pass(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Delayed {
        lane: Lane,
        due: u64,
        order: u64,
    },
    Queued {
        lane: Lane,
        since: u64,
        order: u64,
    },
    InWork {
        again: Option<(u64, Lane)>,
        forgotten: bool,
    },
}

/// The rules, written down with scans instead of links.
#[derive(Default)]
struct Model {
    now: u64,
    places: BTreeMap<Key, Place>,
    requests: u64,
    rings: BTreeMap<Lane, VecDeque<u8>>,
    /// Turns that other lanes had while this one could have had them.
    passed_over: [u32; LANES.len()],
    handed_out: u64,
}

impl Model {
    fn waiting(&self, space: u8, lane: Lane) -> impl Iterator<Item = (u64, Key)> {
        self.places
            .iter()
            .filter_map(move |(key, place)| match place {
                Place::Queued { lane: l, order, .. } if *l == lane && key.0 == space => {
                    Some((*order, *key))
                }
                _ => None,
            })
    }

    fn in_work(&self, space: Option<u8>) -> usize {
        let ours = |key: &Key| space.is_none_or(|space| key.0 == space);
        let busy = |place: &Place| matches!(place, Place::InWork { .. });
        self.places
            .iter()
            .filter(|(k, p)| ours(k) && busy(p))
            .count()
    }

    /// Namespaces join a ring at its end when they may go there, and leave it when they may not.
    fn settle(&mut self) {
        for lane in LANES {
            let mut ring = self.rings.remove(&lane).unwrap_or_default();
            let may = |space: u8| {
                self.waiting(space, lane).next().is_some()
                    && self.in_work(Some(space)) < MAX_PER_NAMESPACE
            };
            ring.retain(|&space| may(space));
            for space in 0..SPACES {
                if may(space) && !ring.contains(&space) {
                    ring.push_back(space);
                }
            }
            if ring.is_empty() {
                self.passed_over[lane.index()] = 0;
            }
            self.rings.insert(lane, ring);
        }
    }

    fn queue(&mut self, key: Key, lane: Lane, since: u64) {
        let crowded = self.waiting(key.0, Lane::Fresh).count() >= FRESH_BACKLOG;
        let lane = if lane == Lane::Fresh && crowded {
            Lane::Bulk
        } else {
            lane
        };
        self.requests += 1;
        let order = self.requests;
        self.places
            .insert(key, Place::Queued { lane, since, order });
        self.settle();
    }

    fn place(&mut self, key: Key, lane: Lane, due: u64) {
        if due <= self.now {
            self.queue(key, lane, due);
        } else {
            self.requests += 1;
            let order = self.requests;
            self.places.insert(key, Place::Delayed { lane, due, order });
        }
    }

    fn add(&mut self, key: Key, lane: Lane, due: u64) {
        match self.places.get(&key).copied() {
            None => self.place(key, lane, due),
            Some(Place::Delayed {
                lane: old,
                due: at,
                order,
            }) => {
                let lane = old.min(lane);
                if due < at {
                    self.place(key, lane, due);
                } else {
                    let due = at;
                    self.places.insert(key, Place::Delayed { lane, due, order });
                }
            }
            Some(Place::Queued {
                lane: old, since, ..
            }) => {
                let crowded = self.waiting(key.0, Lane::Fresh).count() >= FRESH_BACKLOG;
                let bulk = lane == Lane::Fresh && crowded;
                let lane = if bulk { Lane::Bulk } else { lane };
                if due <= self.now && lane < old {
                    self.places.remove(&key);
                    self.settle();
                    self.queue(key, lane, since);
                }
            }
            Some(Place::InWork { again, forgotten }) => {
                let again = Some(sooner(again, due, lane));
                self.places.insert(key, Place::InWork { again, forgotten });
            }
        }
    }

    fn done(&mut self, key: Key, requeue: Option<(Lane, u64)>) {
        let Some(Place::InWork {
            mut again,
            forgotten,
        }) = self.places.remove(&key)
        else {
            unreachable!("only keys in work are ended")
        };
        self.settle();
        if let (Some((lane, after)), false) = (requeue, forgotten) {
            again = Some(sooner(again, self.now + after, lane));
        }
        if let Some((due, lane)) = again {
            self.place(key, lane, due);
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        let mut all_due: Vec<(u64, u64, Key, Lane)> = Vec::new();
        for (key, place) in &self.places {
            if let Place::Delayed { lane, due, order } = *place
                && due <= self.now
            {
                all_due.push((due, order, *key, lane));
            }
        }
        all_due.sort();
        for (due, _, key, lane) in all_due {
            self.queue(key, lane, due);
        }
    }

    /// Checks a key that was handed out against what may go, and takes note.
    fn taken(&mut self, key: Key, lane: Lane, waited: u64) {
        let ring = &self.rings[&lane];
        assert_eq!(ring.front(), Some(&key.0), "namespaces take turns");
        let first = self.waiting(key.0, lane).min();
        assert_eq!(first.map(|(_, key)| key), Some(key), "first in, first out");
        let Some(Place::Queued { since, .. }) = self.places.get(&key) else {
            unreachable!("it waits")
        };
        assert_eq!(waited, self.now - since);
        let (again, forgotten) = (None, false);
        self.places.insert(key, Place::InWork { again, forgotten });
        if let Some(ring) = self.rings.get_mut(&lane) {
            ring.rotate_left(1);
        }
        self.settle();
        for other in LANES {
            let open = !self.rings[&other].is_empty();
            let count = &mut self.passed_over[other.index()];
            *count = if open && other != lane { *count + 1 } else { 0 };
            assert!(*count <= 91 + LANES.len() as u32, "{other:?} starves");
        }
        self.handed_out += 1;
    }
}

fn sooner(known: Option<(u64, Lane)>, due: u64, lane: Lane) -> (u64, Lane) {
    known.map_or((due, lane), |(at, best)| (at.min(due), best.min(lane)))
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// The two side by side.
struct Pair {
    model: Model,
    queue: Queue<Key>,
}

impl Pair {
    fn new() -> Self {
        Self {
            model: Model::default(),
            queue: Queue::new(Options {
                fresh_backlog: FRESH_BACKLOG,
                max_in_work: MAX_IN_WORK,
                max_in_work_per_namespace: MAX_PER_NAMESPACE,
                abandoned_after: seconds(ABANDONED),
                ..Options::default()
            }),
        }
    }

    fn busy(&self, number: usize) -> Option<Key> {
        let busy = |place: &&Place| matches!(place, Place::InWork { .. });
        let count = self.model.in_work(None);
        let mut keys = self.model.places.iter().filter(|(_, place)| busy(place));
        keys.nth(number % count.max(1)).map(|(key, _)| *key)
    }

    fn call(&mut self, call: &Call) {
        let now = seconds(self.model.now);
        match *call {
            Call::Add(key, lane, after) => {
                self.queue.add_after(key, lane, seconds(after), (), now);
                self.model.add(key, lane, self.model.now + after);
            }
            Call::Next => self.next(),
            Call::Done(number, requeue) => {
                let Some(key) = self.busy(number) else { return };
                let again = requeue.map(|(lane, after)| Requeue {
                    lane,
                    after: seconds(after),
                    reasons: (),
                });
                assert!(self.queue.done(&key, again, now));
                self.model.done(key, requeue);
            }
            Call::Abandon(number) => {
                let Some(key) = self.busy(number) else { return };
                self.queue.abandoned(&key, (), now);
                self.model.done(key, Some((Lane::Retry, ABANDONED)));
            }
            Call::Forget(key) => {
                self.queue.forget(&key, now);
                if let Some(Place::InWork { .. }) = self.model.places.get(&key) {
                    let (again, forgotten) = (None, true);
                    self.model
                        .places
                        .insert(key, Place::InWork { again, forgotten });
                } else {
                    self.model.places.remove(&key);
                    self.model.settle();
                }
            }
            Call::Pass(seconds) => self.model.pass(seconds),
        }
    }

    fn next(&mut self) {
        let full = self.model.in_work(None) >= MAX_IN_WORK;
        let idle = self.model.rings.values().all(VecDeque::is_empty);
        match self.queue.next(seconds(self.model.now)) {
            Some(work) => {
                assert!(!full, "more in work than allowed");
                self.model.taken(work.key, work.lane, work.waited.as_secs());
            }
            None => assert!(full || idle, "a turn was left unused"),
        }
    }

    /// Both know the same keys in the same states.
    fn compare(&self, keys: &[Key]) {
        for key in keys {
            let expected = self.model.places.get(key).map(|place| match *place {
                Place::Delayed { lane, due, .. } => State::Delayed {
                    lane,
                    due: seconds(due),
                },
                Place::Queued { lane, since, .. } => State::Queued {
                    lane,
                    since: seconds(since),
                },
                Place::InWork { again, .. } => State::InWork {
                    again: again.map(|(due, _)| seconds(due)),
                },
            });
            assert_eq!(self.queue.state(key), expected, "{key:?}");
        }
        let stats = self.queue.stats(seconds(self.model.now));
        assert_eq!(stats.in_work, self.model.in_work(None));
        let total = stats.depth() + stats.delayed + stats.in_work;
        assert_eq!(total, self.model.places.len());
    }
}

fn lane() -> impl Strategy<Value = Lane> {
    (0..LANES.len()).prop_map(|index| LANES[index])
}

fn key() -> impl Strategy<Value = Key> {
    (0..SPACES, 0..NAMES)
}

fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..20u64]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => (key(), lane(), delay()).prop_map(|(key, lane, after)| Call::Add(key, lane, after)),
        6 => Just(Call::Next),
        4 => (any::<usize>(), prop::option::of((lane(), delay())))
            .prop_map(|(number, requeue)| Call::Done(number, requeue)),
        1 => any::<usize>().prop_map(Call::Abandon),
        1 => key().prop_map(Call::Forget),
        2 => (0..8u64).prop_map(Call::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(512)
    })]

    #[test]
    fn agrees_with_the_model(calls in prop::collection::vec(call(), 1..200)) {
        let keys: Vec<Key> = (0..SPACES).flat_map(|a| (0..NAMES).map(move |b| (a, b))).collect();
        let mut pair = Pair::new();
        for call in &calls {
            pair.call(call);
            // Time that passes is seen by the queue at the next call that changes it.
            pair.queue.forget(&(u8::MAX, 0), seconds(pair.model.now));
            pair.compare(&keys);
        }
        // Nothing is lost: whatever is known still goes, each key once more at the most.
        pair.model.pass(1_000);
        let left = pair.model.places.len() as u64;
        let before = pair.model.handed_out;
        for _ in 0..4 * keys.len() {
            pair.call(&Call::Next);
            pair.call(&Call::Done(0, None));
        }
        prop_assert!(pair.model.places.is_empty(), "{:?}", pair.model.places);
        let went = pair.model.handed_out - before;
        prop_assert!(went <= left && left <= went + MAX_IN_WORK as u64);
    }
}
