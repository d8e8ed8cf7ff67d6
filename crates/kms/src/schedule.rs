//! Pure. When the key service is looked at in the background.

use std::time::Duration;

/// Between two looks while all is well, before jitter: once for every few Status calls.
const CALM: Duration = Duration::from_secs(20);
/// Between two looks in trouble: an API server asks every ten seconds then.
const TROUBLED: Duration = Duration::from_secs(5);

/// How much to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Which versions there are.
    Versions,
    /// That, and whether the active one wraps and unwraps.
    Deep,
}

/// The schedule of one key service. Times are since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Schedule {
    every: Duration,
    last: Option<Duration>,
    deep: Option<Duration>,
}

impl Schedule {
    /// Nothing was looked at yet; a deep look is due each `every`.
    #[must_use]
    pub const fn new(every: Duration) -> Self {
        Self {
            every,
            last: None,
            deep: None,
        }
    }

    /// What a look that begins at `now` should be. In trouble it is always deep: only a wrap and an
    /// unwrap show that the key may be used again.
    #[must_use]
    pub fn look(&self, now: Duration, in_trouble: bool) -> Look {
        let deep_is_due = self
            .deep
            .is_none_or(|at| now.saturating_sub(at) >= self.every);
        if in_trouble || deep_is_due {
            Look::Deep
        } else {
            Look::Versions
        }
    }

    /// Notes that a look was made, and whether it succeeded.
    pub fn looked(&mut self, look: Look, good: bool, now: Duration) {
        self.last = Some(now);
        if look == Look::Deep && good {
            self.deep = Some(now);
        }
    }

    /// When to look next; `jitter` in 0..1 keeps the nodes of a cluster apart.
    #[must_use]
    pub fn next(&self, in_trouble: bool, jitter: f64) -> Duration {
        let Some(last) = self.last else {
            return Duration::ZERO;
        };
        let pause = if in_trouble { TROUBLED } else { CALM };
        last + pause.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_look_is_deep_and_at_once() {
        let schedule = Schedule::new(seconds(300));
        assert_eq!(schedule.next(false, 0.5), Duration::ZERO);
        assert_eq!(schedule.look(seconds(1000), false), Look::Deep);
    }

    #[test]
    fn looks_are_spread_and_trouble_quickens_them() {
        let mut schedule = Schedule::new(seconds(300));
        schedule.looked(Look::Deep, true, seconds(1000));
        assert_eq!(schedule.next(false, 0.0), seconds(1015));
        assert_eq!(schedule.next(false, 1.0), seconds(1025));
        assert_eq!(schedule.next(true, 0.5), seconds(1005));
    }

    #[test]
    fn a_deep_look_is_due_after_its_time_or_in_trouble() {
        let mut schedule = Schedule::new(seconds(300));
        schedule.looked(Look::Deep, true, seconds(1000));
        schedule.looked(Look::Versions, true, seconds(1020));
        assert_eq!(schedule.look(seconds(1299), false), Look::Versions);
        assert_eq!(schedule.look(seconds(1300), false), Look::Deep);
        assert_eq!(schedule.look(seconds(1021), true), Look::Deep);
        // A deep look that failed does not count.
        schedule.looked(Look::Deep, false, seconds(1300));
        assert_eq!(schedule.look(seconds(1301), false), Look::Deep);
    }
}
