//! Pure. RSA-OAEP as Key Vault offers it takes no context: the context's hash is wrapped along
//! with the key, and checked when it comes back.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of the hash.
const BINDING: usize = 32;

/// The bytes to wrap for `context`: 64 for a key of 32, of the 190 that an RSA key of 2048 bits
/// takes.
pub(super) fn bound(plaintext: &[u8], context: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(BINDING + plaintext.len()));
    bytes.extend_from_slice(&Sha256::digest(context));
    bytes.extend_from_slice(plaintext);
    bytes
}

/// What was bound to `context`; `None` for another context. What another plugin wrapped is bound to
/// none.
pub(super) fn unbound(opened: &[u8], context: &[u8]) -> Option<Vec<u8>> {
    if context.is_empty() {
        return Some(opened.to_vec());
    }
    let (hash, plaintext) = opened.split_at_checked(BINDING)?;
    (hash == Sha256::digest(context).as_slice()).then(|| plaintext.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_opens_for_its_context_alone() {
        let bytes = bound(&[7; 32], b"one");
        assert_eq!(bytes.len(), 64);
        assert_eq!(unbound(&bytes, b"one"), Some(vec![7; 32]));
        assert_eq!(unbound(&bytes, b"two"), None);
        assert_eq!(unbound(&[7; 32], b"one"), None);
        assert_eq!(unbound(&[7; 31], b"one"), None);
        assert_eq!(unbound(&[7; 32], b""), Some(vec![7; 32]));
    }
}
