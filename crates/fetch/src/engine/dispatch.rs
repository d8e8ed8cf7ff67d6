//! Pure. From wanted keys to calls: queued by lane, admitted by endpoint, gathered in batches.

use std::time::Duration;

use tidegate_contract::{ErrorKind, ProviderError};

use super::cell::Stage;
use super::settle::Fault;
use super::{Call, Engine, Start, Ticket, TicketStage};
use crate::permits::queue::{Job, Pick};
use crate::permits::{Admit, Heard};
use crate::{Lane, Source};

impl Engine {
    /// Stands a key in its endpoint's queue, in the lane that it is wanted in.
    pub(super) fn enqueue(&mut self, id: u32, now: Duration) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let (Some(lane), Some(source)) = (cell.wanted(), self.sources.get(cell.source)) else {
            return;
        };
        let Some(endpoint) = self.endpoints.get_mut(source.endpoint) else {
            return;
        };
        match cell.stage {
            Stage::Queued(place) if place.lane == lane => return,
            Stage::Queued(place) => endpoint.queue.remove(place),
            Stage::Idle => {}
            Stage::Delayed(_) | Stage::Flying(_) => return,
        }
        let place = endpoint.queue.push(lane, cell.source, Job::Cell(id), now);
        cell.stage = Stage::Queued(place);
    }

    /// Starts every call that may start; answers when the next one may.
    pub(super) fn dispatch(&mut self, now: Duration) -> Option<Duration> {
        let mut next: Option<Duration> = None;
        for endpoint in self.endpoints.ids() {
            if let Some(at) = self.dispatch_endpoint(endpoint, now) {
                next = Some(next.map_or(at, |known| known.min(at)));
            }
        }
        next
    }

    fn dispatch_endpoint(&mut self, endpoint: u32, now: Duration) -> Option<Duration> {
        loop {
            let permits = self.endpoints.get_mut(endpoint)?;
            if permits.queue.is_empty() {
                return None;
            }
            let probe = match permits.admit(now) {
                Admit::Start { probe } => probe,
                Admit::Later(at) => return Some(at),
                Admit::Full => return None,
                Admit::Refuse(reason) => {
                    for job in permits.queue.jobs() {
                        self.refuse(job, reason.kind, &reason.public, now);
                    }
                    return None;
                }
            };
            let permits = self.endpoints.get(endpoint)?;
            let sources = &self.sources;
            let linger = self.settings.linger;
            let pick = permits.queue.pick(
                now,
                |lane| permits.opens(lane, probe),
                |source, jobs, since| match sources.get(source).map_or(1, |s| s.keys_per_call) {
                    most if jobs < most => since + linger,
                    _ => since,
                },
            );
            match pick {
                Pick::Next(lane, source) => self.start(endpoint, lane, source, probe, now),
                Pick::Later(at) => return Some(at),
                Pick::Nobody => return None,
            }
        }
    }

    /// Starts the next call of a source: a ticket, or a batch of keys.
    fn start(&mut self, endpoint: u32, lane: Lane, source: u32, probe: bool, now: Duration) {
        let Some(permits) = self.endpoints.get_mut(endpoint) else {
            return;
        };
        let keys_per_call = self.sources.get(source).map_or(1, |s| s.keys_per_call);
        permits.queue.charge(lane, source);
        let polls = self.groups.rate(endpoint) / keys_per_call as f64;
        permits.started(now, lane, probe, polls);
        let first = permits.queue.of_source(lane, source).next();
        if let Some(Job::Ticket(ticket)) = first {
            self.grant(ticket, endpoint, probe, now);
            return;
        }
        let cells = self.batch(endpoint, lane, source, keys_per_call, now);
        let Some(known) = self.sources.get(source) else {
            return;
        };
        let provider = std::sync::Arc::clone(&known.provider);
        let mut keys = Vec::with_capacity(cells.len());
        for id in &cells {
            self.dequeue(*id);
            self.set_due(*id, None);
            if let Some(cell) = self.cells.get_mut(*id) {
                cell.stage = Stage::Flying(now);
                cell.asked_at = Some(now);
                keys.push((*cell.key).clone());
            }
            self.retime(*id);
        }
        self.counters.calls += 1;
        self.counters.keys += keys.len() as u64;
        let call = self.calls.insert(Call {
            endpoint,
            cells,
            started: now,
            probe,
        });
        self.starts.push(Start {
            call,
            provider,
            keys,
        });
    }

    /// The keys of one call: those that wait in this lane, then those that wait in others, then
    /// those whose turn comes soon.
    fn batch(
        &self,
        endpoint: u32,
        lane: Lane,
        source: u32,
        most: usize,
        now: Duration,
    ) -> Vec<u32> {
        let Some(permits) = self.endpoints.get(endpoint) else {
            return Vec::new();
        };
        let others = Lane::ALL.into_iter().filter(|other| *other != lane);
        let mut cells: Vec<u32> = [lane]
            .into_iter()
            .chain(others)
            .flat_map(|lane| permits.queue.of_source(lane, source))
            .filter_map(|job| match job {
                Job::Cell(id) => Some(id),
                Job::Ticket(_) => None,
            })
            .take(most)
            .collect();
        if cells.len() < most {
            let room = most - cells.len();
            cells.extend(self.due_soon(source, room, now));
        }
        cells
    }

    /// Keys that ride along since their turn is near: within twice the time that it takes for as
    /// many turns as a call has room for to come up, never more than half an interval. They keep
    /// their phase.
    fn due_soon(&self, source: u32, room: usize, now: Duration) -> Vec<u32> {
        let Some(source) = self.sources.get(source) else {
            return Vec::new();
        };
        let share = 2.0 * source.keys_per_call as f64 / source.due.len().max(1) as f64;
        let rides = |(due, id): &(Duration, u32)| {
            let cell = self.cells.get(*id)?;
            let interval = cell.interval()?;
            let asked_long_ago = cell
                .asked_at
                .is_none_or(|asked| asked + interval / 2 <= now);
            let near = *due <= now + interval.mul_f64(share.min(0.5));
            (cell.stage == Stage::Idle && asked_long_ago && near).then_some(*id)
        };
        let candidates = source.due.iter().take(4 * source.keys_per_call);
        candidates.filter_map(rides).take(room).collect()
    }

    pub(super) fn ended(
        &mut self,
        endpoint: u32,
        started: Duration,
        probe: bool,
        heard: Heard,
        now: Duration,
    ) {
        if let Some(permits) = self.endpoints.get_mut(endpoint) {
            permits.ended(started, now, probe, heard);
        }
    }

    fn refuse(&mut self, job: Job, kind: ErrorKind, public: &str, now: Duration) {
        self.counters.short_circuits += 1;
        match job {
            Job::Ticket(id) => self.refuse_ticket(id, kind, public, now),
            Job::Cell(id) => {
                self.dequeue(id);
                let fault = Fault {
                    kind,
                    public,
                    called: false,
                };
                self.fail(id, fault, now, now);
            }
        }
    }

    /// Asks for leave to call a source otherwise than by reading keys; `None` after `close`.
    pub(crate) fn ticket(&mut self, source: &Source, lane: Lane, now: Duration) -> Option<u64> {
        if self.closed {
            return None;
        }
        let source = self.source(source, now);
        let known = self.sources.get_mut(source)?;
        known.tickets += 1;
        let queue = &mut self.endpoints.get_mut(known.endpoint)?.queue;
        // Only the number of the ticket can stand in the queue, and only the place in the ticket.
        let started = now;
        let ticket = self.tickets.insert(Ticket {
            source,
            stage: TicketStage::Flying {
                started,
                probe: false,
            },
        });
        let place = queue.push(lane, source, Job::Ticket(ticket), now);
        if let Some(known) = self.tickets.get_mut(ticket) {
            known.stage = TicketStage::Waiting(place);
        }
        Some(ticket)
    }

    fn grant(&mut self, id: u64, endpoint: u32, probe: bool, now: Duration) {
        let Some(ticket) = self.tickets.get_mut(id) else {
            return;
        };
        let flying = TicketStage::Flying {
            started: now,
            probe,
        };
        if let TicketStage::Waiting(place) = std::mem::replace(&mut ticket.stage, flying)
            && let Some(permits) = self.endpoints.get_mut(endpoint)
        {
            permits.queue.remove(place);
        }
        self.granted.push((id, Ok(())));
    }

    pub(super) fn refuse_ticket(&mut self, id: u64, kind: ErrorKind, public: &str, now: Duration) {
        let waits = |ticket: &Ticket| matches!(ticket.stage, TicketStage::Waiting(_));
        if self.tickets.get(id).is_some_and(waits) {
            self.return_ticket(id, Heard::Nothing, now);
            let error = ProviderError::new(kind, public.to_owned());
            self.granted.push((id, Err(error)));
        }
    }

    /// The call of a ticket has ended, or its holder is gone.
    pub(crate) fn return_ticket(&mut self, id: u64, heard: Heard, now: Duration) {
        let Some(ticket) = self.tickets.remove(id) else {
            return;
        };
        let Some(source) = self.sources.get_mut(ticket.source) else {
            return;
        };
        source.tickets -= 1;
        let endpoint = source.endpoint;
        match ticket.stage {
            TicketStage::Waiting(place) => {
                if let Some(permits) = self.endpoints.get_mut(endpoint) {
                    permits.queue.remove(place);
                }
            }
            TicketStage::Flying { started, probe } => {
                self.ended(endpoint, started, probe, heard, now);
            }
        }
        self.release(ticket.source, now);
    }
}
