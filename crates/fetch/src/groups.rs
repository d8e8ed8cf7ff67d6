//! Pure. Who depends on what: objects, their wakes, and the turns at which keys are polled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::groups::slots::Ring;
use crate::slab::Slab;
use crate::{Cause, Wake};

pub(crate) mod absence;
mod slots;

/// Rings are levelled this long after somebody came, so that ten thousand newcomers cost one go.
const LEVEL_AFTER: Duration = Duration::from_secs(1);

/// One object that depends on keys.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) name: Arc<str>,
    pub(crate) cells: Box<[u32]>,
    pub(crate) interval: Duration,
    wake: Option<(u64, Cause)>,
}

/// Objects, wakes and turns.
///
/// # Guarantees
/// An object stands at most once among the wakes, so there are never more wakes than objects.
#[derive(Debug)]
pub(crate) struct Groups {
    objects: Slab<Object>,
    by_name: HashMap<Arc<str>, u32>,
    wakes: BTreeMap<u64, u32>,
    next_wake: u64,
    rings: BTreeMap<(u32, Duration), Ring>,
    level_at: Option<Duration>,
}

impl Groups {
    pub(crate) fn new() -> Self {
        Self {
            objects: Slab::new(),
            by_name: HashMap::new(),
            wakes: BTreeMap::new(),
            next_wake: 0,
            rings: BTreeMap::new(),
            level_at: None,
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn object(&self, id: u32) -> Option<&Object> {
        self.objects.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Sets what an object depends on; answers its number and the cells it had, with their
    /// interval.
    pub(crate) fn set(
        &mut self,
        name: &Arc<str>,
        cells: Box<[u32]>,
        interval: Duration,
    ) -> (u32, Box<[u32]>, Duration) {
        if let Some(id) = self.find(name)
            && let Some(object) = self.objects.get_mut(id)
        {
            let before = std::mem::replace(&mut object.cells, cells);
            return (
                id,
                before,
                std::mem::replace(&mut object.interval, interval),
            );
        }
        let id = self.objects.insert(Object {
            name: Arc::clone(name),
            cells,
            interval,
            wake: None,
        });
        self.by_name.insert(Arc::clone(name), id);
        (id, Box::default(), interval)
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Object> {
        let object = self.objects.remove(id)?;
        self.by_name.remove(&object.name);
        if let Some((turn, _)) = object.wake {
            self.wakes.remove(&turn);
        }
        Some(object)
    }

    /// Puts up a wake, or makes one that is up more urgent; true when it is a new one.
    pub(crate) fn wake(&mut self, id: u32, cause: Cause) -> bool {
        let Some(object) = self.objects.get_mut(id) else {
            return false;
        };
        if let Some((_, known)) = &mut object.wake {
            *known = cause.min(*known);
            return false;
        }
        object.wake = Some((self.next_wake, cause));
        self.wakes.insert(self.next_wake, id);
        self.next_wake += 1;
        true
    }

    /// Takes the oldest wake down.
    pub(crate) fn pop_wake(&mut self) -> Option<(u32, Wake)> {
        let (_, id) = self.wakes.pop_first()?;
        let object = self.objects.get_mut(id)?;
        let (_, cause) = object.wake.take()?;
        let object = Arc::clone(&object.name);
        Some((id, Wake { object, cause }))
    }

    pub(crate) fn has_wakes(&self) -> bool {
        !self.wakes.is_empty()
    }

    /// Gives a key its turns among those of its endpoint and interval.
    pub(crate) fn seat(
        &mut self,
        endpoint: u32,
        interval: Duration,
        cell: u32,
        seed: u64,
        now: Duration,
    ) {
        let ring = self.rings.entry((endpoint, interval));
        ring.or_insert_with(|| Ring::new(interval))
            .insert(cell, seed);
        self.level_at.get_or_insert(now + LEVEL_AFTER);
    }

    pub(crate) fn unseat(&mut self, endpoint: u32, interval: Duration, cell: u32, now: Duration) {
        if let Some(ring) = self.rings.get_mut(&(endpoint, interval)) {
            ring.remove(cell);
            if ring.len() == 0 {
                self.rings.remove(&(endpoint, interval));
            }
            self.level_at.get_or_insert(now + LEVEL_AFTER);
        }
    }

    /// The key's first turn at or after `from`.
    pub(crate) fn turn(
        &self,
        endpoint: u32,
        interval: Duration,
        cell: u32,
        from: Duration,
    ) -> Option<Duration> {
        self.rings.get(&(endpoint, interval))?.next(cell, from)
    }

    /// When `level` has something to do.
    pub(crate) const fn level_at(&self) -> Option<Duration> {
        self.level_at
    }

    /// Levels every ring; answers the cells whose turns moved.
    pub(crate) fn level(&mut self, now: Duration) -> Vec<u32> {
        if self.level_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.level_at = None;
        self.rings.values_mut().flat_map(Ring::settle).collect()
    }

    /// Keys polled per second at an endpoint.
    pub(crate) fn rate(&self, endpoint: u32) -> f64 {
        let all = (endpoint, Duration::ZERO)..=(endpoint, Duration::MAX);
        self.rings.range(all).map(|(_, ring)| ring.rate()).sum()
    }
}
