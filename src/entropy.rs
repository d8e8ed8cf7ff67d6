//! Shell. Random bytes that nobody can guess, for what templates and fingerprints are made with.

use zeroize::Zeroizing;

/// 32 fresh bytes from the crypto provider's generator; none when the system gives no entropy.
#[must_use]
pub fn bytes() -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(bytes.as_mut_slice()).ok()?;
    Some(bytes)
}
