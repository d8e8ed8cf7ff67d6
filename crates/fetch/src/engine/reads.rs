//! Pure. Reads: joined, answered from what is held, cancelled.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::ErrorKind;

use super::Engine;
use super::cell::{Stage, Waiter};
use crate::{Answer, Cause, FetchFailure, Read};

/// The reads of one object that wait together.
#[derive(Debug)]
pub(crate) struct Run {
    object: Arc<str>,
    answers: Vec<Option<Answer>>,
    missing: usize,
    cells: Vec<u32>,
    /// Keys that count as seen by the object from the moment it has the answers.
    told: Vec<u32>,
}

/// What `Engine::read` found.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Every answer was held.
    Done(Vec<Answer>),
    /// The run of this number will be among the output.
    Waiting(u64),
}

impl Engine {
    /// Reads keys for an object.
    pub(crate) fn read(&mut self, object: &Arc<str>, reads: Vec<Read>, now: Duration) -> Reading {
        if self.closed {
            let stopped = || Err(stopped(now));
            return Reading::Done(reads.iter().map(|_| stopped()).collect());
        }
        let mut answers = Vec::with_capacity(reads.len());
        let (mut waits, mut told) = (Vec::new(), Vec::new());
        for (read, index) in reads.into_iter().zip(0u32..) {
            let not_before = read.not_before.unwrap_or_default().min(now);
            let id = self.cell(&read.source, &read.key, now);
            let answer = self.held_answer(id, object, not_before, now);
            match &answer {
                None => waits.push((id, index, read.lane, not_before)),
                Some(_) => told.push(id),
            }
            answers.push(answer);
        }
        if waits.is_empty() {
            return Reading::Done(answers.into_iter().flatten().collect());
        }
        let run = self.runs.insert(Run {
            object: Arc::clone(object),
            missing: waits.len(),
            answers,
            cells: waits.iter().map(|(id, ..)| *id).collect(),
            told,
        });
        for (id, index, lane, not_before) in waits {
            let waiter = Waiter {
                run,
                index,
                lane,
                not_before,
            };
            if let Some(cell) = self.cells.get_mut(id) {
                self.waiting += 1;
                cell.waiters.push(waiter);
            }
            self.enqueue(id, now);
            self.retime(id);
        }
        Reading::Waiting(run)
    }

    /// The reader has its answers.
    pub(crate) fn received(&mut self, run: u64) {
        self.runs.remove(run);
    }

    /// Forgets a run whose reader is gone, and the calls that nobody else wants. What was told to
    /// it in vain wakes its object.
    pub(crate) fn cancel(&mut self, run: u64, now: Duration) {
        let Some(gone) = self.runs.remove(run) else {
            return;
        };
        for id in gone.cells {
            let Some(cell) = self.cells.get_mut(id) else {
                continue;
            };
            let before = cell.waiters.len();
            cell.waiters.retain(|waiter| waiter.run != run);
            self.waiting -= before - cell.waiters.len();
            if cell.wanted().is_none() {
                cell.tries = 0;
                self.dequeue(id);
                self.resume_turns(id, now);
            }
            self.enqueue(id, now);
            self.retime(id);
        }
        let Some(object) = self.groups.find(&gone.object) else {
            return;
        };
        for id in gone.told {
            let subscriber = self
                .cells
                .get_mut(id)
                .and_then(|cell| cell.subscriber(object));
            if let Some(subscriber) = subscriber {
                subscriber.seen = false;
                self.wake(object, Cause::FirstLook);
            }
        }
    }

    /// An attempt that was given up between two tries sets no next turn: subscribers need one.
    fn resume_turns(&mut self, id: u32, now: Duration) {
        let cell = self.cells.get_mut(id);
        if cell.is_some_and(|cell| cell.stage == Stage::Idle && cell.due.is_none()) {
            self.schedule(id, now);
        }
    }

    /// Answers whoever waits, now and from now on, that there will be no answers.
    pub(crate) fn close(&mut self, now: Duration) {
        self.closed = true;
        for id in self.cells.ids() {
            self.deliver(id, now, &Err(stopped(now)));
        }
        for id in self.tickets.ids() {
            self.refuse_ticket(id, ErrorKind::Unavailable, STOPPED, now);
        }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// An answer that needs no call.
    fn held_answer(
        &mut self,
        id: u32,
        object: &str,
        not_before: Duration,
        now: Duration,
    ) -> Option<Answer> {
        let cell = self.cells.get(id)?;
        let answer = if let Some(held) = &cell.held
            && held.started >= not_before
            && held.until > now
        {
            Ok(held.value.clone())
        } else if let Some(negative) = &cell.negative
            && negative.started >= not_before
            && negative.failure.retry_at > now
        {
            Err(negative.failure.clone())
        } else {
            return None;
        };
        self.counters.hits += 1;
        self.taken(id, object);
        Some(answer)
    }

    /// An object has the latest answer: it counts as told.
    fn taken(&mut self, id: u32, object: &str) {
        let (Some(object), Some(cell)) = (self.groups.find(object), self.cells.get_mut(id)) else {
            return;
        };
        if let Some(subscriber) = cell.subscriber(object) {
            subscriber.seen = true;
        }
        self.drop_taker(id, object);
    }

    /// An object no longer waits for the held value; the last one lets it go.
    pub(super) fn drop_taker(&mut self, id: u32, object: u32) {
        let Some(held) = self.cells.get_mut(id).and_then(|cell| cell.held.as_mut()) else {
            return;
        };
        held.takers.remove(&object);
        if held.takers.is_empty() && !held.for_all {
            self.let_go(id);
            self.retime(id);
        }
    }

    /// Subscribed objects that a call which started at `started` answers directly.
    pub(super) fn present(&mut self, id: u32, started: Duration) -> BTreeSet<u32> {
        let Some(cell) = self
            .cells
            .get_mut(id)
            .filter(|cell| !cell.subscribers.is_empty())
        else {
            return BTreeSet::new();
        };
        let mut present = BTreeSet::new();
        let served: Vec<u64> = cell
            .waiters
            .iter()
            .filter(|waiter| waiter.not_before <= started)
            .map(|waiter| waiter.run)
            .collect();
        for run in served {
            if let Some(run) = self.runs.get_mut(run)
                && let Some(object) = self.groups.find(&run.object)
                && cell.subscriber(object).is_some()
            {
                run.told.push(id);
                present.insert(object);
            }
        }
        present
    }

    /// Gives an answer to the readers whom it satisfies.
    pub(super) fn deliver(&mut self, id: u32, started: Duration, answer: &Answer) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let (served, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut cell.waiters)
            .into_iter()
            .partition(|waiter| waiter.not_before <= started);
        cell.waiters = rest;
        self.waiting -= served.len();
        self.counters.joins += served.len().saturating_sub(1) as u64;
        for waiter in served {
            let Some(run) = self.runs.get_mut(waiter.run) else {
                continue;
            };
            if let Some(slot) = run.answers.get_mut(waiter.index as usize) {
                *slot = Some(answer.clone());
                run.missing -= 1;
            }
            if run.missing == 0 {
                let answers = std::mem::take(&mut run.answers);
                let answers = answers.into_iter().flatten().collect();
                self.answered.push((waiter.run, answers));
            }
        }
    }

    /// Takes a key out of the queue when nobody wants it any more.
    pub(super) fn dequeue(&mut self, id: u32) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        match cell.stage {
            Stage::Queued(place) => {
                let source = self.sources.get(cell.source);
                let endpoint = source.and_then(|source| self.endpoints.get_mut(source.endpoint));
                if let Some(endpoint) = endpoint {
                    endpoint.queue.remove(place);
                }
                cell.stage = Stage::Idle;
            }
            Stage::Delayed(_) => cell.stage = Stage::Idle,
            Stage::Idle | Stage::Flying(_) => {}
        }
    }
}

const STOPPED: &str = "not read: the process is stopping";

fn stopped(now: Duration) -> FetchFailure {
    FetchFailure {
        kind: ErrorKind::Unavailable,
        public: STOPPED.into(),
        absence: None,
        retry_at: now,
    }
}
