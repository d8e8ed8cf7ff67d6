//! Pure. CA bundles as stores carry them: PEM, base64 of PEM, or that once more.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &[u8] = b"-----BEGIN";

/// Reads a `caBundle` field: base64 in the manifest (a Kubernetes byte field) of PEM or of base64
/// of PEM; plain PEM is taken as well.
#[must_use]
pub(super) fn pem_of_field(text: &str) -> Option<Vec<u8>> {
    pem_of_bytes(text.as_bytes())
}

/// Reads the content of a key: PEM, or base64 of it, at most twice.
#[must_use]
pub(super) fn pem_of_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    for _ in 0..3 {
        if bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Some(bytes);
        }
        bytes.retain(|byte| !byte.is_ascii_whitespace());
        bytes = STANDARD.decode(&bytes).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_is_found_under_up_to_two_layers() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let once = STANDARD.encode(pem);
        let twice = STANDARD.encode(&once);
        for text in [pem, &once, &twice, &format!("{once}\n")] {
            assert_eq!(
                pem_of_field(text).as_deref(),
                Some(pem.as_bytes()),
                "{text}"
            );
        }
        for text in ["", "nonsense", "bm9uc2Vuc2U="] {
            assert_eq!(pem_of_field(text), None, "{text}");
        }
    }
}
