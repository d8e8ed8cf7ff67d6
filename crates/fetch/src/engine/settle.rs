//! Pure. What an answer means: for readers, for subscribers, for the next try.

use std::collections::BTreeSet;
use std::time::Duration;

use tidegate_contract::{ErrorKind, ProviderError, RemoteSecret};

use super::cell::{HOLD, Held, Known, Negative, Stage};
use super::{Engine, Fetched};
use crate::backoff::Backoff;
use crate::groups::absence;
use crate::permits::Heard;
use crate::{Absence, FetchFailure, Fingerprint, Lane, Value};

/// Attempts that follow a pushed-back one without anybody's notice; each is slower than the last.
const THROTTLED_TRIES: u8 = 3;

/// A first silence is tried again after this long, unnoticed: most are one broken connection.
const SILENCE_WAIT: Duration = Duration::from_secs(1);

/// A failure to settle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault<'a> {
    pub(super) kind: ErrorKind,
    pub(super) public: &'a str,
    /// False when no call was made: the breaker is open.
    pub(super) called: bool,
}

impl Engine {
    /// A call has ended. `None` is a call that was cut off: its keys are asked again.
    pub(crate) fn finished(&mut self, call: u64, answers: Option<Vec<Fetched>>, now: Duration) {
        let Some(call) = self.calls.remove(call) else {
            return;
        };
        let Some(mut answers) = answers else {
            self.ended(call.endpoint, call.started, call.probe, Heard::Nothing, now);
            for id in call.cells {
                self.ask_again(id, now);
            }
            return;
        };
        let (asked, got) = (call.cells.len(), answers.len());
        answers.truncate(asked);
        answers.resize_with(asked, || {
            let text = format!("the provider gave {got} answers for {asked} keys");
            Err(ProviderError::new(ErrorKind::Invalid, text))
        });
        let heard = answers
            .iter()
            .map(|answer| match answer {
                Ok(_) => Heard::Reached,
                Err(error) => Heard::failure(error.kind(), error.public()),
            })
            .reduce(Heard::and);
        let heard = heard.unwrap_or(Heard::Nothing);
        self.ended(call.endpoint, call.started, call.probe, heard, now);
        // Values first: each is a witness for what is absent in the same answer.
        let (good, bad): (Vec<_>, Vec<_>) = call
            .cells
            .into_iter()
            .zip(answers)
            .partition(|(_, answer)| answer.is_ok());
        for (id, answer) in good.into_iter().chain(bad) {
            match answer {
                Ok((secret, print)) => self.succeed(id, secret, print, call.started, now),
                Err(error) => {
                    let fault = Fault {
                        kind: error.kind(),
                        public: error.public(),
                        called: true,
                    };
                    self.fail(id, fault, call.started, now);
                }
            }
        }
    }

    fn succeed(
        &mut self,
        id: u32,
        secret: RemoteSecret,
        fingerprint: Fingerprint,
        started: Duration,
        now: Duration,
    ) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        cell.failures = 0;
        cell.negative = None;
        cell.absent_since = None;
        cell.retry = None;
        cell.good_at = Some(started);
        if let Some(source) = self.sources.get_mut(cell.source) {
            source.witnesses.read_well(id, started);
        }
        let was_read = cell.waiters.iter().any(|w| w.not_before <= started);
        self.learn(id, Known::Good(fingerprint), started);
        let value = Value {
            secret,
            fingerprint,
        };
        self.hold(id, value.clone(), started, was_read, now);
        self.deliver(id, started, &Ok(value));
        self.rest(id, now);
    }

    pub(super) fn fail(&mut self, id: u32, fault: Fault<'_>, started: Duration, now: Duration) {
        if fault.called && self.tries_again(id, fault.kind, now) {
            return;
        }
        let absence = self.absence(id, fault.kind, started, now);
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let delay = Backoff::of(fault.kind).delay(cell.failures, &mut self.random);
        cell.failures = cell.failures.saturating_add(1);
        let retry_at = match (fault.kind, absence) {
            (ErrorKind::Throttled { after: Some(after) }, _) if fault.called => {
                now + delay.max(after)
            }
            (_, Some(Absence { confirmed: false })) => {
                let first = cell.absent_since.unwrap_or(started);
                (first + absence::AGAIN_AFTER).max(now + Duration::from_secs(1))
            }
            _ => now + delay,
        };
        let failure = FetchFailure {
            kind: fault.kind,
            public: fault.public.into(),
            absence,
            retry_at,
        };
        cell.retry = Some(retry_at);
        cell.negative = Some(Box::new(Negative {
            failure: failure.clone(),
            started,
        }));
        self.let_go(id);
        let known = match absence {
            Some(Absence { confirmed }) => Known::Absent { confirmed },
            None => Known::failed(fault.kind),
        };
        self.learn(id, known, started);
        self.deliver(id, started, &Err(failure));
        self.rest(id, now);
    }

    /// Puts a key up for another attempt that nobody notices, if the kind of failure allows one.
    fn tries_again(&mut self, id: u32, kind: ErrorKind, now: Duration) -> bool {
        let Some(cell) = self.cells.get_mut(id) else {
            return false;
        };
        let source = self.sources.get(cell.source);
        let endpoint = source.and_then(|source| self.endpoints.get(source.endpoint));
        let is_open = endpoint.is_some_and(|endpoint| endpoint.is_open());
        let stage = match (kind, cell.tries) {
            (ErrorKind::Unauthenticated, 0) => Stage::Idle,
            (ErrorKind::Throttled { .. }, 0..THROTTLED_TRIES) if !is_open => Stage::Idle,
            (ErrorKind::Unavailable, 0) if !is_open => {
                Stage::Delayed(now + self.random.spread(SILENCE_WAIT, 0.2))
            }
            _ => return false,
        };
        if cell.wanted().is_none() {
            return false;
        }
        cell.tries += 1;
        cell.stage = stage;
        self.counters.retries += 1;
        self.enqueue(id, now);
        self.retime(id);
        true
    }

    fn absence(
        &mut self,
        id: u32,
        kind: ErrorKind,
        started: Duration,
        now: Duration,
    ) -> Option<Absence> {
        if kind != ErrorKind::NotFound {
            return None;
        }
        let cell = self.cells.get_mut(id)?;
        let first = *cell.absent_since.get_or_insert(started);
        let known = cell.known == Known::Absent { confirmed: true };
        let witnesses = &self.sources.get(cell.source)?.witnesses;
        let confirmed = known || absence::is_confirmed(first, started, id, witnesses, now);
        Some(Absence { confirmed })
    }

    /// Compares an answer with the last one and wakes whoever has not seen it.
    fn learn(&mut self, id: u32, next: Known, started: Duration) {
        let present = self.present(id, started);
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut cell.known, next);
        let cause = before.cause(next);
        match (before, next) {
            (Known::Good(_), Known::Good(_)) if before == next => self.counters.same += 1,
            (Known::Good(_), Known::Good(_)) => self.counters.changed += 1,
            _ => {}
        }
        for subscriber in &mut cell.subscribers {
            if present.contains(&subscriber.object) {
                subscriber.seen = true;
                continue;
            }
            subscriber.seen &= before == next;
            if !subscriber.seen && self.groups.wake(subscriber.object, cause) {
                self.counters.wakes += 1;
            }
        }
    }

    /// Keeps a value for whoever was woken, and 30 s for others when somebody asked for it.
    fn hold(&mut self, id: u32, value: Value, started: Duration, for_all: bool, now: Duration) {
        self.let_go(id);
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        let unseen = cell
            .subscribers
            .iter()
            .filter(|subscriber| !subscriber.seen);
        let takers: BTreeSet<u32> = unseen.map(|subscriber| subscriber.object).collect();
        if takers.is_empty() && !for_all {
            return;
        }
        let until = now + HOLD;
        self.held_bytes += value.secret.value.len();
        cell.held = Some(Box::new(Held {
            value,
            started,
            until,
            takers,
            for_all,
        }));
        self.held.insert((until, id));
        while self.held_bytes > self.settings.held_bytes
            && let Some((_, oldest)) = self.held.first().copied()
        {
            self.let_go(oldest);
            self.retime(oldest);
        }
    }

    /// Drops (and so zeroizes) the value that is held.
    pub(super) fn let_go(&mut self, id: u32) {
        let Some(held) = self.cells.get_mut(id).and_then(|cell| cell.held.take()) else {
            return;
        };
        self.held_bytes -= held.value.secret.value.len();
        self.held.remove(&(held.until, id));
    }

    /// An attempt is over: the next turn is set, and readers it came too early for go on.
    fn rest(&mut self, id: u32, now: Duration) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        cell.stage = Stage::Idle;
        cell.poll = None;
        cell.tries = 0;
        self.schedule(id, now);
        if let Some(cell) = self.cells.get_mut(id)
            && (cell.subscribers.is_empty() || cell.due.is_some_and(|due| cell.retry >= Some(due)))
        {
            cell.retry = None;
        }
        self.enqueue(id, now);
        self.retime(id);
    }

    /// A call was cut off: whoever still wants the key gets another one.
    fn ask_again(&mut self, id: u32, now: Duration) {
        let Some(cell) = self.cells.get_mut(id) else {
            return;
        };
        cell.stage = Stage::Idle;
        if !cell.subscribers.is_empty() {
            cell.poll.get_or_insert(Lane::Refresh);
        }
        self.enqueue(id, now);
        self.retime(id);
    }
}
