//! Pure. How long to stay away after a failure, and the random numbers that spread it.

use std::time::Duration;

use tidegate_contract::ErrorKind;

/// Outages and push-back: often over within seconds; a minute is as long as anybody wants to wait
/// for a backend that is back.
const TRANSIENT: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// What somebody has to mend (a policy, a name): trying often helps nobody.
const LASTING: Backoff = Backoff::new(Duration::from_secs(15), Duration::from_mins(5));

/// Waits that double from `first` to `cap`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap }
    }

    /// The waits that fit a kind of failure.
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        if is_transient(kind) {
            TRANSIENT
        } else {
            LASTING
        }
    }

    /// The wait after `attempt` failures before this one, spread by a fifth to both sides.
    pub(crate) fn delay(self, attempt: u32, random: &mut Random) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempt.min(20));
        random.spread(doubled.min(self.cap), 0.2)
    }
}

/// Whether the failure says nothing about the key itself and may pass without anybody's help.
pub(crate) const fn is_transient(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled { .. })
}

/// A small generator of random numbers (splitmix64) for jitter; never for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// `around`, moved by up to `share` of itself to either side.
    pub(crate) fn spread(&mut self, around: Duration, share: f64) -> Duration {
        let unit = f64::from((self.next() >> 32) as u32) / f64::from(u32::MAX);
        around.mul_f64(1.0 - share + 2.0 * share * unit)
    }
}

/// Spreads the bits of a number over all of its bits.
pub(crate) const fn mix(number: u64) -> u64 {
    let a = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ErrorKind, attempt: u32, around: u64) {
        let mut random = Random::new(7);
        for _ in 0..100 {
            let delay = Backoff::of(kind).delay(attempt, &mut random).as_secs_f64();
            let around = Duration::from_secs(around).as_secs_f64();
            assert!((0.8 * around..=1.2 * around).contains(&delay), "{delay}");
        }
    }

    #[test]
    fn waits_double_up_to_a_cap_that_depends_on_the_kind() {
        check(ErrorKind::Unavailable, 0, 1);
        check(ErrorKind::Throttled { after: None }, 3, 8);
        check(ErrorKind::Unavailable, 40, 60);
        check(ErrorKind::Denied, 0, 15);
        check(ErrorKind::Invalid, 2, 60);
        check(ErrorKind::Unauthenticated, u32::MAX, 300);
    }

    #[test]
    fn jitter_differs_from_call_to_call_and_repeats_with_its_seed() {
        let second = Duration::from_secs(1);
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.spread(second, 0.5), random.spread(second, 0.5)]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[0], draw(1)[1]);
    }
}
