//! Pure. Namespaces: who waits in which lane, and whose turn it is within it.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;

use crate::lane::{LANES, Lane, Options};
use crate::list::{Link, Links, List};
use crate::turns::Turns;

const N_LANES: usize = LANES.len();

/// One namespace that has keys in the queue.
struct Space<N> {
    name: N,
    keys: u32,
    in_work: u32,
    fifos: [List; N_LANES],
    rings: [Link; N_LANES],
}

/// The namespaces, a ring of them per lane, and the lanes' turns.
///
/// A namespace stands in a lane's ring while it has keys there and room for another in work;
/// a lane is open while its ring has a namespace.
pub(crate) struct Spaces<N> {
    arena: Slab<Space<N>>,
    by_name: HashTable<u32>,
    hasher: DefaultHashBuilder,
    rings: [List; N_LANES],
    turns: Turns,
    depths: [usize; N_LANES],
    max_in_work: u32,
}

/// The links of one lane's ring.
struct Ring<'a, N>(&'a mut Slab<Space<N>>, Lane);

impl<N> Links for Ring<'_, N> {
    fn link(&mut self, at: u32) -> &mut Link {
        &mut self.0[at as usize].rings[self.1.index()]
    }
}

impl<N: Clone + Eq + Hash> Spaces<N> {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            arena: Slab::new(),
            by_name: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            rings: [List::EMPTY; N_LANES],
            turns: Turns::new(options.weights),
            depths: [0; N_LANES],
            max_in_work: u32::try_from(options.max_in_work_per_namespace)
                .unwrap_or(u32::MAX)
                .max(1),
        }
    }

    /// Counts one more key of the namespace and gives its number.
    pub(crate) fn enter(&mut self, name: &N) -> u32 {
        let hash = self.hasher.hash_one(name);
        let arena = &self.arena;
        let known = self
            .by_name
            .find(hash, |&at| arena[at as usize].name == *name);
        let at = match known {
            Some(&at) => at,
            None => {
                // Fewer than 2^32 keys exist, so fewer namespaces.
                let at = self.arena.insert(Space {
                    name: name.clone(),
                    keys: 0,
                    in_work: 0,
                    fifos: [List::EMPTY; N_LANES],
                    rings: [Link::LOOSE; N_LANES],
                }) as u32;
                let (arena, hasher) = (&self.arena, &self.hasher);
                self.by_name
                    .insert_unique(hash, at, |&at| hasher.hash_one(&arena[at as usize].name));
                at
            }
        };
        self.arena[at as usize].keys += 1;
        at
    }

    /// Counts one key less; a namespace without keys is dropped.
    pub(crate) fn leave(&mut self, at: u32) {
        let space = &mut self.arena[at as usize];
        space.keys -= 1;
        if space.keys > 0 {
            return;
        }
        let hash = self.hasher.hash_one(&space.name);
        if let Ok(found) = self.by_name.find_entry(hash, |&other| other == at) {
            found.remove();
        }
        self.arena.remove(at as usize);
    }

    /// How many of its keys wait in the lane.
    pub(crate) fn backlog(&self, at: u32, lane: Lane) -> usize {
        self.arena[at as usize].fifos[lane.index()].len()
    }

    pub(crate) fn depth(&self, lane: Lane) -> usize {
        self.depths[lane.index()]
    }

    /// Whether a key can be taken.
    pub(crate) fn ready(&self) -> bool {
        self.turns.any()
    }

    pub(crate) fn push(&mut self, keys: &mut impl Links, at: u32, lane: Lane, slot: u32) {
        let space = &mut self.arena[at as usize];
        let fifo = &mut space.fifos[lane.index()];
        fifo.push_back(keys, slot);
        self.depths[lane.index()] += 1;
        if fifo.len() == 1 && space.in_work < self.max_in_work {
            self.join(at, lane);
        }
    }

    pub(crate) fn unlink(&mut self, keys: &mut impl Links, at: u32, lane: Lane, slot: u32) {
        let space = &mut self.arena[at as usize];
        let fifo = &mut space.fifos[lane.index()];
        fifo.unlink(keys, slot);
        self.depths[lane.index()] -= 1;
        if fifo.is_empty() && space.in_work < self.max_in_work {
            self.part(at, lane);
        }
    }

    /// Takes the key whose turn it is; its namespace goes behind the others of the lane.
    pub(crate) fn take(&mut self, keys: &mut impl Links) -> Option<(Lane, u32)> {
        let lane = self.turns.take()?;
        let at = self.rings[lane.index()].front()?;
        let slot = self.arena[at as usize].fifos[lane.index()].front()?;
        self.unlink(keys, at, lane, slot);
        if self.backlog(at, lane) > 0 {
            let ring = &mut self.rings[lane.index()];
            ring.unlink(&mut Ring(&mut self.arena, lane), at);
            ring.push_back(&mut Ring(&mut self.arena, lane), at);
        }
        let space = &mut self.arena[at as usize];
        space.in_work += 1;
        if space.in_work == self.max_in_work {
            self.park(at);
        }
        Some((lane, slot))
    }

    /// A key of the namespace is out of work.
    pub(crate) fn end(&mut self, at: u32) {
        let space = &mut self.arena[at as usize];
        let parked = space.in_work == self.max_in_work;
        space.in_work -= 1;
        if parked {
            for lane in LANES {
                if self.backlog(at, lane) > 0 {
                    self.join(at, lane);
                }
            }
        }
    }

    /// The first key of every namespace that waits in the lane, parked ones too.
    pub(crate) fn fronts(&self, lane: Lane) -> impl Iterator<Item = u32> {
        self.arena
            .iter()
            .filter_map(move |(_, space)| space.fifos[lane.index()].front())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.arena.capacity() * size_of::<Space<N>>() + self.by_name.allocation_size()
    }

    fn park(&mut self, at: u32) {
        for lane in LANES {
            if self.backlog(at, lane) > 0 {
                self.part(at, lane);
            }
        }
    }

    fn join(&mut self, at: u32, lane: Lane) {
        self.rings[lane.index()].push_back(&mut Ring(&mut self.arena, lane), at);
        self.turns.open(lane);
    }

    fn part(&mut self, at: u32, lane: Lane) {
        let ring = &mut self.rings[lane.index()];
        ring.unlink(&mut Ring(&mut self.arena, lane), at);
        if ring.is_empty() {
            self.turns.close(lane);
        }
    }
}
