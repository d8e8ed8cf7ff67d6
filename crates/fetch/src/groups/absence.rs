//! Pure. How sure it is that a key does not exist.

use std::time::Duration;

/// A second NotFound this long after the first one is evidence.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// So is a NotFound while the same identity reads other keys well: this recently.
const VOUCHES_FOR: Duration = Duration::from_secs(60);

/// The last two different keys that one identity read well.
#[derive(Debug, Default)]
pub(crate) struct Witnesses {
    last: Option<(u32, Duration)>,
    before: Option<(u32, Duration)>,
}

impl Witnesses {
    pub(crate) fn read_well(&mut self, cell: u32, at: Duration) {
        if self.last.is_some_and(|(known, _)| known != cell) {
            self.before = self.last;
        }
        self.last = Some((cell, at));
    }

    /// Whether another key than `cell` was read well within the last minute.
    fn vouch(&self, cell: u32, now: Duration) -> bool {
        [self.last, self.before]
            .into_iter()
            .flatten()
            .any(|(known, at)| known != cell && now.saturating_sub(at) <= VOUCHES_FOR)
    }
}

/// Whether a NotFound from a call that started at `started` is beyond doubt. `first` is the start
/// of the first call that said so since the key was last read well.
pub(crate) fn is_confirmed(
    first: Duration,
    started: Duration,
    cell: u32,
    witnesses: &Witnesses,
    now: Duration,
) -> bool {
    started.saturating_sub(first) >= AGAIN_AFTER || witnesses.vouch(cell, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    fn check(reads: &[(u32, u64)], first: u64, now: u64, expected: bool) {
        let mut witnesses = Witnesses::default();
        for (cell, second) in reads {
            witnesses.read_well(*cell, at(*second));
        }
        assert_eq!(
            is_confirmed(at(first), at(now), 1, &witnesses, at(now)),
            expected,
            "{reads:?}, first {first}, now {now}"
        );
    }

    #[test]
    fn it_takes_a_second_look_or_a_witness() {
        check(&[], 0, 0, false);
        check(&[], 0, 29, false);
        check(&[], 0, 30, true);
        check(&[(2, 0)], 60, 60, true);
        check(&[(2, 0)], 61, 61, false);
        check(&[(2, 0), (1, 50)], 60, 60, true);
        check(&[(2, 0), (2, 30), (1, 50), (1, 55)], 70, 70, true);
        // The key itself is no witness.
        check(&[(1, 59)], 60, 60, false);
        check(&[(1, 50), (1, 59)], 60, 60, false);
    }
}
