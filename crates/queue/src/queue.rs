//! Pure. The state machine: where each key stands, and what goes next.

use std::hash::BuildHasher;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;

use crate::entry::{Entry, Place, Requeue, State, Work};
use crate::heap::Heap;
use crate::key::{Key, Merge};
use crate::lane::{LANES, Lane, Options};
use crate::list::Link;
use crate::spaces::Spaces;
use crate::stats::{LaneStats, Stats};

/// Keys in lanes, keys with due times, keys in work.
///
/// *Assumptions*: `now` never falls; a smaller one counts as the greatest seen. At most 2^32 keys.
pub struct Queue<K: Key, R = ()> {
    entries: Slab<Entry<K, R>>,
    by_key: HashTable<u32>,
    hasher: DefaultHashBuilder,
    spaces: Spaces<K::Namespace>,
    delayed: Heap,
    options: Options,
    now: u64,
    in_work: usize,
    abandoned: u64,
    entered: [u64; LANES.len()],
    taken: [u64; LANES.len()],
}

impl<K: Key, R: Merge> Queue<K, R> {
    /// Makes an empty queue.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            entries: Slab::new(),
            by_key: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            spaces: Spaces::new(&options),
            delayed: Heap::default(),
            options,
            now: 0,
            in_work: 0,
            abandoned: 0,
            entered: [0; LANES.len()],
            taken: [0; LANES.len()],
        }
    }

    /// Asks for the key now.
    ///
    /// One that waits in a worse lane is promoted, one that waits for a due time goes at once, one
    /// in work goes again afterwards; each keeps the best lane asked for.
    pub fn add(&mut self, key: K, lane: Lane, reasons: R, now: Duration) {
        self.add_after(key, lane, Duration::ZERO, reasons, now);
    }

    /// Asks for the key after `delay`.
    ///
    /// The earlier of two due times wins and the better of two lanes. A key that waits in a lane
    /// already stays there: its turn comes before any due time.
    pub fn add_after(&mut self, key: K, lane: Lane, delay: Duration, reasons: R, now: Duration) {
        let now = self.advance(now);
        let due = now.saturating_add(nanos(delay));
        let hash = self.hasher.hash_one(&key);
        let entries = &self.entries;
        let known = self
            .by_key
            .find(hash, |&slot| entries[slot as usize].key == key);
        match known {
            Some(&slot) => self.merge(slot, lane, due, reasons),
            None => self.insert(hash, key, lane, due, reasons),
        }
    }

    /// Hands out the key whose turn it is; none when no key is ready or too many are in work.
    pub fn next(&mut self, now: Duration) -> Option<Work<K, R>> {
        let now = self.advance(now);
        if self.in_work >= self.options.max_in_work {
            return None;
        }
        let (lane, slot) = self.spaces.take(&mut self.entries)?;
        self.taken[lane.index()] += 1;
        self.in_work += 1;
        let entry = &mut self.entries[slot as usize];
        let since = match entry.place {
            Place::Queued { since, .. } => since,
            Place::Delayed { .. } | Place::InWork { .. } => now,
        };
        entry.place = Place::InWork {
            again: None,
            forgotten: false,
        };
        Some(Work {
            key: entry.key.clone(),
            lane,
            waited: Duration::from_nanos(now - since),
            reasons: std::mem::take(&mut entry.reasons),
        })
    }

    /// When [`Queue::next`] may hand out a key: at zero if now, none if only a call can tell.
    #[must_use]
    pub fn wake_at(&self) -> Option<Duration> {
        if self.in_work >= self.options.max_in_work {
            return None;
        }
        if self.spaces.ready() {
            return Some(Duration::ZERO);
        }
        self.delayed
            .first()
            .map(|node| Duration::from_nanos(node.due))
    }

    /// Ends the work on a key; it is forgotten unless it was added meanwhile or `requeue` is given.
    ///
    /// Gives false, and does nothing, for a key that is not in work.
    pub fn done(&mut self, key: &K, requeue: Option<Requeue<R>>, now: Duration) -> bool {
        let now = self.advance(now);
        let Some(slot) = self.find(key) else {
            return false;
        };
        let entry = &mut self.entries[slot as usize];
        let Place::InWork { again, forgotten } = entry.place else {
            return false;
        };
        let mut next = again;
        if let (Some(requeue), false) = (requeue, forgotten) {
            let due = now.saturating_add(nanos(requeue.after));
            next = Some(sooner(again, due, requeue.lane));
            entry.reasons.merge(requeue.reasons);
        }
        self.in_work -= 1;
        self.spaces.end(entry.space);
        match next {
            Some((due, lane)) => self.place(slot, lane, due),
            None => self.remove(slot),
        }
        true
    }

    /// Ends the work on a key whose task ended without saying how: it goes again, as
    /// [`Lane::Retry`], after [`Options::abandoned_after`], for the same reasons.
    pub fn abandoned(&mut self, key: &K, reasons: R, now: Duration) {
        let requeue = Requeue {
            lane: Lane::Retry,
            after: self.options.abandoned_after,
            reasons,
        };
        self.abandoned += u64::from(self.done(key, Some(requeue), now));
    }

    /// Drops the key; one in work neither goes again nor comes back, unless it is added later.
    pub fn forget(&mut self, key: &K, now: Duration) {
        self.advance(now);
        let Some(slot) = self.find(key) else { return };
        let entry = &mut self.entries[slot as usize];
        match entry.place {
            Place::Delayed { position, .. } => {
                self.delayed.remove(&mut self.entries, position);
                self.remove(slot);
            }
            Place::Queued { lane, .. } => {
                let space = entry.space;
                self.spaces.unlink(&mut self.entries, space, lane, slot);
                self.remove(slot);
            }
            Place::InWork { .. } => {
                entry.reasons = R::default();
                entry.place = Place::InWork {
                    again: None,
                    forgotten: true,
                };
            }
        }
    }

    /// Tells where the key stands; none if the queue does not know it.
    #[must_use]
    pub fn state(&self, key: &K) -> Option<State> {
        let slot = self.find(key)?;
        Some(match self.entries[slot as usize].place {
            Place::Delayed { position, lane } => State::Delayed {
                lane,
                due: Duration::from_nanos(self.delayed.due(position)),
            },
            Place::Queued { since, lane } => State::Queued {
                lane,
                since: Duration::from_nanos(since),
            },
            Place::InWork { again, .. } => State::InWork {
                again: again.map(|(due, _)| Duration::from_nanos(due)),
            },
        })
    }

    /// Counts; constant time but for [`LaneStats::oldest`], which looks at each namespace.
    #[must_use]
    pub fn stats(&self, now: Duration) -> Stats {
        let now = nanos(now).max(self.now);
        Stats {
            lanes: LANES.map(|lane| LaneStats {
                depth: self.spaces.depth(lane),
                oldest: self.oldest(lane, now),
                entered: self.entered[lane.index()],
                taken: self.taken[lane.index()],
            }),
            delayed: self.delayed.len(),
            in_work: self.in_work,
            abandoned: self.abandoned,
            bytes: self.entries.capacity() * size_of::<Entry<K, R>>()
                + self.by_key.allocation_size()
                + self.delayed.bytes()
                + self.spaces.bytes(),
        }
    }

    fn oldest(&self, lane: Lane, now: u64) -> Duration {
        let since = self
            .spaces
            .fronts(lane)
            .filter_map(|slot| match self.entries[slot as usize].place {
                Place::Queued { since, .. } => Some(since),
                Place::Delayed { .. } | Place::InWork { .. } => None,
            })
            .min();
        Duration::from_nanos(since.map_or(0, |since| now - since))
    }

    /// Moves the clock, and every key that is due into its lane.
    fn advance(&mut self, now: Duration) -> u64 {
        self.now = self.now.max(nanos(now));
        while let Some(node) = self.delayed.first().filter(|node| node.due <= self.now) {
            if let Place::Delayed { lane, .. } = self.entries[node.slot as usize].place {
                self.delayed.remove(&mut self.entries, 0);
                self.queue(node.slot, lane, node.due);
            }
        }
        self.now
    }

    fn insert(&mut self, hash: u64, key: K, lane: Lane, due: u64, reasons: R) {
        let space = self.spaces.enter(key.namespace());
        let entry = Entry {
            key,
            place: Place::Queued { since: due, lane },
            link: Link::LOOSE,
            space,
            reasons,
        };
        let slot = self.entries.insert(entry) as u32;
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.by_key.insert_unique(hash, slot, |&slot| {
            hasher.hash_one(&entries[slot as usize].key)
        });
        self.place(slot, lane, due);
    }

    /// A request for a key that is known.
    fn merge(&mut self, slot: u32, lane: Lane, due: u64, reasons: R) {
        let entry = &mut self.entries[slot as usize];
        entry.reasons.merge(reasons);
        match entry.place {
            Place::InWork { again, forgotten } => {
                entry.place = Place::InWork {
                    again: Some(sooner(again, due, lane)),
                    forgotten,
                };
            }
            Place::Queued { since, lane: old } if due <= self.now => {
                let lane = self.admit(slot, lane);
                if lane < old {
                    let space = self.entries[slot as usize].space;
                    self.spaces.unlink(&mut self.entries, space, old, slot);
                    self.queue(slot, lane, since);
                }
            }
            Place::Queued { .. } => {}
            Place::Delayed {
                position,
                lane: old,
            } => {
                let lane = old.min(lane);
                entry.place = Place::Delayed { position, lane };
                if due <= self.now {
                    self.delayed.remove(&mut self.entries, position);
                    self.queue(slot, lane, due);
                } else if due < self.delayed.due(position) {
                    self.delayed.earlier(&mut self.entries, position, due);
                }
            }
        }
    }

    /// Into the lane when due, else among the delayed.
    fn place(&mut self, slot: u32, lane: Lane, due: u64) {
        if due <= self.now {
            return self.queue(slot, lane, due);
        }
        self.entries[slot as usize].place = Place::Delayed { position: 0, lane };
        self.delayed.push(&mut self.entries, due, slot);
    }

    /// Into the lane, as far as it is admitted there.
    fn queue(&mut self, slot: u32, lane: Lane, since: u64) {
        let lane = self.admit(slot, lane);
        let entry = &mut self.entries[slot as usize];
        entry.place = Place::Queued { since, lane };
        let space = entry.space;
        self.spaces.push(&mut self.entries, space, lane, slot);
        self.entered[lane.index()] += 1;
    }

    /// The lane that a key asking for `lane` gets.
    fn admit(&self, slot: u32, lane: Lane) -> Lane {
        let space = self.entries[slot as usize].space;
        if lane == Lane::Fresh && self.spaces.backlog(space, lane) >= self.options.fresh_backlog {
            return Lane::Bulk;
        }
        lane
    }

    fn find(&self, key: &K) -> Option<u32> {
        let entries = &self.entries;
        self.by_key
            .find(self.hasher.hash_one(key), |&slot| {
                entries[slot as usize].key == *key
            })
            .copied()
    }

    /// Drops a key that stands nowhere any more.
    fn remove(&mut self, slot: u32) {
        let entry = self.entries.remove(slot as usize);
        self.spaces.leave(entry.space);
        let hash = self.hasher.hash_one(&entry.key);
        if let Ok(found) = self.by_key.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
    }
}

/// Of two requests the earlier time and the better lane.
fn sooner(known: Option<(u64, Lane)>, due: u64, lane: Lane) -> (u64, Lane) {
    known.map_or((due, lane), |(at, best)| (at.min(due), best.min(lane)))
}

/// Nanoseconds; what does not fit in 584 years is for ever.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
