//! Pure. A byte buffer for plaintext that leaves no copy behind when it grows.

use zeroize::Zeroizing;

/// Bytes under way. Growing copies into a larger buffer and overwrites the old one.
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    pub(crate) fn char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Appends `len` bytes and lends them for writing.
    pub(crate) fn extend(&mut self, len: usize) -> &mut [u8] {
        self.reserve(len);
        let start = self.0.len();
        self.0.resize(start + len, 0);
        &mut self.0[start..]
    }

    pub(crate) fn into_inner(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The bytes as a value, without a copy.
    pub(crate) fn into_value(mut self) -> tidegate_contract::SecretValue {
        tidegate_contract::SecretValue::new(std::mem::take(&mut *self.0))
    }

    fn reserve(&mut self, more: usize) {
        let needed = self.0.len() + more;
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
    }
}
