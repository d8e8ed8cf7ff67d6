//! Pure. One endpoint's breaker: stays away from what is down, and asks again with one call.

use std::time::Duration;

/// Failures in a row that open it.
const IN_A_ROW: u32 = 3;
/// Outcomes that are looked at for the share of failures.
const WINDOW: usize = 20;
/// How far back they count.
const WINDOW_AGE: Duration = Duration::from_secs(10);
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The state of one endpoint. Times are since the Unix epoch.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    recent: Vec<(Duration, bool)>,
    in_a_row: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone)]
struct Open {
    until: Duration,
    pause: Duration,
    probing: Option<Duration>,
}

impl Breaker {
    /// True when a call may go to the endpoint at `now`. While it is open, one call after each
    /// pause may: it is the probe, and nothing else may go until it ended or `patience` passed.
    pub fn admit(&mut self, now: Duration, patience: Duration) -> bool {
        let Some(open) = &mut self.open else {
            return true;
        };
        let probing = open.probing.is_some_and(|since| now < since + patience);
        if now < open.until || probing {
            return false;
        }
        open.probing = Some(now);
        true
    }

    /// True while it is open.
    #[cfg(test)]
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The endpoint answered, whatever it said.
    pub fn answered(&mut self, now: Duration) {
        if self.open.take().is_some() {
            self.recent.clear();
        }
        self.in_a_row = 0;
        self.note(now, true);
    }

    /// The endpoint did not answer, or pushed back and asked to stay away for `after`. `jitter` is
    /// in 0..1 and spreads the pauses of many nodes.
    pub fn failed(&mut self, now: Duration, after: Option<Duration>, jitter: f64) {
        self.in_a_row += 1;
        self.note(now, false);
        let failures = self.recent.iter().filter(|(_, good)| !good).count();
        let mostly = self.recent.len() >= WINDOW && failures * 2 > self.recent.len();
        let before = self.open.as_ref().map(|open| open.pause);
        if before.is_none() && after.is_none() && self.in_a_row < IN_A_ROW && !mostly {
            return;
        }
        let pause = before.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        let spread = pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        let asked = after.unwrap_or_default().min(LONGEST_PAUSE);
        self.open = Some(Open {
            until: now + spread.max(asked),
            pause,
            probing: None,
        });
    }

    fn note(&mut self, now: Duration, good: bool) {
        self.recent
            .retain(|(at, _)| now.saturating_sub(*at) <= WINDOW_AGE);
        if self.recent.len() == WINDOW {
            self.recent.remove(0);
        }
        self.recent.push((now, good));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert!(breaker.admit(millis(0), PATIENCE));
            breaker.failed(millis(0), None, 1.0);
        }
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_one_answer_closes_it() {
        let mut breaker = opened();
        assert!(breaker.is_open() && !breaker.admit(millis(999), PATIENCE));
        assert!(breaker.admit(millis(1000), PATIENCE), "the probe");
        assert!(
            !breaker.admit(millis(1001), PATIENCE),
            "and nothing beside it"
        );
        breaker.answered(millis(1100));
        assert!(!breaker.is_open() && breaker.admit(millis(1100), PATIENCE));
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_spread() {
        let mut breaker = opened();
        let mut now = millis(1000);
        for pause in [2, 4, 8, 16, 30, 30] {
            assert!(breaker.admit(now, PATIENCE));
            breaker.failed(now, None, 1.0);
            now += Duration::from_secs(pause);
            assert!(!breaker.admit(now - millis(1), PATIENCE), "{pause}");
        }
        assert!(breaker.admit(now, PATIENCE));
        breaker.failed(now, None, 0.0);
        assert!(
            breaker.admit(now + Duration::from_secs(15), PATIENCE),
            "half, at the least"
        );
    }

    #[test]
    fn a_probe_that_never_ends_does_not_shut_the_endpoint_out() {
        let mut breaker = opened();
        assert!(breaker.admit(millis(1000), PATIENCE));
        assert!(!breaker.admit(millis(1999), PATIENCE));
        assert!(breaker.admit(millis(2000), PATIENCE));
    }

    #[test]
    fn more_failures_than_answers_open_it_too() {
        let mut breaker = Breaker::default();
        for turn in 0..20 {
            // Two failures, one answer: never three in a row.
            match turn % 3 {
                2 => breaker.answered(millis(turn * 10)),
                _ => breaker.failed(millis(turn * 10), None, 1.0),
            }
        }
        assert!(breaker.is_open());
        let mut old = Breaker::default();
        for turn in 0..40 {
            match turn % 3 {
                2 => old.answered(millis(turn * 1000)),
                _ => old.failed(millis(turn * 1000), None, 1.0),
            }
        }
        assert!(!old.is_open(), "ten seconds hold too few outcomes");
    }

    #[test]
    fn push_back_is_honoured_at_once() {
        let mut breaker = Breaker::default();
        breaker.failed(millis(0), Some(Duration::from_secs(7)), 0.0);
        assert!(!breaker.admit(millis(6999), PATIENCE));
        assert!(breaker.admit(millis(7000), PATIENCE));
        let mut greedy = Breaker::default();
        greedy.failed(millis(0), Some(Duration::from_secs(86_400)), 0.0);
        assert!(greedy.admit(LONGEST_PAUSE, PATIENCE), "but within a bound");
    }
}
