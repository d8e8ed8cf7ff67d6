//! Pure. Whether a value is the one seen before, without keeping the value.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tidegate_contract::SecretValue;
use zeroize::Zeroizing;

/// The per-process random key of every [`Fingerprint`]; zeroized on drop.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; 64]>);

impl FingerprintKey {
    /// Takes 32 random bytes. They must be drawn anew by each process: a fingerprint must mean
    /// nothing to anybody who reads a core dump or a log of another run.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        // HMAC pads a short key to its block with zeros; doing it here needs no fallible length.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(&random);
        Self(block)
    }

    /// The fingerprint of a value. Its version does not take part: equal bytes are the same value.
    #[must_use]
    pub fn fingerprint(&self, value: &SecretValue) -> Fingerprint {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&(*self.0).into());
        mac.update(value.expose());
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        Fingerprint(short)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(redacted)")
    }
}

/// HMAC-SHA256 of a value under a per-process key, cut to 128 bits: enough against chance and
/// against anybody without the key, and half the memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}
