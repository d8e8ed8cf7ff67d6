//! Pure. Bytes that are either part of the document or owned and zeroized on drop.

use std::{cmp::Ordering, fmt, ops::Deref};

use zeroize::{Zeroize, Zeroizing};

use crate::budget::{Budget, LimitError};

/// Bytes of a result: a part of the document, or an owned copy that is zeroized on drop.
///
/// `Debug` tells the length only, since documents hold secrets.
pub struct Text<'a>(Repr<'a>);

enum Repr<'a> {
    Part(&'a [u8]),
    Owned(Buf),
}

impl<'a> Text<'a> {
    pub(crate) const fn part(bytes: &'a [u8]) -> Self {
        Self(Repr::Part(bytes))
    }

    pub(crate) fn owned(buf: Buf) -> Self {
        Self(Repr::Owned(buf))
    }

    /// Returns the part of the document these bytes are, if they are one.
    pub(crate) fn as_part(&self) -> Option<&'a [u8]> {
        match &self.0 {
            Repr::Part(bytes) => Some(bytes),
            Repr::Owned(_) => None,
        }
    }

    /// Returns the owned buffer, or the part of the document.
    pub(crate) fn split(self) -> Result<&'a [u8], Buf> {
        match self.0 {
            Repr::Part(bytes) => Ok(bytes),
            Repr::Owned(buf) => Err(buf),
        }
    }

    /// Copies what is part of the document, so that the document may go.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        Text(Repr::Owned(match self.0 {
            Repr::Part(bytes) => Buf::copy_of(bytes),
            Repr::Owned(buf) => buf,
        }))
    }

    /// Returns the bytes in a vector that is zeroized on drop, without a copy where they are
    /// owned already.
    #[must_use]
    pub fn into_zeroizing(self) -> Zeroizing<Vec<u8>> {
        match self.0 {
            Repr::Part(bytes) => Zeroizing::new(bytes.to_vec()),
            Repr::Owned(mut buf) => std::mem::take(&mut buf.bytes),
        }
    }
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Part(bytes) => bytes,
            Repr::Owned(buf) => &buf.bytes,
        }
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.len())
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// A buffer that leaves no copy behind, neither when it grows nor when it goes.
pub(crate) struct Buf {
    bytes: Zeroizing<Vec<u8>>,
}

impl Buf {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Zeroizing::new(Vec::new()),
        }
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(capacity)),
        }
    }

    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        Self {
            bytes: Zeroizing::new(bytes.to_vec()),
        }
    }

    /// Appends `bytes` on the budget's account.
    pub(crate) fn put(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), LimitError> {
        budget.produce(bytes.len())?;
        self.append(bytes);
        Ok(())
    }

    /// Appends `bytes`, whose number the caller has bounded.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.grow(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends the UTF-8 form of `c`.
    pub(crate) fn append_char(&mut self, c: char) {
        self.append(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Forgets everything after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(tail) = self.bytes.get_mut(len..) {
            tail.zeroize();
        }
        self.bytes.truncate(len);
    }

    /// Replaces the last byte.
    pub(crate) fn set_last(&mut self, byte: u8) {
        if let Some(last) = self.bytes.last_mut() {
            *last = byte;
        }
    }

    /// Makes room by moving to a new allocation: a vector that grows by itself would leave
    /// its old bytes in freed memory.
    fn grow(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed <= self.bytes.capacity() {
            return;
        }
        let mut wider = Vec::with_capacity(needed.max(self.bytes.capacity() * 2).max(32));
        wider.extend_from_slice(&self.bytes);
        self.bytes = Zeroizing::new(wider);
    }
}

impl Deref for Buf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_the_length_only() {
        assert_eq!(format!("{:?}", Text::part(b"hunter2")), "Text(7 bytes)");
        assert_eq!(
            format!("{:?}", Text::part(b"hunter2").into_owned()),
            "Text(7 bytes)"
        );
    }

    #[test]
    fn a_buffer_keeps_its_bytes_while_it_grows() {
        let mut buf = Buf::new();
        for i in 0..1000_u32 {
            buf.append(&i.to_le_bytes());
        }
        assert_eq!(buf.len(), 4000);
        assert_eq!(buf[3996..], 999_u32.to_le_bytes());
        buf.truncate(4);
        assert_eq!(*buf, 0_u32.to_le_bytes());
        assert_eq!(
            *Text::owned(buf).into_zeroizing(),
            0_u32.to_le_bytes().to_vec()
        );
    }
}
