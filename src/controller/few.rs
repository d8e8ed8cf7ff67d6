//! Pure. A set that is mostly of one: a tree node for each of ten thousand single entries is 3 MiB.

use std::collections::BTreeSet;

/// A set that keeps a single entry in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Few<T> {
    /// One entry.
    One(T),
    /// None, or several.
    Many(BTreeSet<T>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Many(BTreeSet::new())
    }
}

impl<T: Ord> Few<T> {
    /// Adds an entry unless it is there.
    pub fn insert(&mut self, entry: T) {
        *self = match std::mem::take(self) {
            Self::Many(set) if set.is_empty() => Self::One(entry),
            Self::One(only) if only == entry => Self::One(only),
            Self::One(only) => Self::Many([only, entry].into()),
            Self::Many(mut set) => {
                set.insert(entry);
                Self::Many(set)
            }
        };
    }

    /// Removes an entry if it is there.
    pub fn remove(&mut self, entry: &T) {
        match self {
            Self::One(only) if only == entry => *self = Self::default(),
            Self::One(_) => {}
            Self::Many(set) => {
                set.remove(entry);
            }
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Many(set) if set.is_empty())
    }

    /// The entries in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match self {
            Self::One(only) => (Some(only), None),
            Self::Many(set) => (None, Some(set)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(steps in collection::vec((any::<bool>(), 0..4u8), 0..40)) {
            let (mut few, mut set) = (Few::default(), BTreeSet::new());
            for (add, entry) in steps {
                if add {
                    few.insert(entry);
                    set.insert(entry);
                } else {
                    few.remove(&entry);
                    set.remove(&entry);
                }
                prop_assert_eq!(few.is_empty(), set.is_empty());
                prop_assert!(few.iter().eq(set.iter()));
            }
        }
    }
}
