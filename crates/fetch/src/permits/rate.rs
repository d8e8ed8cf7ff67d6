//! Pure. How many calls a second an endpoint takes, learned from its push-back.

use std::time::Duration;

/// No endpoint is called less often than once a second while it is let through at all.
const LEAST: f64 = 1.0;

/// Goodput below this says more about demand than about the backend.
const LEAST_GOODPUT: f64 = 2.0;

/// Goodput is what was answered in this long; shorter would take a burst for a rate.
const WINDOW: Duration = Duration::from_secs(2);

const PARTS: usize = 8;

/// Answers that double the rate of an endpoint that never pushed back: from 50 calls a second any
/// ceiling is within a second and a half, from 400 within a fifth of one.
const DOUBLING: f64 = 50.0;

/// Tokens are saved up for this many seconds: enough to make up for a late timer, too few for a
/// burst that a backend would notice.
const BURST: f64 = 0.05;

/// The way back from 0.7 × to 0.95 × goodput takes this long.
const CLIMB: f64 = 3.0;

/// A bucket of tokens whose rate adapts.
///
/// An endpoint that never pushed back is approached from a low rate that doubles with every
/// [`DOUBLING`] calls that were answered while more wanted to start: the backend's own pace sets
/// the ramp, so a slow one is approached slowly. On push-back the rate falls to 0.7 × the measured
/// goodput, is back at 0.95 × within seconds, and then creeps up: half a percent a second, 5 %
/// after a minute without push-back. Rates of a few calls a second, where percents are nothing,
/// grow by steps instead.
#[derive(Debug)]
pub(crate) struct Rate {
    most: f64,
    rate: f64,
    tokens: f64,
    at: Option<Duration>,
    blocked_until: Duration,
    pushed_back: Option<PushBack>,
    wanted: bool,
    /// Whether a call waits for its token.
    scarce: bool,
    answered: [u32; PARTS],
    part: u64,
    first: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct PushBack {
    at: Duration,
    goodput: f64,
}

impl Rate {
    pub(crate) fn new(initial: f64, most: f64) -> Self {
        let most = most.max(LEAST);
        Self {
            most,
            rate: initial.clamp(LEAST, most),
            tokens: (initial.clamp(LEAST, most) * BURST).max(1.0),
            at: None,
            blocked_until: Duration::ZERO,
            pushed_back: None,
            wanted: false,
            scarce: false,
            answered: [0; PARTS],
            part: 0,
            first: None,
        }
    }

    /// Sets another ceiling.
    pub(crate) fn limit(&mut self, most: f64) {
        self.most = most.max(LEAST);
        self.rate = self.rate.min(self.most);
    }

    pub(crate) const fn current(&self) -> f64 {
        self.rate
    }

    /// When the next call may start: `now`, or a time to come.
    pub(crate) fn ready_at(&mut self, now: Duration) -> Duration {
        self.refill(now);
        if now < self.blocked_until {
            return self.blocked_until;
        }
        self.scarce = self.tokens < 1.0;
        if !self.scarce {
            return now;
        }
        self.wanted = true;
        now + Duration::from_secs_f64((1.0 - self.tokens) / self.rate).max(Duration::from_micros(1))
    }

    /// Takes the token that `ready_at` promised.
    pub(crate) fn take(&mut self) {
        self.tokens -= 1.0;
    }

    /// A call was answered, with whatever but push-back.
    pub(crate) fn answered(&mut self, now: Duration) {
        self.first.get_or_insert(now);
        let part = self.turn_window(now);
        self.answered[part] += 1;
        if self.scarce && self.pushed_back.is_none() {
            self.refill(now);
            self.rate = (self.rate * 2f64.powf(1.0 / DOUBLING)).min(self.most);
        }
    }

    /// A call that started at `started` was pushed back; later calls wait for `after`.
    pub(crate) fn push_back(&mut self, started: Duration, now: Duration, after: Option<Duration>) {
        if let Some(after) = after {
            self.blocked_until = self.blocked_until.max(now + after);
        }
        self.refill(now);
        // Calls that were under way when the rate fell say nothing about the new rate.
        if self.pushed_back.is_some_and(|last| started <= last.at) {
            return;
        }
        let goodput = self.goodput(now).max(LEAST_GOODPUT);
        self.rate = (0.7 * goodput).clamp(LEAST, self.most);
        self.tokens = self.tokens.min(0.0);
        self.wanted = false;
        self.pushed_back = Some(PushBack { at: now, goodput });
    }

    fn refill(&mut self, now: Duration) {
        let last = self.at.replace(now).unwrap_or(now);
        let seconds = now.saturating_sub(last).as_secs_f64();
        let wanted = std::mem::take(&mut self.wanted);
        if let Some(back) = self.pushed_back {
            self.climb(back, now, seconds, wanted);
        }
        self.rate = self.rate.clamp(LEAST, self.most);
        let burst = (self.rate * BURST).max(1.0);
        self.tokens = (self.tokens + self.rate * seconds).min(burst);
    }

    fn climb(&mut self, back: PushBack, now: Duration, seconds: f64, wanted: bool) {
        let since = now.saturating_sub(back.at).as_secs_f64();
        let floor = back.goodput * (0.7 + 0.25 * (since / CLIMB).min(1.0));
        if wanted && since > CLIMB {
            let (share, least) = if since > 60.0 {
                (0.05, 2.0)
            } else {
                (0.005, 0.2)
            };
            self.rate += (self.rate * share).max(least) * seconds.min(1.0);
        }
        self.rate = self.rate.max(floor);
        if self.rate >= self.most {
            self.pushed_back = None;
        }
    }

    fn goodput(&mut self, now: Duration) -> f64 {
        self.turn_window(now);
        let sum: u32 = self.answered.iter().sum();
        let first = self.first.unwrap_or(now);
        let seen = now.saturating_sub(first).clamp(WINDOW / 2, WINDOW);
        f64::from(sum) / seen.as_secs_f64()
    }

    /// Empties the parts of the window that have passed; answers the present one.
    fn turn_window(&mut self, now: Duration) -> usize {
        let part = u64::try_from(now.as_nanos() / (WINDOW.as_nanos() / PARTS as u128)).unwrap_or(0);
        for passed in (self.part + 1..=part).rev().take(PARTS) {
            self.answered[passed as usize % PARTS] = 0;
        }
        self.part = self.part.max(part);
        self.part as usize % PARTS
    }
}

#[cfg(test)]
mod tests;
