//! Pure. Things by number: small numbers that are used again, and numbers that never are.

use std::collections::BTreeMap;

/// A table of `T` by number. A number is free for another item only after `remove`.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, item: T) -> u32 {
        if let Some(id) = self.free.pop() {
            self.items[id as usize] = Some(item);
            return id;
        }
        self.items.push(Some(item));
        u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.items.get(id as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.items.get_mut(id as usize)?.as_mut()
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<T> {
        let item = self.items.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.iter().map(|(id, _)| id).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.items
            .iter()
            .zip(0u32..)
            .filter_map(|(item, id)| Some((id, item.as_ref()?)))
    }
}

/// A table of `T` by a number that is never given twice, for what outsiders hold on to: a late
/// word about something gone can't be taken for one about its successor.
#[derive(Debug)]
pub(crate) struct Ledger<T> {
    items: BTreeMap<u64, T>,
    next: u64,
}

impl<T> Ledger<T> {
    pub(crate) fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            next: 0,
        }
    }

    pub(crate) fn insert(&mut self, item: T) -> u64 {
        self.next += 1;
        self.items.insert(self.next, item);
        self.next
    }

    pub(crate) fn get(&self, id: u64) -> Option<&T> {
        self.items.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        self.items.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        self.items.remove(&id)
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        self.items.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_only_after_removal() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert("a"), slab.insert("b"));
        assert_eq!((slab.remove(a), slab.remove(a)), (Some("a"), None));
        assert_eq!((slab.get(a), slab.get(b)), (None, Some(&"b")));
        assert_eq!(slab.insert("c"), a);
        assert_eq!((slab.len(), slab.ids()), (2, vec![a, b]));
    }

    #[test]
    fn a_ledger_never_gives_a_number_twice() {
        let mut ledger = Ledger::new();
        let first = ledger.insert("a");
        assert_eq!(ledger.remove(first), Some("a"));
        assert_ne!(ledger.insert("b"), first);
        assert_eq!((ledger.get(first), ledger.ids().len()), (None, 1));
    }
}
