//! Pure. Who waits for a call of one endpoint: by lane, then by identity in turn, then by age.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use crate::Lane;

/// What a turn costs in each lane: the inverse of the weights 64:16:8:2:1.
const STRIDES: [u64; 5] = [1, 4, 8, 32, 64];

/// One thing that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// A key to read.
    Cell(u32),
    /// Leave for a call that somebody else makes.
    Ticket(u64),
}

/// Where a job stands, to take it out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lane: Lane,
    source: u32,
    turn: u64,
}

/// What `pick` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// This lane and source are next.
    Next(Lane, u32),
    /// Nobody is ready before this time.
    Later(Duration),
    /// Nobody waits.
    Nobody,
}

/// The queue of one endpoint.
///
/// # Guarantees
/// Each job stands in it once and can be taken out exactly. Lanes are served by stride, so every
/// lane that is not empty gets at least its share; within a lane sources take turns.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    lanes: [LaneQueue; 5],
    turn: u64,
    reached: u64,
}

#[derive(Debug, Default)]
struct LaneQueue {
    sources: BTreeMap<u32, BTreeMap<u64, Waiting>>,
    last: u32,
    pass: u64,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    job: Job,
    since: Duration,
}

impl Queue {
    pub(crate) fn push(&mut self, lane: Lane, source: u32, job: Job, now: Duration) -> Place {
        self.turn += 1;
        let queue = &mut self.lanes[lane as usize];
        if queue.len == 0 {
            // A lane that was empty has saved nothing up.
            queue.pass = queue.pass.max(self.reached);
        }
        queue.len += 1;
        let waiting = Waiting { job, since: now };
        queue
            .sources
            .entry(source)
            .or_default()
            .insert(self.turn, waiting);
        Place {
            lane,
            source,
            turn: self.turn,
        }
    }

    pub(crate) fn remove(&mut self, place: Place) {
        let queue = &mut self.lanes[place.lane as usize];
        if let Some(jobs) = queue.sources.get_mut(&place.source)
            && jobs.remove(&place.turn).is_some()
        {
            queue.len -= 1;
            if jobs.is_empty() {
                queue.sources.remove(&place.source);
            }
        }
    }

    pub(crate) fn depth(&self, lane: Lane) -> usize {
        self.lanes[lane as usize].len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.len == 0)
    }

    /// Everything that waits, most urgent first.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let jobs = |lane: &LaneQueue| -> Vec<Job> {
            lane.sources
                .values()
                .flat_map(|jobs| jobs.values())
                .map(|w| w.job)
                .collect()
        };
        self.lanes.iter().flat_map(jobs).collect()
    }

    /// Whose turn it is at `now`. `opens` tells when a lane may be served, `ready` when a source
    /// may, from the number of its jobs in the lane and the time the oldest has waited since.
    pub(crate) fn pick(
        &self,
        now: Duration,
        opens: impl Fn(Lane) -> Duration,
        ready: impl Fn(u32, usize, Duration) -> Duration,
    ) -> Pick {
        let mut order = Lane::ALL;
        order.sort_by_key(|lane| self.lanes[*lane as usize].pass);
        let mut later: Option<Duration> = None;
        for lane in order {
            let queue = &self.lanes[lane as usize];
            if queue.len == 0 {
                continue;
            }
            let open_at = opens(lane);
            for source in queue.in_turn() {
                let Some((jobs, since)) = queue.oldest(source) else {
                    continue;
                };
                let at = ready(source, jobs, since).max(open_at);
                if at <= now {
                    return Pick::Next(lane, source);
                }
                later = Some(later.map_or(at, |known| known.min(at)));
                if open_at > now {
                    break;
                }
            }
        }
        later.map_or(Pick::Nobody, Pick::Later)
    }

    /// Charges the lane for one turn of `source`.
    pub(crate) fn charge(&mut self, lane: Lane, source: u32) {
        let queue = &mut self.lanes[lane as usize];
        self.reached = self.reached.max(queue.pass);
        queue.pass += STRIDES[lane as usize];
        queue.last = source;
    }

    /// The jobs of `source` in one lane, oldest first.
    pub(crate) fn of_source(&self, lane: Lane, source: u32) -> impl Iterator<Item = Job> {
        let jobs = self.lanes[lane as usize].sources.get(&source);
        jobs.into_iter()
            .flat_map(|jobs| jobs.values().map(|waiting| waiting.job))
    }
}

impl LaneQueue {
    fn in_turn(&self) -> impl Iterator<Item = u32> {
        let after = (Bound::Excluded(self.last), Bound::Unbounded);
        let rest = (Bound::Unbounded, Bound::Included(self.last));
        let after = self.sources.range(after);
        after
            .chain(self.sources.range(rest))
            .map(|(source, _)| *source)
    }

    fn oldest(&self, source: u32) -> Option<(usize, Duration)> {
        let jobs = self.sources.get(&source)?;
        Some((jobs.len(), jobs.values().next()?.since))
    }
}

#[cfg(test)]
mod tests;
