//! Pure. What a queue tells about itself.

use std::time::Duration;

use crate::lane::{LANES, Lane};

/// One lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// Keys that wait now.
    pub depth: usize,
    /// How long the first of them, over all namespaces, waits since it was added or due.
    pub oldest: Duration,
    /// Keys that ever entered.
    pub entered: u64,
    /// Keys that were ever handed out; those that left otherwise were promoted or forgotten.
    pub taken: u64,
}

/// The whole queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// The lanes, in the order of [`LANES`].
    pub lanes: [LaneStats; LANES.len()],
    /// Keys that wait for their due time.
    pub delayed: usize,
    /// Keys in work.
    pub in_work: usize,
    /// Keys whose task ended without saying how, ever.
    pub abandoned: u64,
    /// Bytes the queue has reserved, keys' own allocations not counted.
    pub bytes: usize,
}

impl Stats {
    /// Returns one lane.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> LaneStats {
        self.lanes[lane.index()]
    }

    /// Returns how many keys wait in lanes.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.lanes.iter().map(|lane| lane.depth).sum()
    }
}
