//! Seam. Random bytes that nobody can guess, for what templates and fingerprints are made with.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// 32 random bytes that wipe themselves.
pub type Bytes = Zeroizing<[u8; 32]>;

type Draw = dyn Fn() -> Option<Bytes> + Send + Sync;

/// Where a controller's random bytes come from. This crate knows the system's only; a simulation
/// that must repeat brings its own.
#[derive(Clone)]
pub struct Entropy(Arc<Draw>);

impl Entropy {
    /// Bytes by another hand: whoever can guess them can guess what templates drew.
    #[must_use]
    pub fn new(draw: impl Fn() -> Option<Bytes> + Send + Sync + 'static) -> Self {
        Self(Arc::new(draw))
    }

    /// The system's.
    #[must_use]
    pub fn system() -> Self {
        Self::new(bytes)
    }

    /// 32 fresh bytes; none when the source gives none.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        (self.0)()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// 32 fresh bytes from the crypto provider's generator; none when the system gives no entropy.
#[must_use]
pub fn bytes() -> Option<Bytes> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(bytes.as_mut_slice()).ok()?;
    Some(bytes)
}
