//! Pure. What a queue holds: keys with a namespace, and reasons that merge.

use std::fmt;
use std::hash::Hash;
use std::ops::{BitOr, BitOrAssign};

/// A key that belongs to a namespace.
pub trait Key: Clone + Eq + Hash {
    /// What keys of one namespace have in common; turns are shared between its values.
    type Namespace: Clone + Eq + Hash;

    /// Returns the namespace; it never changes for equal keys.
    fn namespace(&self) -> &Self::Namespace;
}

/// Keys of any two parts: namespace and name.
impl<N: Clone + Eq + Hash, T: Clone + Eq + Hash> Key for (N, T) {
    type Namespace = N;

    fn namespace(&self) -> &N {
        &self.0
    }
}

/// Something of which two become one when two requests for a key become one.
pub trait Merge: Default {
    /// Takes in `other`.
    fn merge(&mut self, other: Self);
}

impl Merge for () {
    fn merge(&mut self, (): ()) {}
}

/// A set of up to 32 reasons, which the caller numbers; merging is union.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u32);

impl Reasons {
    /// No reason.
    pub const NONE: Self = Self(0);

    /// Returns the set of one reason; `number` counts from 0 to 31, higher ones wrap.
    #[must_use]
    pub const fn one(number: u32) -> Self {
        Self(1u32.rotate_left(number))
    }

    /// Whether every reason of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the numbers in the set, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u32> {
        (0..u32::BITS).filter(move |number| self.0 >> number & 1 == 1)
    }
}

impl BitOr for Reasons {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Reasons {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Merge for Reasons {
    fn merge(&mut self, other: Self) {
        *self |= other;
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.numbers()).finish()
    }
}
