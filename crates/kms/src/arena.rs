//! Shell. A small locked piece of memory for unwrapped keys: never swapped, zeroized slot by slot.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::{Zeroize, Zeroizing};

/// Bytes of one key.
pub const KEY: usize = 32;

/// A fixed number of slots for keys of 32 bytes, in one allocation that is locked into memory when
/// the system allows it. Clones share the slots.
#[derive(Clone)]
pub struct Arena {
    shared: Arc<Mutex<Slots>>,
    locked: bool,
}

struct Slots {
    bytes: Box<[u8]>,
    first: usize,
    free: Vec<usize>,
    // Unlocks when the slots go.
    _lock: Option<region::LockGuard>,
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// One key in an [`Arena`]; dropping it overwrites the bytes and frees the slot.
pub struct Slot {
    arena: Arc<Mutex<Slots>>,
    index: usize,
}

impl Arena {
    /// Allocates and locks `slots` slots. A system that refuses the lock (RLIMIT_MEMLOCK) gives an
    /// arena that says so by [`Arena::is_locked`].
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let page = region::page::size();
        let needed = (slots.max(1) * KEY).next_multiple_of(page);
        // Whole pages of its own: unlocking works by pages, and no neighbour's key may be unlocked.
        let bytes = vec![0u8; needed + page].into_boxed_slice();
        let first = bytes.as_ptr().align_offset(page).min(page);
        let own = bytes.get(first..first + needed);
        let lock = own.and_then(|own| region::lock(own.as_ptr(), own.len()).ok());
        let locked = lock.is_some();
        let slots = Slots {
            bytes,
            first,
            free: (0..slots).rev().collect(),
            _lock: lock,
        };
        Self {
            shared: Arc::new(Mutex::new(slots)),
            locked,
        }
    }

    /// True when the system locked the memory.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// Copies a key into a free slot; `None` when it has another length or no slot is free.
    #[must_use]
    pub fn put(&self, key: &[u8]) -> Option<Slot> {
        if key.len() != KEY {
            return None;
        }
        let mut slots = lock(&self.shared);
        let index = slots.free.pop()?;
        slots.slot(index).copy_from_slice(key);
        Some(Slot {
            arena: Arc::clone(&self.shared),
            index,
        })
    }
}

impl Slots {
    fn slot(&mut self, index: usize) -> &mut [u8] {
        let at = self.first + index * KEY;
        &mut self.bytes[at..at + KEY]
    }
}

impl Slot {
    /// A copy of the key, which is overwritten when it is dropped.
    #[must_use]
    pub fn copy(&self) -> Zeroizing<[u8; KEY]> {
        let mut copy = Zeroizing::new([0; KEY]);
        copy.copy_from_slice(lock(&self.arena).slot(self.index));
        copy
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = lock(&self.arena);
        slots.slot(self.index).zeroize();
        slots.free.push(self.index);
    }
}

fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena(locked: {})", self.locked)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_hold_copies_and_are_overwritten_when_they_go() {
        let arena = Arena::new(2);
        let (one, two) = (arena.put(&[1; KEY]).unwrap(), arena.put(&[2; KEY]).unwrap());
        assert!(arena.put(&[3; KEY]).is_none(), "there are two slots");
        assert_eq!((*one.copy(), *two.copy()), ([1; KEY], [2; KEY]));
        drop(one);
        assert_eq!(lock(&arena.shared).slot(0), [0; KEY]);
        assert_eq!(*two.copy(), [2; KEY]);
        let three = arena.put(&[3; KEY]).unwrap();
        assert_eq!(*three.copy(), [3; KEY]);
        assert!(arena.put(&[1; KEY - 1]).is_none());
        assert_eq!(format!("{arena:?} {three:?}").matches('3').count(), 0);
    }

    #[test]
    fn the_memory_is_locked() {
        // 64 slots are one page, which every limit allows.
        let arena = Arena::new(64);
        assert!(arena.is_locked());
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = status
            .lines()
            .find(|line| line.starts_with("VmLck:"))
            .unwrap();
        assert!(!locked.ends_with("\t       0 kB"), "{locked}");
    }
}
