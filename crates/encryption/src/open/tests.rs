//! Pure. Values sealed here by the documented formats open with their key, at their place, and
//! never otherwise.

use aws_lc_rs::cipher::{EncryptionContext, PaddedBlockEncryptingKey};

use super::*;

pub(crate) const AT: &[u8] = b"/registry/secrets/ns/name";
pub(crate) const PLAIN: &[u8] = b"k8s\0 marker of a value";

/// Seals as an API server does.
pub(crate) fn seal(cipher: Cipher, key: &[u8], at: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut data = plain.to_vec();
    match cipher {
        Cipher::Secretbox => {
            let nonce = [7; 24];
            let sealer = XSalsa20Poly1305::new_from_slice(key).unwrap();
            let tag = sealer
                .encrypt_in_place_detached((&nonce).into(), b"", &mut data)
                .unwrap();
            [nonce.as_slice(), &tag, &data].concat()
        }
        Cipher::AesGcm => {
            let algorithm = match key.len() {
                16 => &aead::AES_128_GCM,
                24 => &aead::AES_192_GCM,
                _ => &aead::AES_256_GCM,
            };
            let nonce = [7; 12];
            let sealer = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
            let used = Nonce::assume_unique_for_key(nonce);
            sealer
                .seal_in_place_append_tag(used, Aad::from(at), &mut data)
                .unwrap();
            [nonce.as_slice(), &data].concat()
        }
        Cipher::AesCbc => {
            let algorithm = match key.len() {
                16 => &AES_128,
                24 => &AES_192,
                _ => &AES_256,
            };
            let iv = [7; 16];
            let key = UnboundCipherKey::new(algorithm, key).unwrap();
            let sealer = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
            let context = EncryptionContext::Iv128((&iv).into());
            sealer.less_safe_encrypt(&mut data, context).unwrap();
            [iv.as_slice(), &data].concat()
        }
    }
}

fn ring(cipher: Cipher, secret: &[u8]) -> Ring {
    let key = Key::new("k", Zeroizing::new(secret.to_vec()));
    let mut ring = Ring::default();
    ring.keys.insert((cipher, "k".to_owned()), vec![key]);
    ring
}

#[test]
fn each_cipher_opens_what_was_sealed_and_nothing_else() {
    for cipher in Cipher::ALL {
        for &size in cipher.key_sizes() {
            let key = vec![0x5a; size];
            let ring = ring(cipher, &key);
            let sealed = seal(cipher, &key, AT, PLAIN);
            assert_eq!(
                ring.open(cipher, "k", AT, &sealed),
                Ok(()),
                "{cipher:?} {size}"
            );
            let no_object = seal(cipher, &key, AT, b"anything else");
            let opened = ring.open(cipher, "k", AT, &no_object);
            assert_eq!(opened, Err(Closed::NoObject), "{cipher:?}");
            assert_eq!(ring.open(cipher, "other", AT, &sealed), Err(Closed::NoKey));
            let mut foreign = key.clone();
            foreign[0] ^= 1;
            let sealed = seal(cipher, &foreign, AT, PLAIN);
            assert!(ring.open(cipher, "k", AT, &sealed).is_err(), "{cipher:?}");
            assert!(ring.open(cipher, "k", AT, b"").is_err());
        }
    }
}

#[test]
fn a_value_moved_to_another_name_does_not_open_under_gcm() {
    let key = [0x5a; 32];
    let sealed = seal(Cipher::AesGcm, &key, AT, PLAIN);
    let elsewhere = b"/registry/secrets/ns/other";
    let opened = ring(Cipher::AesGcm, &key).open(Cipher::AesGcm, "k", elsewhere, &sealed);
    assert_eq!(opened, Err(Closed::Rejected));
}

#[test]
fn any_flipped_bit_is_seen_where_the_cipher_can() {
    for cipher in [Cipher::Secretbox, Cipher::AesGcm] {
        let key = [0x5a; 32];
        let ring = ring(cipher, &key);
        let sealed = seal(cipher, &key, AT, PLAIN);
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 0x10;
            assert_eq!(
                ring.open(cipher, "k", AT, &bent),
                Err(Closed::Rejected),
                "{at}"
            );
        }
    }
}

#[test]
fn nothing_shows_a_key() {
    let key = Key::new(
        "k",
        Zeroizing::new(b"hunter2hunter2hunter2hunter2hunt".to_vec()),
    );
    let shown = format!("{:?} {:?}", key, ring(Cipher::AesGcm, &key.secret));
    assert!(
        !shown.contains("hunter2") && !shown.contains("104, 117"),
        "{shown}"
    );
}
