//! Pure. Opens values of local keys to prove that they are whole; what is inside is never given
//! out.

use std::collections::HashMap;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::UnboundCipherKey;
use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey};
use crypto_secretbox::aead::AeadInPlace;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use zeroize::Zeroizing;

use crate::config::{Cipher, Configuration, Key, Provider};

/// The local keys of a configuration, by cipher and name.
#[derive(Debug, Default)]
pub struct Ring {
    keys: HashMap<(Cipher, String), Vec<Key>>,
}

/// Why a value did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Closed {
    /// No key of that name.
    #[error("no key of this name is in the configuration")]
    NoKey,
    /// Too short to have been encrypted.
    #[error("too short to be an encrypted value")]
    Short,
    /// Wrong key, changed bytes, or moved here from another object.
    #[error("does not open: wrong key, damaged, or moved here from another name")]
    Rejected,
    /// The plugin does not unwrap the seed of a KMS v2 value.
    #[error("its seed does not unwrap: wrong key service, damaged, or wrapped by another plugin")]
    Refused,
    /// It opened, and what is inside is no Kubernetes object.
    #[error("opens to something that is no Kubernetes object")]
    NoObject,
}

impl Ring {
    /// Takes all local keys of a configuration.
    #[must_use]
    pub fn of(config: &Configuration) -> Self {
        let mut ring = Self::default();
        for provider in config.rules.iter().flat_map(|rule| &rule.providers) {
            if let Provider::Local(cipher, keys) = provider {
                for key in keys {
                    let slot = ring.keys.entry((*cipher, key.name.clone())).or_default();
                    if !slot.contains(key) {
                        slot.push(key.clone());
                    }
                }
            }
        }
        ring
    }

    /// Opens one value, `at` being its whole key in etcd.
    ///
    /// # Errors
    /// Why it does not open.
    pub fn open(&self, cipher: Cipher, key: &str, at: &[u8], body: &[u8]) -> Result<(), Closed> {
        let keys = self.keys.get(&(cipher, key.to_owned()));
        let mut last = Closed::NoKey;
        for key in keys.into_iter().flatten() {
            match open(cipher, &key.secret, at, body) {
                Ok(plain) if is_object(&plain) => return Ok(()),
                Ok(_) => last = Closed::NoObject,
                Err(closed) => last = closed,
            }
        }
        Err(last)
    }
}

pub(crate) fn is_object(plain: &[u8]) -> bool {
    plain.starts_with(b"k8s\0") || plain.starts_with(b"{")
}

type Opened = Result<Zeroizing<Vec<u8>>, Closed>;

fn open(cipher: Cipher, key: &[u8], at: &[u8], body: &[u8]) -> Opened {
    match cipher {
        Cipher::Secretbox => secretbox(key, body),
        Cipher::AesCbc => cbc(key, body),
        Cipher::AesGcm => gcm(key, at, body),
    }
}

fn secretbox(key: &[u8], body: &[u8]) -> Opened {
    let (nonce, sealed) = body.split_at_checked(24).ok_or(Closed::Short)?;
    let (tag, sealed) = sealed.split_at_checked(16).ok_or(Closed::Short)?;
    let cipher = XSalsa20Poly1305::new_from_slice(key).map_err(|_| Closed::NoKey)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    cipher
        .decrypt_in_place_detached(nonce.into(), b"", &mut plain, tag.into())
        .map_err(|_| Closed::Rejected)?;
    Ok(plain)
}

fn gcm(key: &[u8], at: &[u8], body: &[u8]) -> Opened {
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        32 => &aead::AES_256_GCM,
        _ => return Err(Closed::NoKey),
    };
    let (nonce, sealed) = body.split_at_checked(12).ok_or(Closed::Short)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Closed::Short)?;
    let key = UnboundKey::new(algorithm, key).map_err(|_| Closed::NoKey)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = LessSafeKey::new(key)
        .open_in_place(nonce, Aad::from(at), &mut plain)
        .map_err(|_| Closed::Rejected)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

fn cbc(key: &[u8], body: &[u8]) -> Opened {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return Err(Closed::NoKey),
    };
    let (iv, sealed) = body.split_at_checked(16).ok_or(Closed::Short)?;
    if sealed.is_empty() || sealed.len() % 16 != 0 {
        return Err(Closed::Short);
    }
    let iv: [u8; 16] = iv.try_into().map_err(|_| Closed::Short)?;
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| Closed::NoKey)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| Closed::NoKey)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = key
        .decrypt(&mut plain, DecryptionContext::Iv128((&iv).into()))
        .map_err(|_| Closed::Rejected)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
pub(crate) mod tests;
