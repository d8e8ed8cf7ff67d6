//! Shell. AES-256-GCM with a random nonce: nonce, ciphertext, tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use tidegate_contract::{WrapError, WrapFault};
use zeroize::Zeroize;

/// Bytes that sealing adds.
pub const OVERHEAD: usize = NONCE_LEN + 16;

fn key(bytes: &[u8; 32]) -> Result<LessSafeKey, WrapError> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| WrapError::new(WrapFault::Invalid, "the key cannot be used"))
}

/// Fills `bytes` with randomness of the system.
///
/// # Errors
/// `Unavailable` when the system gives none.
pub fn random(bytes: &mut [u8]) -> Result<(), WrapError> {
    rand::fill(bytes)
        .map_err(|_| WrapError::new(WrapFault::Unavailable, "the system gives no random bytes"))
}

/// Seals `plaintext`, bound to `context`.
///
/// # Errors
/// `Unavailable` when the system gives no random bytes.
pub fn seal(bytes: &[u8; 32], plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, WrapError> {
    let mut nonce = [0; NONCE_LEN];
    random(&mut nonce)?;
    // The buffer is full-sized from the beginning: no plaintext is left behind by growing.
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = key(bytes)?.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(context),
        &mut sealed[NONCE_LEN..],
    );
    match tag {
        Ok(tag) => {
            sealed.extend_from_slice(tag.as_ref());
            Ok(sealed)
        }
        Err(_) => {
            sealed.zeroize();
            Err(WrapError::new(WrapFault::Invalid, "the value is too long"))
        }
    }
}

/// Opens what [`seal`] made.
///
/// # Errors
/// `Corrupt` for other bytes, another key or another context.
pub fn open(bytes: &[u8; 32], sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, WrapError> {
    let corrupt = || WrapError::new(WrapFault::Corrupt, "the wrapped bytes do not open");
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(corrupt)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| corrupt())?;
    let mut body = body.to_vec();
    let opened = key(bytes)?.open_in_place(nonce, Aad::from(context), &mut body);
    let length = match opened {
        Ok(plaintext) => plaintext.len(),
        Err(_) => {
            body.zeroize();
            return Err(corrupt());
        }
    };
    // What is behind the plaintext is its tag.
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_context_alone() {
        let sealed = seal(&[1; 32], b"seed", b"context").unwrap();
        assert_eq!(sealed.len(), 4 + OVERHEAD);
        assert_eq!(open(&[1; 32], &sealed, b"context").unwrap(), b"seed");
        let fault = |key: u8, sealed: &[u8], context: &[u8]| {
            open(&[key; 32], sealed, context).unwrap_err().fault()
        };
        assert_eq!(fault(2, &sealed, b"context"), WrapFault::Corrupt);
        assert_eq!(fault(1, &sealed, b"other"), WrapFault::Corrupt);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                fault(1, &changed, b"context"),
                WrapFault::Corrupt,
                "byte {at}"
            );
            assert_eq!(
                fault(1, &sealed[..at], b"context"),
                WrapFault::Corrupt,
                "cut at {at}"
            );
        }
        assert_ne!(sealed, seal(&[1; 32], b"seed", b"context").unwrap());
    }
}
