//! Pure. New configurations and new keys, from random bytes that the caller brings.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Cipher, Configuration, Key, Kms, Provider, Rule};

/// What is encrypted unless the user names something else: everything in which secrets stand,
/// generated ones too.
pub const RESOURCES: [&str; 3] = [
    "secrets",
    "configmaps",
    "generatorstates.generators.external-secrets.io",
];

/// Bytes of a new key, for every cipher.
pub const KEY_BYTES: usize = 32;

/// A configuration that encrypts `resources` with one provider and still reads plaintext.
#[must_use]
pub fn first(resources: Vec<String>, provider: Provider) -> Configuration {
    Configuration {
        rules: vec![Rule {
            resources,
            providers: vec![provider, Provider::Identity],
        }],
    }
}

/// A KMS v2 provider.
#[must_use]
pub fn kms(name: String, endpoint: String, timeout: Duration) -> Provider {
    Provider::Kms(Kms {
        api_version: "v2".to_owned(),
        name,
        endpoint,
        timeout,
        cache_size: None,
    })
}

/// A name that tells when the key was made (`at`, as `20261123t170000z`) and is its own by
/// `salt`.
#[must_use]
pub fn key_name(at: &str, salt: [u8; 2]) -> String {
    format!("key-{at}-{}", crate::hex(&salt))
}

/// A provider with one local key.
#[must_use]
pub fn local(cipher: Cipher, name: String, secret: Zeroizing<Vec<u8>>) -> Provider {
    Provider::Local(cipher, vec![Key::new(name, secret)])
}

/// What Kubernetes' documentation says against a provider, in short; none for good ones.
#[must_use]
pub const fn warning(cipher: Cipher) -> Option<&'static str> {
    match cipher {
        Cipher::Secretbox => None,
        Cipher::AesCbc => Some(
            "aescbc is weak: not recommended by Kubernetes, because CBC is vulnerable to padding \
             oracle attacks, and nothing protects stored values from being changed",
        ),
        Cipher::AesGcm => Some(
            "aesgcm must be rotated every 200,000 writes: not recommended by Kubernetes except \
             with an automated key rotation scheme, because its nonces are random",
        ),
    }
}
