//! Pure. When within its interval each key is polled: evenly, and the same after a restart.

use std::collections::HashMap;
use std::time::Duration;

use crate::backoff::mix;

/// Slots are a second wide, so that a second's calls are counted exactly; an interval has at most
/// this many of them, which keeps a day's ring small and its slots still only 24 s wide.
const MOST_SLOTS: u32 = 3600;

/// The polls of one endpoint and interval, spread over the slots of the interval.
///
/// # Guarantees
/// After [`Ring::settle`] the slot of each member is a function of the set of members alone: each
/// has a salted order of preference, and where more want a slot than it takes (an eighth to a
/// quarter above the mean), the smaller seed wins. So a restart finds the same slots, in whatever
/// order the objects come back, and a newcomer moves hardly anybody. Phases count from the Unix
/// epoch, so they never drift.
#[derive(Debug)]
pub(crate) struct Ring {
    interval: Duration,
    slots: u32,
    members: HashMap<u32, Member>,
    dirty: bool,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    seed: u64,
    slot: u32,
}

impl Ring {
    pub(crate) fn new(interval: Duration) -> Self {
        let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
        Self {
            interval,
            slots: seconds.clamp(1, MOST_SLOTS),
            members: HashMap::new(),
            dirty: false,
        }
    }

    /// Adds a member in the slot that it likes best; `settle` levels.
    pub(crate) fn insert(&mut self, id: u32, seed: u64) {
        let slot = self.wish(seed, 0);
        self.members.insert(id, Member { seed, slot });
        self.dirty = true;
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.dirty |= self.members.remove(&id).is_some();
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Polls per second.
    pub(crate) fn rate(&self) -> f64 {
        self.members.len() as f64 / self.interval.as_secs_f64()
    }

    /// Levels the slots after members came or went; answers who moved.
    pub(crate) fn settle(&mut self) -> Vec<u32> {
        if !std::mem::take(&mut self.dirty) {
            return Vec::new();
        }
        let capacity = self.capacity();
        let mut order: Vec<(u64, u32)> = self.members.iter().map(|(id, m)| (m.seed, *id)).collect();
        order.sort_unstable();
        let mut load = vec![0u32; self.slots as usize];
        let mut moved = Vec::new();
        for (seed, id) in order {
            let slot = (0..)
                .map(|rank| self.wish(seed, rank))
                .find(|slot| load[*slot as usize] < capacity)
                .unwrap_or(0);
            load[slot as usize] += 1;
            if let Some(member) = self.members.get_mut(&id)
                && member.slot != slot
            {
                member.slot = slot;
                moved.push(id);
            }
        }
        moved
    }

    /// The member's first turn at or after `from`.
    pub(crate) fn next(&self, id: u32, from: Duration) -> Option<Duration> {
        let member = self.members.get(&id)?;
        let interval = nanos(self.interval);
        let width = interval / u64::from(self.slots);
        let inside = mix(member.seed ^ 0x5107) % width.max(1);
        let phase = width * u64::from(member.slot) + inside;
        let turns = nanos(from).saturating_sub(phase).div_ceil(interval);
        Some(Duration::from_nanos(
            turns.saturating_mul(interval).saturating_add(phase),
        ))
    }

    /// What one slot takes: the number of members is rounded up in steps of an eighth, so that
    /// growth by one does not change it.
    fn capacity(&self) -> u32 {
        let members = self.members.len().max(1);
        let step = (members.next_power_of_two() / 16).max(1);
        let rounded = members.div_ceil(step) * step;
        let mean = rounded as f64 / f64::from(self.slots);
        (mean * 1.12).ceil() as u32
    }

    /// The `rank`th slot in a member's order of preference: scattered at first, then in a row, so
    /// that every slot has its rank.
    fn wish(&self, seed: u64, rank: u32) -> u32 {
        const SCATTERED: u32 = 16;
        let jump = rank.min(SCATTERED);
        let spot = mix(seed.wrapping_add(u64::from(jump).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let row = u64::from(rank - jump);
        ((spot % u64::from(self.slots) + row) % u64::from(self.slots)) as u32
    }
}

/// Nanoseconds, which do for five centuries after the epoch.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
