//! Pure. Bytes of a secret: zeroized on drop, never printed, cheap to share.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// The bytes of one secret value.
///
/// # Guarantees
/// The buffer is overwritten when the last clone is dropped. `Debug` prints the length only; there
/// is no `Display` and no `Serialize`. Clones share one buffer.
#[derive(Clone)]
pub struct SecretValue(Arc<Zeroizing<Vec<u8>>>);

impl SecretValue {
    /// Takes ownership of `bytes`; the vector's buffer becomes the protected one, without a copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// Lends the plaintext. Only the places named in design section 3 may call this.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are no bytes; an empty value is a value, not an absence.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl From<&str> for SecretValue {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<redacted, {} bytes>", self.len())
    }
}

impl PartialEq for SecretValue {
    /// Compares in time that depends on the lengths alone.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.expose(), other.expose());
        a.len() == b.len() && a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y)) == 0
    }
}

impl Eq for SecretValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_only() {
        let value = SecretValue::from("hunter2");
        assert_eq!(format!("{value:?}"), "<redacted, 7 bytes>");
    }

    #[test]
    fn equality_is_by_bytes() {
        assert_eq!(SecretValue::from("a"), SecretValue::new(vec![b'a']));
        assert_ne!(SecretValue::from("a"), SecretValue::from("b"));
        assert_ne!(SecretValue::from("a"), SecretValue::from("aa"));
    }
}
