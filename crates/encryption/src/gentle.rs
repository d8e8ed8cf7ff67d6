//! Pure. How quick a rewrite may be: as quick as an unrelated request hardly feels.
//!
//! A small request of our own is sent again and again: beside the writes, and in short pauses of
//! theirs. The rate of writes falls by a good part with each one beside them that took more than
//! twice what hardly any takes in pauses, and rises a little with each other. What is as slow in
//! pauses is somebody else's doing: a slow request in one makes up for as many beside writes as
//! its share of the time says, and takes back what the rate lost since the pause before.

use std::collections::VecDeque;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The slowest rate that slow answers lead to, in objects a second: without one, other people's
/// load would stop a rewrite for good.
pub const LEAST: f64 = 25.0;
/// As [`LEAST`], for a server that refuses or does not answer.
const LEAST_IN_TROUBLE: f64 = 1.0;
/// The rate before anything is known.
const START: f64 = 50.0;
/// A request beside our writes is slow when it takes longer than so many times the idle tail.
pub const PATIENCE: u32 = 2;
/// What a slow request makes of the rate.
const FALL: f64 = 0.7;
/// What another makes of it. While the rate is above [`LEAST`], each fall that counts was earned
/// by `ln(1 / FALL) / ln(RISE)` = 198 rises: so at most one request in 199 is slow because of us,
/// half of what would move the 99th percentile.
const RISE: f64 = 1.0018;
/// As [`RISE`], until the first fall that counts.
const SEARCH: f64 = 1.01;
/// What a 429 or a lost answer makes of the rate.
const TROUBLE: f64 = 0.5;
/// Between two of our requests beside writes.
const BESIDE: Duration = Duration::from_millis(50);
/// Between two of them in a pause.
const LISTENING: Duration = Duration::from_millis(20);
/// A request that took long stands for those that would have been sent meanwhile; at most so many.
const STANDS_FOR: i32 = 10;
/// Requests of one pause.
const AGAIN: usize = 20;
/// A slow request in a pause says that so many of those beside our writes are slow without us: a
/// period of work has 80, a pause [`AGAIN`].
const SAYS: i32 = 4;
/// Slow requests that are put down to others in advance, at most.
const MOST_CREDIT: i32 = 3 * SAYS;
/// Requests that the first idle tail is made of.
const FIRST: usize = 4 * AGAIN;
/// Pauses that are remembered: of half a minute, so that the tail is that of the present.
const REMEMBERED: usize = 8;
/// Between two pauses.
const WORK: Duration = Duration::from_secs(4);
/// As [`WORK`], where a few requests were slow: was it us?
const DOUBTFUL: Duration = Duration::from_secs(1);
/// So many.
const DOUBTS: u32 = 3;
/// How long the server may calm down in a pause before its idle latency counts.
const CALM: Duration = Duration::from_millis(100);
/// A pause ends after so long, whatever came.
const LONGEST: Duration = Duration::from_secs(5);
/// An idle tail of fewer requests is none.
const FEW: usize = 8;

/// The state of the pace. Times are since any fixed moment.
///
/// # Guarantees
/// No two starts are closer than `1 / most`; the rate stays within `1..=most`; nothing waits for
/// ever, whatever the server does.
#[derive(Debug)]
pub struct Gentle {
    most: f64,
    rate: f64,
    searching: bool,
    /// Of touches.
    in_flight: usize,
    /// The earliest next start.
    next: Duration,
    phase: Phase,
    /// The latest idle latencies, by pause (the first look counts as four).
    idle: VecDeque<Vec<Duration>>,
    before: Before,
    /// Slow requests that will be put down to others.
    credit: i32,
    slow: u64,
    felt: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was touched yet.
    Fresh,
    /// Touches wait, so that idle latencies can be seen: `wanted` more of them.
    Listening { since: Duration, wanted: usize },
    /// Touches go on.
    Working { since: Duration },
}

/// What was so when touches last began to go on.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    rate: f64,
    searching: bool,
    /// Slow requests since then.
    slow: u32,
    /// The idle tail that they were compared with.
    tail: Option<Duration>,
}

/// Whether something may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// It has started.
    Go,
    /// Ask again after so long.
    Wait(Duration),
}

impl Gentle {
    /// At most so many objects a second.
    #[must_use]
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self {
            most,
            rate: most.min(START),
            searching: true,
            in_flight: 0,
            next: Duration::ZERO,
            phase: Phase::Fresh,
            idle: VecDeque::new(),
            before: Before::default(),
            credit: 0,
            slow: 0,
            felt: 0,
        }
    }

    /// Objects a second, now.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Of our requests beside writes, those that were slow, whoever made them so, and all.
    #[must_use]
    pub const fn felt(&self) -> (u64, u64) {
        (self.slow, self.felt)
    }

    /// Asks to start a touch; [`Gentle::ended`] has to follow each that went.
    pub fn touch(&mut self, now: Duration) -> Slot {
        self.turn(now);
        if let Phase::Listening { .. } = self.phase {
            return Slot::Wait(LISTENING);
        }
        let slot = self.take(now, 1.0, self.rate);
        if slot == Slot::Go {
            self.in_flight += 1;
        }
        slot
    }

    /// Asks to read a page, which is as much work as `cost` touches.
    pub fn read(&mut self, now: Duration, cost: f64) -> Slot {
        let rate = match self.phase {
            Phase::Fresh => self.most,
            _ => self.rate,
        };
        self.take(now, cost, rate)
    }

    fn take(&mut self, now: Duration, cost: f64, rate: f64) -> Slot {
        if now < self.next {
            return Slot::Wait(self.next - now);
        }
        self.next = now + Duration::from_secs_f64(cost / rate);
        Slot::Go
    }

    /// Begins and ends pauses.
    fn turn(&mut self, now: Duration) {
        let listen = |wanted| Phase::Listening { since: now, wanted };
        match self.phase {
            Phase::Fresh => self.phase = listen(FIRST),
            Phase::Listening { since, wanted } if wanted == 0 || now >= since + LONGEST => {
                self.judge();
                self.phase = Phase::Working { since: now };
            }
            Phase::Working { since } => {
                let doubtful = self.before.slow >= DOUBTS && now >= since + DOUBTFUL;
                if doubtful || now >= since + WORK {
                    self.idle.push_back(Vec::new());
                    self.phase = listen(AGAIN);
                }
            }
            Phase::Listening { .. } => {}
        }
    }

    /// At the end of a pause: whether what was slow before it was slow in it too.
    fn judge(&mut self) {
        let slow = |pause: &Vec<Duration>| {
            let tail = self.before.tail.unwrap_or(Duration::MAX);
            pause.iter().any(|latency| is_slow(*latency, tail))
        };
        if self.before.slow > 0 && self.idle.back().is_some_and(slow) {
            self.rate = self.rate.max(self.before.rate);
            self.searching = self.before.searching;
        }
        let tail = self.idle_tail();
        if tail.is_none() {
            self.rate = self.rate.min(LEAST);
        }
        self.before = Before {
            rate: self.rate,
            searching: self.searching,
            slow: 0,
            tail,
        };
    }

    /// One touch ended.
    pub fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The server refused with 429, or did not answer.
    pub fn troubled(&mut self) {
        self.searching = false;
        self.rate = (self.rate * TROUBLE).max(LEAST_IN_TROUBLE);
        // Never taken back: that was said to us.
        self.before.rate = self.rate;
        self.before.searching = false;
    }

    /// How long after one request of our own the next one starts; none are sent before the first
    /// touch is asked for.
    #[must_use]
    pub const fn between(&self) -> Option<Duration> {
        match self.phase {
            Phase::Fresh => None,
            Phase::Listening { .. } => Some(LISTENING),
            Phase::Working { .. } => Some(BESIDE),
        }
    }

    /// Whether a request that starts now meets no work of ours.
    #[must_use]
    pub fn is_idle(&self, now: Duration) -> bool {
        match self.phase {
            Phase::Fresh => true,
            Phase::Listening { since, .. } => self.in_flight == 0 && now >= since + CALM,
            Phase::Working { .. } => false,
        }
    }

    /// Learns from one request of our own: whether it started while we were idle, and how long
    /// it took.
    pub fn learn(&mut self, idle: bool, latency: Duration) {
        match &mut self.phase {
            Phase::Listening { wanted, .. } if idle => {
                *wanted = wanted.saturating_sub(1);
                if self.before.tail.is_some_and(|tail| is_slow(latency, tail)) {
                    self.credit = (self.credit + SAYS).min(MOST_CREDIT);
                }
                self.remember(latency);
            }
            Phase::Working { .. } if !idle => self.beside(latency),
            _ => {}
        }
    }

    fn beside(&mut self, latency: Duration) {
        self.felt += 1;
        let Some(tail) = self.before.tail else { return };
        if is_slow(latency, tail) {
            self.slow += 1;
            self.before.slow += 1;
            let missed = latency.as_millis() / BESIDE.as_millis();
            let falls = i32::try_from(missed).map_or(STANDS_FOR, |missed| missed + 1);
            let falls = falls.min(STANDS_FOR);
            let others = self.credit.min(falls);
            self.credit -= others;
            if falls > others {
                self.searching = false;
                let fallen = self.rate * FALL.powi(falls - others);
                self.rate = fallen.max(self.rate.min(LEAST));
            }
        } else {
            let quick = self.searching || self.rate < LEAST;
            self.rate = (self.rate * if quick { SEARCH } else { RISE }).min(self.most);
        }
    }

    fn remember(&mut self, latency: Duration) {
        match self.idle.back_mut().filter(|pause| pause.len() < AGAIN) {
            Some(pause) => pause.push(latency),
            None => self.idle.push_back(vec![latency]),
        }
        while self.idle.len() > REMEMBERED {
            self.idle.pop_front();
        }
    }

    /// What hardly any request takes in idle times: their 99th percentile, but never the very
    /// slowest, which may be anything.
    #[must_use]
    pub fn idle_tail(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.idle.iter().flatten().copied().collect();
        if sorted.len() < FEW {
            return None;
        }
        sorted.sort_unstable();
        let rank = (sorted.len() * 99).div_ceil(100) - 1;
        Some(sorted[rank.min(sorted.len() - 2)])
    }
}

fn is_slow(latency: Duration, tail: Duration) -> bool {
    latency > tail.saturating_mul(PATIENCE)
}
