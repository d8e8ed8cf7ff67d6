//! Shell. Reads a body: bounded, and with no copy of ours left behind.

use tidegate_contract::{ErrorKind, ProviderError};
use zeroize::Zeroizing;

use crate::fault;

/// Room for a body of unknown length to begin with: a typical secret fits.
const FIRST: usize = 4 << 10;

/// Reads `response` to its end.
///
/// # Errors
/// `Unavailable` when it is longer than `max` bytes or ends before its end.
pub(crate) async fn read(
    mut response: reqwest::Response,
    max: usize,
) -> Result<Vec<u8>, ProviderError> {
    let announced = response.content_length().unwrap_or(FIRST as u64);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > max && response.content_length().is_some() {
        return Err(too_long(max));
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced.min(max)));
    while let Some(chunk) = response.chunk().await.map_err(fault::of_transport)? {
        if chunk.len() > max - body.len() {
            return Err(too_long(max));
        }
        append(&mut body, &chunk);
    }
    Ok(std::mem::take(&mut *body))
}

/// Appends; a buffer that is outgrown is overwritten, which `Vec` alone would not do.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Vec::with_capacity(needed.max(body.capacity() * 2));
        larger.extend_from_slice(body);
        *body = Zeroizing::new(larger);
    }
    body.extend_from_slice(chunk);
}

fn too_long(max: usize) -> ProviderError {
    ProviderError::new(
        ErrorKind::Unavailable,
        format!("the answer of Vault is longer than {max} bytes"),
    )
}
