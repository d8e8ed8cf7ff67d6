//! Pure. The latest removals of targets: a late answer must not bring back what is gone.

use std::collections::{HashMap, VecDeque};

use tidegate_stages::ObjectKey;

/// Removals that are kept: many more than there are writes in flight.
const KEPT: usize = 1024;

/// Which targets were removed last, and at which version they were known then.
#[derive(Debug, Default)]
pub struct Removed {
    versions: HashMap<ObjectKey, u64>,
    order: VecDeque<ObjectKey>,
}

impl Removed {
    /// The target was known at `version`, and is gone.
    pub fn note(&mut self, key: &ObjectKey, version: u64) {
        if self.versions.insert(key.clone(), version).is_some() {
            return;
        }
        self.order.push_back(key.clone());
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.versions.remove(&oldest);
        }
    }

    /// Whether `version` of the target is one that was removed since.
    #[must_use]
    pub fn covers(&self, key: &ObjectKey, version: u64) -> bool {
        self.versions.get(key).is_some_and(|gone| version <= *gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_stays_so_and_the_oldest_is_forgotten() {
        let mut removed = Removed::default();
        let key = |number: usize| ObjectKey::new("n", number.to_string());
        removed.note(&key(0), 5);
        removed.note(&key(0), 7);
        assert!(removed.covers(&key(0), 7) && !removed.covers(&key(0), 8));
        assert!(!removed.covers(&key(1), 1));
        (1..=KEPT).for_each(|number| removed.note(&key(number), 9));
        assert!(!removed.covers(&key(0), 7));
        assert_eq!((removed.versions.len(), removed.order.len()), (KEPT, KEPT));
    }
}
