//! Pure. Byte strings that are wiped from memory when their last owner lets go.
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

/// An immutable, cheaply cloned string of bytes, zeroized when dropped.
///
/// Go's strings are bytes, not UTF-8; so are these. `Debug` shows the length alone.
#[derive(Clone)]
pub struct Str(Arc<Wiped>);

/// Bytes that are wiped when they go.
struct Wiped(Vec<u8>);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Wipes a vector, what lies past its length too; `Vec::zeroize` goes byte by byte.
fn wipe(bytes: &mut Vec<u8>) {
    // Filling nothing is slow all the same: masked stores at a dangling pointer take the long way.
    if bytes.len() < bytes.capacity() {
        bytes.spare_capacity_mut().zeroize();
    }
    if !bytes.is_empty() {
        bytes.as_mut_slice().zeroize();
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Str {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.0
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(self.as_bytes()).into_owned())
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Str({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Wiped(bytes)))
    }
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<Buf> for Str {
    fn from(mut buf: Buf) -> Self {
        Self::from(std::mem::take(&mut buf.bytes))
    }
}

/// A growing buffer of bytes that leaves no copy behind when it grows or goes.
///
/// A limit may be set; what goes past it is not stored, and [`Buf::overflowed`] says so.
#[derive(Default)]
pub struct Buf {
    bytes: Vec<u8>,
    limit: Option<usize>,
    overflowed: bool,
}

impl Buf {
    /// An empty buffer without a limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer that stores at most `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit: Some(limit),
            overflowed: false,
        }
    }

    /// Makes room for the bytes that are expected, as far as the limit goes.
    pub(crate) fn make_room(&mut self, bytes: usize) {
        let room = bytes.min(self.limit.unwrap_or(usize::MAX));
        if room > self.bytes.capacity() {
            self.grow(room);
        }
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether something did not fit.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Appends bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        if self.reserve(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Appends text.
    pub fn text(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// Appends one byte.
    pub fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Appends a character in UTF-8.
    pub fn char(&mut self, c: char) {
        self.put(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Appends `count` times the same bytes.
    pub fn fill(&mut self, bytes: &[u8], count: usize) {
        if self.reserve(bytes.len().saturating_mul(count)) {
            for _ in 0..count {
                self.bytes.extend_from_slice(bytes);
            }
        }
    }

    /// Makes room; false when the limit forbids it.
    fn reserve(&mut self, more: usize) -> bool {
        let need = self.bytes.len().saturating_add(more);
        if self.limit.is_some_and(|limit| need > limit) {
            self.overflowed = true;
            return false;
        }
        if need > self.bytes.capacity() {
            self.grow(need);
        }
        true
    }

    #[cold]
    fn grow(&mut self, need: usize) {
        let doubled = (self.bytes.capacity() * 2).max(64);
        let most = self.limit.unwrap_or(usize::MAX);
        let mut grown = Vec::with_capacity(doubled.min(most).max(need));
        grown.extend_from_slice(&self.bytes);
        wipe(&mut std::mem::replace(&mut self.bytes, grown));
    }
}

impl fmt::Write for Buf {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_leaves_zeros_where_the_bytes_were() {
        for len in [0, 1, 64, 1000] {
            let mut bytes = vec![b'x'; len];
            wipe(&mut bytes);
            assert_eq!(bytes, vec![0; len]);
        }
    }

    #[test]
    fn a_limit_binds_room_and_growth() {
        let mut buf = Buf::with_limit(5);
        buf.make_room(4096);
        assert!(buf.bytes.capacity() < 64);
        buf.text("hell");
        buf.text("o!");
        assert_eq!((buf.as_bytes(), buf.overflowed()), (&b"hell"[..], true));
    }
}
