//! Pure. How many writes the API server takes at once: grows while it is quick, halves on 429 and
//! when a write waits too long for its answer.

use std::time::Duration;

/// How one write ended, as far as the limit cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server answered (with success or with a refusal of its own).
    Answered,
    /// 429, with the pause it asks for.
    Throttled(Option<Duration>),
    /// No answer in time.
    Lost,
}

/// Writes whose latencies are compared with each other: a status costs the API server about five
/// Secrets, so one's idle latency would look like the other's queueing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Secrets, and what is as light.
    Secret,
    /// Statuses of custom resources.
    Status,
}

/// Samples that make one decision.
const WINDOW: usize = 16;
/// How long a minimum of the latency counts as the server's idle latency.
const MEMORY: Duration = Duration::from_secs(60);
/// A latency above this multiple of the minimum means that the server is queueing.
const PATIENCE: f64 = 2.0;

/// A write without an answer is aged beyond this multiple of the minimum, and not before
/// [`AGED_AT_LEAST`]: an API server that starts to hang is felt before anything ends.
const AGED: u32 = 4;
/// What no write is aged below: garbage collections and leader changes of etcd take as long.
const AGED_AT_LEAST: Duration = Duration::from_millis(250);

/// What a good window multiplies the limit with, until the server first shows that it is enough:
/// one step at a time, a first sync of 1,000 Secrets would be half over before the limit fits.
const QUICK: f64 = 1.5;

/// The adaptive limit on writes in flight.
///
/// It grows by half with each good window until the first bad one, 429 or loss, and by one from
/// then on, so that it comes back without overshoot.
///
/// # Guarantees
/// Stays within `1..=max`. It halves at most once a second, so that one burst of answers counts
/// once, and only for writes that began after it last did: what was under way by then says nothing
/// of the new limit. Nothing starts before the pause that the server asked for is over.
#[derive(Debug)]
pub struct Limit {
    max: f64,
    limit: f64,
    searching: bool,
    sorts: [Latencies; 2],
    halved_at: Option<Duration>,
    closed_until: Duration,
}

/// What is known of one sort's latencies.
#[derive(Debug, Default)]
struct Latencies {
    samples: Vec<Duration>,
    /// The least median, and when it was seen.
    minimum: Option<(Duration, Duration)>,
}

impl Latencies {
    /// Takes a sample; every [`WINDOW`] of them say whether the server keeps up.
    fn keeps_up(&mut self, latency: Duration, now: Duration) -> Option<bool> {
        self.samples.push(latency);
        if self.samples.len() < WINDOW {
            return None;
        }
        self.samples.sort_unstable();
        let median = self.samples[WINDOW / 2];
        self.samples.clear();
        let stale = |(_, at): (Duration, Duration)| now > at + MEMORY;
        let minimum = match self.minimum {
            Some(known) if !stale(known) && known.0 <= median => known,
            _ => (median, now),
        };
        self.minimum = Some(minimum);
        Some(median.as_secs_f64() <= PATIENCE * minimum.0.as_secs_f64())
    }
}

impl Limit {
    /// Starts at a quarter of `max`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a limit is a small number")]
    pub fn new(max: usize) -> Self {
        let max = max.max(1) as f64;
        Self {
            max,
            limit: (max / 4.0).max(1.0),
            searching: true,
            sorts: Default::default(),
            halved_at: None,
            closed_until: Duration::ZERO,
        }
    }

    /// How many writes may be in flight now.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1..=max"
    )]
    pub fn allowed(&self, now: Duration) -> usize {
        if now < self.closed_until {
            0
        } else {
            self.limit as usize
        }
    }

    /// When a closed limit opens again.
    #[must_use]
    pub fn opens_at(&self) -> Duration {
        self.closed_until
    }

    /// Learns from one write that began at `began` and ended at `now`.
    pub fn ended(&mut self, sort: Sort, began: Duration, verdict: Verdict, now: Duration) {
        match verdict {
            Verdict::Answered if self.says_something(began) => {
                self.sample(sort, now.saturating_sub(began), now);
            }
            Verdict::Answered => {}
            Verdict::Throttled(after) => {
                self.halve(began, now);
                let pause = after.unwrap_or(Duration::from_secs(1));
                self.closed_until = self.closed_until.max(now + pause);
            }
            Verdict::Lost => self.halve(began, now),
        }
    }

    /// Learns from writes that have no answer yet, given as sort and beginning.
    pub fn waits(&mut self, flights: impl IntoIterator<Item = (Sort, Duration)>, now: Duration) {
        let aged = |(sort, began): &(Sort, Duration)| {
            let minimum = self.sorts[*sort as usize].minimum;
            let waited = now.saturating_sub(*began);
            self.says_something(*began)
                && minimum.is_some_and(|(least, _)| waited > AGED_AT_LEAST.max(least * AGED))
        };
        if let Some((_, began)) = flights.into_iter().find(aged) {
            self.halve(began, now);
        }
    }

    /// Whether a write that began then met the present limit.
    fn says_something(&self, began: Duration) -> bool {
        self.halved_at.is_none_or(|at| began >= at)
    }

    fn halve(&mut self, began: Duration, now: Duration) {
        self.searching = false;
        let recent = |at: Duration| now < at + Duration::from_secs(1);
        if self.says_something(began) && self.halved_at.is_none_or(|at| !recent(at)) {
            self.halved_at = Some(now);
            self.limit = (self.limit / 2.0).max(1.0);
            self.sorts.iter_mut().for_each(|sort| sort.samples.clear());
        }
    }

    fn sample(&mut self, sort: Sort, latency: Duration, now: Duration) {
        match self.sorts[sort as usize].keeps_up(latency, now) {
            Some(true) if self.searching => self.limit = (self.limit * QUICK).min(self.max),
            Some(true) => self.limit = (self.limit + 1.0).min(self.max),
            Some(false) => {
                self.searching = false;
                self.limit = (self.limit * 0.9).max(1.0);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn feed(limit: &mut Limit, n: usize, latency: u64, from: u64) {
        for i in 0..n {
            limit.ended(
                Sort::Secret,
                MS((from + i as u64).saturating_sub(latency)),
                Verdict::Answered,
                MS(from + i as u64),
            );
        }
    }

    #[test]
    fn grows_to_the_maximum_while_the_server_is_quick() {
        let mut limit = Limit::new(32);
        assert_eq!(limit.allowed(MS(0)), 8);
        feed(&mut limit, 16 * 40, 5, 0);
        assert_eq!(limit.allowed(MS(1000)), 32);
    }

    #[test]
    fn finds_the_maximum_quickly_once_and_comes_back_slowly() {
        let mut limit = Limit::new(32);
        let mut steps = Vec::new();
        for round in 0..4 {
            feed(&mut limit, 16, 5, 16 * round);
            steps.push(limit.allowed(MS(100)));
        }
        assert_eq!(steps, [12, 18, 27, 32]);
        limit.ended(Sort::Secret, MS(99), Verdict::Lost, MS(100));
        feed(&mut limit, 16 * 3, 5, 105);
        assert_eq!(limit.allowed(MS(200)), 16 + 3);

        let mut limit = Limit::new(32);
        feed(&mut limit, 16, 5, 0);
        feed(&mut limit, 16, 50, 100);
        feed(&mut limit, 16, 5, 200);
        assert_eq!(limit.allowed(MS(300)), 11, "12 × 0.9 + 1");
    }

    #[test]
    fn shrinks_while_the_server_queues() {
        let mut limit = Limit::new(32);
        feed(&mut limit, 16 * 40, 5, 0);
        feed(&mut limit, 16 * 10, 50, 1000);
        assert!(limit.allowed(MS(2000)) < 13, "{}", limit.allowed(MS(2000)));
        feed(&mut limit, 16 * 100, 50, 2000);
        assert_eq!(limit.allowed(MS(4000)), 1);
    }

    #[test]
    fn a_burst_of_429_halves_once_and_its_pause_is_kept() {
        let mut limit = Limit::new(32);
        feed(&mut limit, 16 * 40, 5, 0);
        for i in 0..20 {
            limit.ended(
                Sort::Secret,
                MS(999),
                Verdict::Throttled(Some(MS(2000))),
                MS(1000 + i),
            );
        }
        assert_eq!(limit.allowed(MS(1500)), 0);
        assert_eq!(limit.allowed(MS(3019)), 16);
        limit.ended(Sort::Secret, MS(3099), Verdict::Throttled(None), MS(3100));
        assert_eq!(limit.allowed(MS(4100)), 8);
    }

    #[test]
    fn a_write_that_waits_too_long_halves_before_it_ends() {
        let mut limit = Limit::new(32);
        let waits = |limit: &mut Limit, began: u64, now: u64| {
            limit.waits([(Sort::Secret, MS(began))], MS(now));
            limit.allowed(MS(now))
        };
        assert_eq!(waits(&mut limit, 0, 900), 8, "nothing is known of its sort");
        feed(&mut limit, 16 * 40, 5, 1000);
        assert_eq!(waits(&mut limit, 2000, 2250), 32, "250 ms are no age");
        assert_eq!(waits(&mut limit, 2000, 2251), 16);
        assert_eq!(waits(&mut limit, 2010, 9000), 16, "it began before");
        assert_eq!(waits(&mut limit, 8000, 9000), 8);
        assert_eq!(waits(&mut limit, 9000, 9500), 8, "once a second");
        // What began before the halving teaches nothing when it ends.
        for _ in 0..16 * 10 {
            limit.ended(Sort::Secret, MS(8000), Verdict::Answered, MS(10_000));
            limit.ended(Sort::Secret, MS(8000), Verdict::Lost, MS(10_500));
        }
        assert_eq!(limit.allowed(MS(11_000)), 8);
        // A slow server's own pace is no age.
        let mut limit = Limit::new(32);
        feed(&mut limit, 16 * 40, 100, 1000);
        assert_eq!(waits(&mut limit, 2000, 2400), 32);
        assert_eq!(waits(&mut limit, 2000, 2401), 16);
    }

    #[test]
    fn slow_statuses_after_quick_secrets_are_no_queueing() {
        let mut limit = Limit::new(32);
        feed(&mut limit, 16 * 40, 2, 0);
        for i in 0..16 * 10 {
            limit.ended(Sort::Status, MS(990 + i), Verdict::Answered, MS(1000 + i));
        }
        assert_eq!(limit.allowed(MS(2000)), 32);
    }

    #[test]
    fn an_old_minimum_is_forgotten() {
        let mut limit = Limit::new(32);
        feed(&mut limit, 16, 1, 0);
        feed(&mut limit, 16 * 60, 20, 61_000);
        assert_eq!(limit.allowed(MS(70_000)), 32, "20 ms became the new normal");
    }
}
