//! Pure. How many writes the API server takes at once: grows while it is quick, halves on 429.

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

/// What a good window multiplies the limit with, until the server first shows that it is enough:
/// one step at a time, a first sync of 1,000 Secrets would be half over before the limit fits.
const QUICK: f64 = 1.5;

/// The adaptive limit on writes in flight.
///
/// It grows by half with each good window until the first bad one, 429 or loss, and by one from
/// then on, so that it comes back without overshoot.
///
/// # Guarantees
/// Stays within `1..=max`. A 429 halves it at most once a second, so that one burst of answers
/// counts once; nothing starts before the pause that the server asked for is over.
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

    /// Learns from one write that took `latency` and ended at `now`.
    pub fn ended(&mut self, sort: Sort, latency: Duration, verdict: Verdict, now: Duration) {
        match verdict {
            Verdict::Answered => self.sample(sort, latency, now),
            Verdict::Throttled(after) => {
                self.halve(now);
                let pause = after.unwrap_or(Duration::from_secs(1));
                self.closed_until = self.closed_until.max(now + pause);
            }
            Verdict::Lost => self.halve(now),
        }
    }

    fn halve(&mut self, now: Duration) {
        self.searching = false;
        let recent = |at: Duration| now < at + Duration::from_secs(1);
        if self.halved_at.is_none_or(|at| !recent(at)) {
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
                MS(latency),
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
        limit.ended(Sort::Secret, MS(1), Verdict::Lost, MS(100));
        feed(&mut limit, 16 * 3, 5, 100);
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
                MS(1),
                Verdict::Throttled(Some(MS(2000))),
                MS(1000 + i),
            );
        }
        assert_eq!(limit.allowed(MS(1500)), 0);
        assert_eq!(limit.allowed(MS(3019)), 16);
        limit.ended(Sort::Secret, MS(1), Verdict::Throttled(None), MS(3100));
        assert_eq!(limit.allowed(MS(4100)), 8);
    }

    #[test]
    fn slow_statuses_after_quick_secrets_are_no_queueing() {
        let mut limit = Limit::new(32);
        feed(&mut limit, 16 * 40, 2, 0);
        for i in 0..16 * 10 {
            limit.ended(Sort::Status, MS(10), Verdict::Answered, MS(1000 + i));
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
