//! Pure. The key id: public, stable, never used twice for different material.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tidegate_contract::{KeyIdentity, KeyVersion};

/// How every key id of ours begins; the number is that of the recipe below.
pub const PREFIX: &str = "tg2.";

/// Makes the key id of one version: 47 characters that tell nothing of the account or the address.
///
/// `generation` is the wrap configuration's number: raising it makes every API server take a new
/// seed, and marks what was stored before as stale.
#[must_use]
pub fn key_id(identity: &KeyIdentity, version: &KeyVersion, generation: u32) -> String {
    let mut hash = Sha256::new();
    let created = version.created.as_secs().to_be_bytes();
    let generation = generation.to_be_bytes();
    for part in [
        b"tidegate-kms key id 2".as_slice(),
        identity.kind.as_bytes(),
        identity.authority.as_bytes(),
        identity.key.as_bytes(),
        version.material.as_bytes(),
        version.name.as_bytes(),
        &created,
        &generation,
    ] {
        // Lengths first: no two lists of parts run together into the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(hash.finalize()))
}

/// True for a key id that this program made.
#[must_use]
pub fn is_ours(key_id: &str) -> bool {
    key_id.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn identity(kind: &'static str, authority: &str, key: &str) -> KeyIdentity {
        KeyIdentity {
            kind,
            authority: authority.into(),
            key: key.into(),
        }
    }

    fn version(name: &str, created: u64, material: &str) -> KeyVersion {
        KeyVersion {
            created: Duration::from_secs(created),
            ordinal: 0,
            name: name.into(),
            material: material.into(),
        }
    }

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let base = version("1", 7, "");
        let ids = [
            key_id(&identity("transit", "ns", "transit/kms"), &base, 0),
            key_id(&identity("local", "ns", "transit/kms"), &base, 0),
            key_id(&identity("transit", "nst", "ransit/kms"), &base, 0),
            key_id(
                &identity("transit", "ns", "transit/kms1"),
                &version("", 7, ""),
                0,
            ),
            key_id(
                &identity("transit", "ns", "transit/kms"),
                &version("2", 7, ""),
                0,
            ),
            key_id(
                &identity("transit", "ns", "transit/kms"),
                &version("1", 8, ""),
                0,
            ),
            key_id(
                &identity("transit", "ns", "transit/kms"),
                &version("1", 7, "x"),
                0,
            ),
            key_id(&identity("transit", "ns", "transit/kms"), &base, 1),
        ];
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        for id in &ids {
            assert!(is_ours(id) && id.len() == 47, "{id}");
        }
    }

    #[test]
    fn the_recipe_never_changes() {
        // A change of this text would make every object of every user stale at an update.
        let id = key_id(
            &identity("transit", "", "transit/kms"),
            &version("3", 1_700_000_000, ""),
            0,
        );
        assert_eq!(id, "tg2.BtEO3QU-15AKvYMsO4l5AZNS_b6pNMCR6yFiQTcCoP4");
    }
}
