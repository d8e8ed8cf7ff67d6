//! Pure. A key's record: where it stands, and how it is handed out and comes back.

use std::time::Duration;

use slab::Slab;

use crate::heap::Positions;
use crate::lane::Lane;
use crate::list::{Link, Links};

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work<K, R> {
    /// The key.
    pub key: K,
    /// The lane it came from.
    pub lane: Lane,
    /// How long it waited since it was added or due.
    pub waited: Duration,
    /// Why it goes: all reasons since it last went.
    pub reasons: R,
}

/// How a key that ends its work comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requeue<R> {
    /// In which lane, once due.
    pub lane: Lane,
    /// After which pause.
    pub after: Duration,
    /// Why.
    pub reasons: R,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its due time, given from the queue's start.
    Delayed {
        /// The lane it will enter.
        lane: Lane,
        /// When.
        due: Duration,
    },
    /// It waits for its turn.
    Queued {
        /// Its lane.
        lane: Lane,
        /// Since when, given from the queue's start.
        since: Duration,
    },
    /// It is in work.
    InWork {
        /// When it goes again, given from the queue's start; past times mean at once.
        again: Option<Duration>,
    },
}

/// The same, as stored: times are nanoseconds since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Delayed {
        position: u32,
        lane: Lane,
    },
    Queued {
        since: u64,
        lane: Lane,
    },
    InWork {
        again: Option<(u64, Lane)>,
        forgotten: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Entry<K, R> {
    pub(crate) key: K,
    pub(crate) place: Place,
    pub(crate) link: Link,
    pub(crate) space: u32,
    /// Why the key goes next; what the task in work knows already is not in it.
    pub(crate) reasons: R,
}

impl<K, R> Links for Slab<Entry<K, R>> {
    fn link(&mut self, at: u32) -> &mut Link {
        &mut self[at as usize].link
    }
}

impl<K, R> Positions for Slab<Entry<K, R>> {
    fn moved(&mut self, slot: u32, at: u32) {
        if let Place::Delayed { position, .. } = &mut self[slot as usize].place {
            *position = at;
        }
    }
}
