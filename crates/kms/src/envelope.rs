//! Pure. What stands beside a wrapped seed in etcd, so that any node can open it without state.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Names the key service's kind and the version: `1:<kind>:<version>`.
pub const REF: &str = "ref.kms.tidegate.io";
/// A local key wrapped by the key service; the seed itself is then wrapped under the local key.
pub const LOCAL_KEY: &str = "lkek.kms.tidegate.io";

/// What the API server lets a plugin store: bytes of ciphertext.
pub const MAX_CIPHERTEXT: usize = 1024;
/// What the API server lets a plugin store: bytes of key id.
pub const MAX_KEY_ID: usize = 1024;
/// What the API server lets a plugin store: bytes of annotations, names and values together.
pub const MAX_ANNOTATIONS: usize = 32 << 10;

/// Annotations as the protocol has them.
pub type Annotations = HashMap<String, Vec<u8>>;

/// The annotation [`REF`] for a version.
#[must_use]
pub fn reference(kind: &str, version: &str) -> Vec<u8> {
    format!("1:{kind}:{version}").into_bytes()
}

/// Reads [`REF`]: kind and version.
#[must_use]
pub fn read_reference(value: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(value)
        .ok()?
        .strip_prefix("1:")?
        .split_once(':')
        .filter(|(kind, version)| !kind.is_empty() && !version.is_empty())
}

/// What a wrap by the key service is bound to: a wrapped seed moved under another key id, or used
/// as a wrapped local key, does not open.
#[must_use]
pub fn context(purpose: Purpose, key_id: &str) -> Vec<u8> {
    let purpose = match purpose {
        Purpose::Seed => "seed",
        Purpose::LocalKey => "local key",
        Purpose::SeedUnderLocalKey => "seed under local key",
        Purpose::Probe => "probe",
    };
    format!("tidegate-kms/1\0{purpose}\0{key_id}").into_bytes()
}

/// What a wrapped value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A seed of an API server.
    Seed,
    /// A local key.
    LocalKey,
    /// A seed, wrapped by a local key.
    SeedUnderLocalKey,
    /// Random bytes of a probe.
    Probe,
}

/// Tells one stored envelope from every other, by hash: the key of caches and joins.
#[must_use]
pub fn digest(key_id: &str, ciphertext: &[u8], annotations: &Annotations) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(key_id.as_bytes());
    part(ciphertext);
    let mut names: Vec<&String> = annotations.keys().collect();
    names.sort_unstable();
    for name in names {
        part(name.as_bytes());
        part(annotations.get(name).map_or(&[], Vec::as_slice));
    }
    hash.finalize().into()
}

/// Checks what a plugin is about to give the API server against the API server's own limits.
///
/// # Errors
/// Which limit would be broken; the API server would never take such a seed.
pub fn check_limits(
    key_id: &str,
    ciphertext: &[u8],
    annotations: &Annotations,
) -> Result<(), &'static str> {
    let bytes: usize = annotations.iter().map(|(k, v)| k.len() + v.len()).sum();
    if ciphertext.is_empty() || ciphertext.len() > MAX_CIPHERTEXT {
        Err("the wrapped seed is empty or longer than the API server's 1024 bytes")
    } else if key_id.is_empty() || key_id.len() > MAX_KEY_ID {
        Err("the key id is empty or longer than the API server's 1024 bytes")
    } else if bytes > MAX_ANNOTATIONS {
        Err("the annotations are longer than the API server's 32 KiB")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_read_back_and_nothing_else_is() {
        assert_eq!(
            read_reference(&reference("transit", "3")),
            Some(("transit", "3"))
        );
        assert_eq!(
            read_reference(b"1:azure:https://v/keys/k:1"),
            Some(("azure", "https://v/keys/k:1"))
        );
        for wrong in [
            b"".as_slice(),
            b"1:",
            b"1:transit",
            b"1::3",
            b"1:transit:",
            b"2:a:b",
            b"\xff",
        ] {
            assert_eq!(read_reference(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn limits_are_the_servers() {
        let none = Annotations::new();
        let check = |id: usize, bytes: usize, annotation: usize| {
            let mut annotations = none.clone();
            if annotation > 0 {
                annotations.insert("a.b".into(), vec![0; annotation - 3]);
            }
            check_limits(&"k".repeat(id), &vec![1; bytes], &annotations).is_ok()
        };
        assert!(check(1, 1, 0) && check(1024, 1024, 32 << 10));
        assert!(!check(0, 1, 0) && !check(1025, 1, 0));
        assert!(!check(1, 0, 0) && !check(1, 1025, 0));
        assert!(!check(1, 1, (32 << 10) + 1));
    }

    #[test]
    fn purposes_and_key_ids_do_not_mix() {
        let all = [
            Purpose::Seed,
            Purpose::LocalKey,
            Purpose::SeedUnderLocalKey,
            Purpose::Probe,
        ];
        let texts: std::collections::BTreeSet<_> = all
            .iter()
            .flat_map(|purpose| ["a", "b"].map(|id| context(*purpose, id)))
            .collect();
        assert_eq!(texts.len(), 8);
    }

    proptest! {
        #[test]
        fn a_digest_depends_on_every_byte_and_on_no_order(
            id in "[a-z]{0,4}", bytes in proptest::collection::vec(any::<u8>(), 0..8),
            other in "[a-z]{0,4}", others in proptest::collection::vec(any::<u8>(), 0..8),
            pairs in proptest::collection::vec(("[a-c]\\.[a-c]", proptest::collection::vec(any::<u8>(), 0..3)), 0..4),
        ) {
            let annotations: Annotations = pairs.iter().cloned().collect();
            let turned: Annotations = annotations.clone().into_iter().collect();
            let one = digest(&id, &bytes, &annotations);
            prop_assert_eq!(one, digest(&id, &bytes, &turned));
            let two = digest(&other, &others, &annotations);
            prop_assert_eq!(one == two, id == other && bytes == others);
            let mut more = annotations.clone();
            more.insert("z.z".into(), Vec::new());
            prop_assert_ne!(one, digest(&id, &bytes, &more));
        }
    }
}
