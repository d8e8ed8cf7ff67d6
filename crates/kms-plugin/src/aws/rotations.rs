//! Pure. The rotations of a key that any region has told of.

use std::collections::BTreeSet;
use std::time::Duration;

/// Rotations that are remembered, at most: the newest ones.
const MAX_ROTATIONS: usize = 1000;

/// AWS is consistent in the end only: a list that is shorter than one before is an older one, for
/// no rotation is ever undone.
#[derive(Default)]
pub(super) struct Rotations {
    id: String,
    dates: BTreeSet<Duration>,
}

impl Rotations {
    /// Adds what was told of the key `id`, and gives everything that was ever told of it, in order.
    pub(super) fn remember(&mut self, id: &str, told: Vec<Duration>) -> Vec<Duration> {
        if self.id != id {
            id.clone_into(&mut self.id);
            self.dates.clear();
        }
        self.dates.extend(told);
        while self.dates.len() > MAX_ROTATIONS {
            self.dates.pop_first();
        }
        self.dates.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_told_is_forgotten_but_for_another_key_and_the_oldest() {
        let mut rotations = Rotations::default();
        let mut check = |id: &str, told: &[u64], expected: &[u64]| {
            let told = told.iter().copied().map(Duration::from_secs).collect();
            let all = rotations.remember(id, told);
            let all: Vec<u64> = all.iter().map(Duration::as_secs).collect();
            assert_eq!(all, expected, "{id}");
        };
        check("a", &[9, 5], &[5, 9]);
        check("a", &[5], &[5, 9]);
        check("a", &[], &[5, 9]);
        check("a", &[7], &[5, 7, 9]);
        check("b", &[], &[]);
        let many: Vec<u64> = (0..1500).collect();
        check("b", &many, &many[500..]);
    }
}
