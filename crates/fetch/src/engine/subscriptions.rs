//! Pure. Who is polled for whom, and who is woken when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::cell::{Known, News};
use crate::{Cause, Seen, Subscription, Wake};

/// No key is polled more often than once a second.
const SHORTEST: Duration = Duration::from_secs(1);

impl Engine {
    /// Replaces what an object depends on.
    pub(crate) fn subscribe(
        &mut self,
        object: &Arc<str>,
        keys: Vec<Subscription>,
        interval: Duration,
        now: Duration,
    ) {
        if keys.is_empty() || interval.is_zero() || self.closed {
            self.unsubscribe(object, now);
            return;
        }
        let interval = interval.max(SHORTEST);
        // By cell: an object may name one key twice.
        let mut wanted: BTreeMap<u32, Seen> = BTreeMap::new();
        for key in keys {
            let id = self.cell(&key.source, &key.key, now);
            wanted.insert(id, key.seen);
            if let Some(cell) = self.cells.get_mut(id) {
                let refreshed = key.refreshed.map(|refreshed| refreshed.min(now));
                cell.asked_at = cell.asked_at.max(refreshed);
            }
        }
        let cells: Box<[u32]> = wanted.keys().copied().collect();
        let (number, before, old_interval) = self.groups.set(object, cells, interval);
        for id in &wanted {
            let is_new = !before.contains(id.0);
            if is_new || old_interval != interval {
                let old = (!is_new).then_some(old_interval);
                self.change_interval(*id.0, old, Some(interval), now);
            }
            self.enter(*id.0, number, *id.1);
        }
        for id in before {
            if !wanted.contains_key(&id) {
                self.leave(id, number, old_interval, now);
            }
        }
    }

    /// Ends what an object depends on.
    pub(crate) fn unsubscribe(&mut self, object: &str, now: Duration) {
        let Some(number) = self.groups.find(object) else {
            return;
        };
        if let Some(object) = self.groups.remove(number) {
            for id in object.cells {
                self.leave(id, number, object.interval, now);
            }
        }
    }

    /// The next object that has something to do: one that took every answer since is left alone.
    pub(crate) fn pop_wake(&mut self) -> Option<Wake> {
        while let Some((number, wake)) = self.groups.pop_wake() {
            if self.has_unseen(number) {
                return Some(wake);
            }
        }
        None
    }

    pub(crate) fn has_wakes(&self) -> bool {
        self.groups.has_wakes()
    }

    /// When the oldest of an object's keys last gave a value, if none of them fails.
    pub(crate) fn refreshed_at(&self, object: &str) -> Option<Duration> {
        let object = self.groups.object(self.groups.find(object)?)?;
        let good_at = |id: &u32| {
            let cell = self.cells.get(*id)?;
            match cell.known {
                Known::Good(_) => cell.good_at,
                _ => None,
            }
        };
        let times: Option<Vec<Duration>> = object.cells.iter().map(good_at).collect();
        times?.into_iter().min()
    }

    /// When the first of an object's keys is asked for again.
    pub(crate) fn due_at(&self, object: &str) -> Option<Duration> {
        let object = self.groups.object(self.groups.find(object)?)?;
        let cells = object.cells.iter().filter_map(|id| self.cells.get(*id));
        let due = cells.flat_map(|cell| [cell.due, cell.retry]);
        due.flatten().min()
    }

    fn has_unseen(&self, number: u32) -> bool {
        let Some(object) = self.groups.object(number) else {
            return false;
        };
        let unseen = |id: &u32| {
            let cell = self.cells.get(*id)?;
            let subscribers = &cell.subscribers;
            let at = subscribers
                .binary_search_by_key(&number, |s| s.object)
                .ok()?;
            Some(!subscribers[at].seen)
        };
        object.cells.iter().any(|id| unseen(id) == Some(true))
    }

    /// Enters an object at a key, by what it says that it has seen.
    fn enter(&mut self, id: u32, object: u32, seen: Seen) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        if let (Known::Nothing, Seen::Value(fingerprint)) = (cell.known, seen) {
            // It was read in this process, and what was learned then is forgotten here.
            cell.known = Known::Good(fingerprint);
        }
        if cell.retry.is_none()
            && let Some(negative) = &cell.negative
        {
            // The read that failed had no subscriber yet, so nobody was to try it again.
            let retry_at = negative.failure.retry_at;
            cell.retry = Some(retry_at).filter(|at| cell.due.is_none_or(|due| *at < due));
        }
        let news = cell.known.news(seen);
        let subscriber = cell.enter(object);
        subscriber.seen = news == News::Seen;
        match news {
            News::Seen => self.drop_taker(id, object),
            News::Later => {}
            News::Now(cause) => self.wake(object, cause),
        }
        self.retime(id);
    }

    pub(super) fn wake(&mut self, object: u32, cause: Cause) {
        if self.groups.wake(object, cause) {
            self.counters.wakes += 1;
        }
    }

    fn leave(&mut self, id: u32, object: u32, interval: Duration, now: Duration) {
        if let Some(cell) = self.cells.get_mut(id) {
            cell.leave(object);
        }
        self.drop_taker(id, object);
        self.change_interval(id, Some(interval), None, now);
        if let Some(cell) = self.cells.get_mut(id)
            && cell.subscribers.is_empty()
        {
            cell.poll = None;
            cell.retry = None;
            if cell.wanted().is_none() {
                cell.tries = 0;
                self.dequeue(id);
            }
        }
        self.retime(id);
    }

    /// Takes one interval off a key and puts another on; the shortest decides its turns.
    fn change_interval(
        &mut self,
        id: u32,
        old: Option<Duration>,
        new: Option<Duration>,
        now: Duration,
    ) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let before = cell.interval();
        if let Some(new) = new {
            cell.add_interval(new);
        }
        if let Some(old) = old {
            cell.drop_interval(old);
        }
        let after = cell.interval();
        let (seed, source) = (cell.seed, cell.source);
        let Some(endpoint) = self.sources.get(source).map(|source| source.endpoint) else {
            return;
        };
        if before != after {
            if let Some(before) = before {
                self.groups.unseat(endpoint, before, id, now);
            }
            if let Some(after) = after {
                self.groups.seat(endpoint, after, id, seed, now);
            }
            self.schedule(id, now);
            self.retime(id);
        }
    }
}
