//! Pure. What was unwrapped and is kept: bounded, by hash, gone at a revocation or at its age.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A bounded table of unwrapped keys; `V` zeroizes itself when it is dropped.
///
/// An entry may be used up to its maximum age, counted from when the key service opened it or last
/// confirmed the key, whichever is later.
#[derive(Debug)]
pub struct Kept<V> {
    capacity: usize,
    max_age: Duration,
    entries: HashMap<[u8; 32], Entry<V>>,
    by_use: BTreeMap<u64, [u8; 32]>,
    turn: u64,
    confirmed: Duration,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    version: String,
    opened: Duration,
    used: u64,
}

impl<V> Kept<V> {
    /// An empty table for `capacity` entries; at 0 it keeps nothing.
    #[must_use]
    pub fn new(capacity: usize, max_age: Duration) -> Self {
        Self {
            capacity,
            max_age,
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            turn: 0,
            confirmed: Duration::ZERO,
        }
    }

    /// The value under `digest`, if it is there and young enough; it is now the one used last.
    pub fn get(&mut self, digest: &[u8; 32], now: Duration) -> Option<&V> {
        let opened = self.entries.get(digest)?.opened;
        if now.saturating_sub(opened.max(self.confirmed)) > self.max_age {
            self.remove(digest);
            return None;
        }
        self.turn += 1;
        let entry = self.entries.get_mut(digest)?;
        self.by_use.remove(&entry.used);
        entry.used = self.turn;
        self.by_use.insert(self.turn, *digest);
        Some(&entry.value)
    }

    /// True when there is room without dropping another entry.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.entries.len() < self.capacity
    }

    /// Drops the entry that was used longest ago.
    pub fn evict(&mut self) {
        if let Some((_, digest)) = self.by_use.pop_first() {
            self.entries.remove(&digest);
        }
    }

    /// Keeps `value`, which `version` of the key opened.
    pub fn put(&mut self, digest: [u8; 32], version: &str, value: V, now: Duration) {
        if self.capacity == 0 {
            return;
        }
        self.remove(&digest);
        while !self.has_room() {
            self.evict();
        }
        self.turn += 1;
        self.by_use.insert(self.turn, digest);
        let entry = Entry {
            value,
            version: version.to_owned(),
            opened: now,
            used: self.turn,
        };
        self.entries.insert(digest, entry);
    }

    fn remove(&mut self, digest: &[u8; 32]) {
        if let Some(entry) = self.entries.remove(digest) {
            self.by_use.remove(&entry.used);
        }
    }

    /// The key service confirmed the key: every entry's age counts from now.
    pub fn confirmed(&mut self, now: Duration) {
        self.confirmed = self.confirmed.max(now);
    }

    /// Drops everything.
    pub fn purge(&mut self) {
        self.entries.clear();
        self.by_use.clear();
    }

    /// Drops what `version` opened.
    pub fn purge_version(&mut self, version: &str) {
        self.entries.retain(|_, entry| entry.version != version);
        let entries = &self.entries;
        self.by_use.retain(|_, digest| entries.contains_key(digest));
    }

    /// Drops what was opened under any other name than `listed`: other plugins' key ids name a
    /// version too, but only the key service knows which.
    pub fn purge_unlisted(&mut self, listed: &[&str]) {
        let listed = |name: &str| listed.contains(&name);
        self.entries.retain(|_, entry| listed(&entry.version));
        let entries = &self.entries;
        self.by_use.retain(|_, digest| entries.contains_key(digest));
    }

    /// Entries in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there are none.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn age_counts_from_the_opening_or_the_last_confirmation() {
        let mut kept = Kept::new(4, seconds(100));
        kept.put([1; 32], "1", 'a', seconds(1000));
        assert_eq!(kept.get(&[1; 32], seconds(1100)), Some(&'a'));
        kept.confirmed(seconds(1050));
        assert_eq!(kept.get(&[1; 32], seconds(1150)), Some(&'a'));
        assert_eq!(kept.get(&[1; 32], seconds(1151)), None);
        assert!(
            kept.is_empty(),
            "what is too old is dropped, not only hidden"
        );
    }

    #[test]
    fn purges_take_all_or_one_version() {
        let mut kept = Kept::new(4, seconds(100));
        for (number, version) in [(1, "1"), (2, "2"), (3, "1")] {
            kept.put([number; 32], version, number, seconds(0));
        }
        kept.purge_version("1");
        assert_eq!((kept.len(), kept.get(&[2; 32], seconds(0))), (1, Some(&2)));
        kept.put([4; 32], "hash of 1", 4, seconds(0));
        kept.purge_unlisted(&["2", "3"]);
        assert_eq!((kept.len(), kept.get(&[2; 32], seconds(0))), (1, Some(&2)));
        kept.purge();
        assert_eq!(kept.get(&[2; 32], seconds(0)), None);
        let mut nothing = Kept::new(0, seconds(100));
        nothing.put([1; 32], "1", 1, seconds(0));
        assert!(nothing.is_empty());
    }

    proptest! {
        /// Against a list in order of use: same hits, never more entries than the capacity.
        #[test]
        fn it_keeps_the_entries_used_last(
            uses in proptest::collection::vec((any::<bool>(), 0..8u8), 0..80),
            capacity in 1..5usize,
        ) {
            let mut kept = Kept::new(capacity, seconds(100));
            let mut model: Vec<u8> = Vec::new();
            for (put, number) in uses {
                let known = model.contains(&number);
                if put || known {
                    model.retain(|other| *other != number);
                    model.push(number);
                }
                if put {
                    kept.put([number; 32], "1", number, seconds(0));
                    if model.len() > capacity {
                        model.remove(0);
                    }
                } else {
                    let found = kept.get(&[number; 32], seconds(0)).copied();
                    prop_assert_eq!(found, known.then_some(number));
                }
                prop_assert_eq!(kept.len(), model.len());
                prop_assert_eq!(kept.by_use.len(), kept.entries.len());
            }
        }
    }
}
