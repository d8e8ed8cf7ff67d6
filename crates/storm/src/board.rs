//! Pure. The board: which object, Ready condition and node has reached which state, and when.

use std::time::Duration;

use crate::figures::{Samples, float};
use crate::load::Load;

/// What is known of one object.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Generation in its Secret; 0 without one.
    generation: u32,
    /// Whether it is Ready.
    ready: bool,
    /// Stamp of its last status: moves with every status write.
    stamp: u64,
    /// Whether it takes part in the wave.
    waits: bool,
    since: Duration,
    stamp_before: u64,
    secret_after: Option<Duration>,
    ready_after: Option<Duration>,
}

/// The state of a run as its watchers saw it. All times are since the run began.
///
/// A *wave* is a set of objects that shall reach the generations wanted: begun by
/// [`Board::begin`], joined one by one by [`Board::join`].
#[derive(Debug)]
pub struct Board {
    load: Load,
    objects: Vec<Seen>,
    wanted: Vec<u32>,
    mounts: Vec<Mount>,
}

#[derive(Debug, Clone, Default)]
struct Mount {
    generation: u32,
    after: Option<Duration>,
}

/// How far a wave is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects in the wave.
    pub objects: usize,
    /// Of these, whose Secret has what is wanted.
    pub secrets: usize,
    /// Of these, Ready by a status written since they joined.
    pub ready: usize,
    /// Mounts of these on nodes.
    pub mounts: usize,
    /// Of these, whose node has seen it.
    pub seen: usize,
}

impl Progress {
    /// Whether all Secrets are there.
    #[must_use]
    pub fn written(&self) -> bool {
        self.secrets == self.objects
    }

    /// Whether all is done: Secrets, statuses, nodes.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.written() && self.ready == self.objects && self.seen == self.mounts
    }
}

impl Board {
    /// A board on which nothing has happened.
    #[must_use]
    pub fn new(load: Load) -> Self {
        Self {
            objects: vec![Seen::default(); load.objects],
            wanted: vec![1; load.keys],
            mounts: vec![Mount::default(); load.nodes * load.mounts],
            load,
        }
    }

    /// A key's wanted generation.
    pub fn want(&mut self, key: usize, generation: u32) {
        if let Some(wanted) = self.wanted.get_mut(key) {
            *wanted = generation;
        }
    }

    /// Begins a wave of the objects that `takes_part` names.
    pub fn begin(&mut self, now: Duration, takes_part: impl Fn(usize) -> bool) {
        for (number, object) in self.objects.iter_mut().enumerate() {
            object.waits = takes_part(number);
            object.since = now;
            object.stamp_before = object.stamp;
            object.secret_after = None;
            object.ready_after = None;
        }
        for mount in &mut self.mounts {
            mount.after = None;
        }
    }

    /// Adds an object to the wave, from now on.
    pub fn join(&mut self, object: usize, now: Duration) {
        if self.objects.len() <= object {
            self.objects.resize(object + 1, Seen::default());
        }
        self.objects[object] = Seen {
            waits: true,
            since: now,
            ..Seen::default()
        };
    }

    /// A Secret was seen with a value of a generation.
    pub fn secret(&mut self, object: usize, generation: u32, now: Duration) {
        let wanted = self.wanted_by(object);
        if let Some(object) = self.objects.get_mut(object) {
            object.generation = generation;
            if generation >= wanted {
                let after = now.saturating_sub(object.since);
                object.secret_after.get_or_insert(after);
            }
        }
    }

    /// A Secret is gone.
    pub fn secret_gone(&mut self, object: usize) {
        if let Some(object) = self.objects.get_mut(object) {
            object.generation = 0;
        }
    }

    /// A status was seen; `stamp` differs between any two statuses written at different times.
    pub fn status(&mut self, object: usize, ready: bool, stamp: u64, now: Duration) {
        if let Some(object) = self.objects.get_mut(object) {
            (object.ready, object.stamp) = (ready, stamp);
            if ready && stamp != object.stamp_before {
                let after = now.saturating_sub(object.since);
                object.ready_after.get_or_insert(after);
            }
        }
    }

    /// A node saw a value in one of its mounts.
    pub fn mounted(&mut self, node: usize, slot: usize, generation: u32, now: Duration) {
        let Some(object) = self.load.mounted(node).nth(slot) else {
            return;
        };
        let wanted = self.wanted_by(object);
        let since = self.objects.get(object).map_or(now, |object| object.since);
        if let Some(mount) = self.mounts.get_mut(node * self.load.mounts + slot) {
            mount.generation = generation;
            if generation >= wanted {
                mount.after.get_or_insert(now.saturating_sub(since));
            }
        }
    }

    /// How far the wave is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for object in self.objects.iter().filter(|object| object.waits) {
            progress.objects += 1;
            progress.secrets += usize::from(object.secret_after.is_some());
            progress.ready += usize::from(object.ready_after.is_some());
        }
        for mount in self.waiting_mounts() {
            progress.mounts += 1;
            progress.seen += usize::from(mount.after.is_some());
        }
        progress
    }

    /// Objects with the value wanted, Ready objects, and mounts with the value wanted.
    #[must_use]
    pub fn standing(&self) -> (usize, usize, usize) {
        let current = |(number, object): &(usize, &Seen)| {
            object.generation > 0 && object.generation >= self.wanted_by(*number)
        };
        let secrets = self.objects.iter().enumerate().filter(current).count();
        let ready = self.objects.iter().filter(|object| object.ready).count();
        let seen = self.mounts.iter().enumerate().filter(|(place, mount)| {
            let wanted = self.object_of(*place).map(|object| self.wanted_by(object));
            wanted.is_some_and(|wanted| mount.generation >= wanted)
        });
        (secrets, ready, seen.count())
    }

    /// Seconds until the Secrets of the wave had what was wanted.
    #[must_use]
    pub fn secrets(&self) -> Samples {
        let times = self.wave().filter_map(|object| object.secret_after);
        Samples::new(times.map(|time| time.as_secs_f64()))
    }

    /// Seconds until the objects of the wave were Ready by a new status.
    #[must_use]
    pub fn ready(&self) -> Samples {
        let times = self.wave().filter_map(|object| object.ready_after);
        Samples::new(times.map(|time| time.as_secs_f64()))
    }

    /// Seconds until the mounts of the wave were seen by their nodes.
    #[must_use]
    pub fn nodes(&self) -> Samples {
        let times = self.waiting_mounts().filter_map(|mount| mount.after);
        Samples::new(times.map(|time| time.as_secs_f64()))
    }

    /// The numbers of the first objects whose Secret lacks what is wanted, at most `most`.
    #[must_use]
    pub fn late(&self, most: usize) -> Vec<usize> {
        let late = |(number, object): (usize, &Seen)| {
            let done = object.secret_after.is_some() && object.ready_after.is_some();
            (object.waits && !done).then_some(number)
        };
        let objects = self.objects.iter().enumerate();
        objects.filter_map(late).take(most).collect()
    }

    /// Share of the wave that is complete, 0 to 1: for progress lines.
    #[must_use]
    pub fn share(&self) -> f64 {
        let progress = self.progress();
        float(progress.ready) / float(progress.objects.max(1))
    }

    fn wave(&self) -> impl Iterator<Item = &Seen> {
        self.objects.iter().filter(|object| object.waits)
    }

    fn waiting_mounts(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().enumerate().filter_map(|(place, mount)| {
            let object = self.object_of(place)?;
            self.objects.get(object)?.waits.then_some(mount)
        })
    }

    /// The object of a mount by its place in the list, which is by node and slot.
    fn object_of(&self, place: usize) -> Option<usize> {
        place.checked_rem(self.load.objects)
    }

    fn wanted_by(&self, object: usize) -> u32 {
        let key = self.load.key(object);
        self.wanted.get(key).copied().unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
