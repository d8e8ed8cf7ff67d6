//! Pure. The whole of fetch as one state machine: what comes in, what is to be done, and when.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{Provider, ProviderError, RemoteKey, RemoteSecret};

use crate::backoff::Random;
use crate::engine::cell::{Cell, Stage};
use crate::engine::reads::Run;
use crate::groups::Groups;
use crate::groups::absence::Witnesses;
use crate::permits::Permits;
use crate::permits::queue::Place;
use crate::slab::{Ledger, Slab};
use crate::{Answer, Endpoint, Fingerprint, Identity, Lane, Stats};

pub(crate) mod cell;
mod dispatch;
pub(crate) mod reads;
mod settle;
mod subscriptions;
mod table;

/// The settings that decide anything.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) salt: String,
    pub(crate) seed: u64,
    pub(crate) in_flight: usize,
    pub(crate) rate: f64,
    pub(crate) initial_rate: f64,
    pub(crate) linger: Duration,
    pub(crate) held_bytes: usize,
}

/// What a call gave for one key.
pub(crate) type Fetched = Result<(RemoteSecret, Fingerprint), ProviderError>;

/// A call to make.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) call: u64,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) keys: Vec<RemoteKey>,
}

/// Answered runs, by number.
pub(crate) type Runs = Vec<(u64, Vec<Answer>)>;

/// Decided tickets, by number.
pub(crate) type Grants = Vec<(u64, Result<(), ProviderError>)>;

/// Groups, joins, batches, permits and retries.
///
/// # Guarantees
/// A key is in at most one call at a time. Keys live under their identity, so nothing that was
/// read under one identity can be found by another. Whoever waits is answered, or cancels.
#[derive(Debug)]
pub(crate) struct Engine {
    settings: Settings,
    random: Random,
    cells: Slab<Cell>,
    sources: Slab<Known>,
    by_identity: HashMap<Identity, u32>,
    endpoints: Slab<Permits>,
    by_endpoint: HashMap<Endpoint, u32>,
    groups: Groups,
    runs: Ledger<Run>,
    calls: Ledger<Call>,
    tickets: Ledger<Ticket>,
    timers: BTreeSet<(Duration, u32)>,
    held: BTreeSet<(Duration, u32)>,
    held_bytes: usize,
    waiting: usize,
    starts: Vec<Start>,
    answered: Runs,
    granted: Grants,
    counters: Stats,
    closed: bool,
}

/// A source that something refers to.
#[derive(Debug)]
struct Known {
    identity: Identity,
    endpoint: u32,
    provider: Arc<dyn Provider>,
    keys_per_call: usize,
    cells: HashMap<Arc<RemoteKey>, u32>,
    witnesses: Witnesses,
    /// Turns to come; kept only where a call takes several keys.
    due: BTreeSet<(Duration, u32)>,
    tickets: usize,
}

#[derive(Debug)]
struct Call {
    endpoint: u32,
    cells: Vec<u32>,
    started: Duration,
    probe: bool,
}

/// Leave to make a call that is not a read of keys.
#[derive(Debug)]
struct Ticket {
    source: u32,
    stage: TicketStage,
}

#[derive(Debug)]
enum TicketStage {
    Waiting(Place),
    Flying { started: Duration, probe: bool },
}

impl Engine {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            random: Random::new(settings.seed),
            settings,
            cells: Slab::new(),
            sources: Slab::new(),
            by_identity: HashMap::new(),
            endpoints: Slab::new(),
            by_endpoint: HashMap::new(),
            groups: Groups::new(),
            runs: Ledger::new(),
            calls: Ledger::new(),
            tickets: Ledger::new(),
            timers: BTreeSet::new(),
            held: BTreeSet::new(),
            held_bytes: 0,
            waiting: 0,
            starts: Vec::new(),
            answered: Vec::new(),
            granted: Vec::new(),
            counters: Stats::default(),
            closed: false,
        }
    }

    /// Does what is due; answers when to come back if nothing happens before.
    pub(crate) fn step(&mut self, now: Duration) -> Option<Duration> {
        self.counters.turns += 1;
        for cell in self.groups.level(now) {
            self.schedule(cell, now);
            self.retime(cell);
        }
        while let Some((at, cell)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.pop_first();
            self.tick(cell, now);
        }
        let call = self.dispatch(now);
        let timer = self.timers.first().map(|(at, _)| *at);
        [call, timer, self.groups.level_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Calls to make since the last time.
    pub(crate) fn take_starts(&mut self) -> Vec<Start> {
        std::mem::take(&mut self.starts)
    }

    /// Runs that have all their answers, and tickets that may go or may not.
    pub(crate) fn take_answers(&mut self) -> (Runs, Grants) {
        (
            std::mem::take(&mut self.answered),
            std::mem::take(&mut self.granted),
        )
    }

    /// The calls in flight were cut off: their keys are asked again.
    pub(crate) fn cut_off(&mut self, now: Duration) {
        for call in self.calls.ids() {
            self.finished(call, None, now);
        }
    }

    pub(crate) fn stats(&self, now: Duration) -> Stats {
        let first = self.timers.first().map_or(now, |(at, _)| *at);
        let groups = self.cells.iter().filter(|(_, c)| c.interval().is_some());
        let mut endpoints: Vec<_> = self.endpoints.iter().map(|(_, e)| e.stats()).collect();
        endpoints.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        Stats {
            groups: groups.count(),
            objects: self.groups.len(),
            held: self.held.len(),
            held_bytes: self.held_bytes,
            waiting: self.waiting,
            lag: now.saturating_sub(first),
            endpoints,
            ..self.counters.clone()
        }
    }

    /// Does what the timer of one key was set for.
    fn tick(&mut self, id: u32, now: Duration) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        cell.timer = None;
        if cell.held.as_ref().is_some_and(|held| held.until <= now) {
            self.let_go(id);
        }
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        if cell.is_idle() && cell.forget_at() <= now {
            self.forget(id, now);
            return;
        }
        if matches!(cell.stage, Stage::Delayed(until) if until <= now) {
            cell.stage = Stage::Idle;
        }
        if cell.retry.is_some_and(|at| at <= now) && cell.stage == Stage::Idle {
            cell.retry = None;
            cell.poll.get_or_insert(Lane::Retry);
        }
        if cell.due.is_some_and(|at| at <= now) {
            self.counters.polls += 1;
            cell.poll = Some(Lane::Refresh);
            self.set_due(id, None);
        }
        self.enqueue(id, now);
        self.retime(id);
    }

    /// Sets the key's next turn: the first one half an interval or more after its last call, so
    /// that a read by somebody else takes the place of a turn that follows it closely.
    fn schedule(&mut self, id: u32, now: Duration) {
        let Some(cell) = self.cells.get(id) else {
            return;
        };
        // A poll on its way sets the next turn when it is done.
        let due = match (cell.interval(), self.sources.get(cell.source)) {
            (Some(interval), Some(source)) if cell.poll != Some(Lane::Refresh) => {
                let asked = cell.asked_at.map(|asked| asked + interval / 2);
                let from = asked.unwrap_or(now).max(now + Duration::from_nanos(1));
                self.groups.turn(source.endpoint, interval, id, from)
            }
            _ => None,
        };
        self.set_due(id, due);
    }

    fn set_due(&mut self, id: u32, due: Option<Duration>) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut cell.due, due);
        if let Some(source) = self.sources.get_mut(cell.source)
            && source.keys_per_call > 1
        {
            if let Some(before) = before {
                source.due.remove(&(before, id));
            }
            if let Some(due) = due {
                source.due.insert((due, id));
            }
        }
    }

    /// Keeps the table of timers in step with a key.
    fn retime(&mut self, id: u32) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let next = cell.next_timer();
        if next == cell.timer {
            return;
        }
        let before = std::mem::replace(&mut cell.timer, next);
        if let Some(before) = before {
            self.timers.remove(&(before, id));
        }
        if let Some(next) = next {
            self.timers.insert((next, id));
        }
    }
}

#[cfg(test)]
mod tests;
