//! Pure. Targets that keep vanishing: each loss in a row is mended a little later than the last.

use std::collections::HashMap;
use std::time::Duration;

use tidegate_stages::ObjectKey;

/// A loss this long after the one before is the first again.
const CALM: Duration = Duration::from_mins(10);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(5);

/// When the targets of objects were last lost, and how often in a row.
///
/// Somebody who deletes a Secret whenever it is there (a policy, or the garbage collector while the
/// watch of a deleted owner is away) would otherwise be answered by a write each time, without end.
#[derive(Debug, Default)]
pub struct Losses {
    table: HashMap<ObjectKey, (u32, Duration)>,
    /// Entries at which those of long ago are dropped.
    full: usize,
}

impl Losses {
    /// The target of `object` is gone at `now`: how long to wait before it is mended.
    pub fn lost(&mut self, object: &ObjectKey, now: Duration) -> Duration {
        if self.table.len() >= self.full {
            self.table.retain(|_, (_, at)| now < *at + CALM);
            self.full = self.table.len() * 2 + 16;
        }
        let (count, at) = self.table.entry(object.clone()).or_insert((0, now));
        if now >= *at + CALM {
            *count = 0;
        }
        *at = now;
        *count = count.saturating_add(1);
        match *count {
            1 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 2).min(16)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_loss_is_mended_at_once_and_each_further_one_later() {
        let mut losses = Losses::default();
        let (a, b) = (ObjectKey::new("n", "a"), ObjectKey::new("n", "b"));
        let mut now = Duration::from_secs(1000);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let pause = losses.lost(&a, now);
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(losses.lost(&b, now), Duration::ZERO, "another object");
        assert_eq!(losses.lost(&a, now + CALM), Duration::ZERO, "after a calm");
        for i in 0..100 {
            let far = now + CALM * 3;
            losses.lost(&ObjectKey::new("n", i.to_string()), far);
        }
        assert_eq!(losses.table.len(), 100, "what is long ago is forgotten");
    }
}
