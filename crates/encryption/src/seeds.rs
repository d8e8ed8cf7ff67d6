//! Pure. Opens KMS v2 values with the seeds that a plugin unwrapped; what is inside is never given
//! out.

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use zeroize::Zeroizing;

use crate::open::{Closed, is_object};
use crate::stored::Sealed;

/// Seeds that are remembered; a cluster has one per API server start and key version.
const MAX: usize = 65_536;
/// Bytes of a seed, and of a key that is derived from one.
const KEY: usize = 32;

/// What a plugin said about wrapped seeds.
#[derive(Debug, Default)]
pub struct Seeds {
    known: HashMap<[u8; 32], Answer>,
}

/// What it said about one.
enum Answer {
    Unwrapped(Zeroizing<Vec<u8>>),
    /// It did not wrap this.
    Refused,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unwrapped(_) => "Unwrapped",
            Self::Refused => "Refused",
        })
    }
}

impl Seeds {
    /// True when the plugin was not asked about this seed yet.
    #[must_use]
    pub fn lacks(&self, sealed: &Sealed) -> bool {
        !self.known.contains_key(&sealed.digest())
    }

    /// Takes the plugin's answer: the seed, or none when it did not wrap this.
    pub fn learn(&mut self, sealed: &Sealed, seed: Option<Zeroizing<Vec<u8>>>) {
        if self.known.len() >= MAX {
            self.known.clear();
        }
        let answer = seed.map_or(Answer::Refused, Answer::Unwrapped);
        self.known.insert(sealed.digest(), answer);
    }

    /// Opens one value, `at` being its whole key in etcd; none when its seed is not known.
    #[must_use]
    pub fn open(&self, sealed: &Sealed, at: &[u8]) -> Option<Result<(), Closed>> {
        Some(match self.known.get(&sealed.digest())? {
            Answer::Refused => Err(Closed::Refused),
            Answer::Unwrapped(seed) => opens(seed, sealed, at),
        })
    }
}

fn opens(seed: &[u8], sealed: &Sealed, at: &[u8]) -> Result<(), Closed> {
    let (key, body) = if sealed.derived {
        let (info, body) = sealed.data.split_at_checked(KEY).ok_or(Closed::Short)?;
        (derived(seed, info).ok_or(Closed::Rejected)?, body)
    } else {
        (Zeroizing::new(seed.to_vec()), sealed.data.as_slice())
    };
    let (nonce, body) = body.split_at_checked(12).ok_or(Closed::Short)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Closed::Short)?;
    let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| Closed::Rejected)?;
    let mut plain = Zeroizing::new(body.to_vec());
    let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::from(at), &mut plain);
    match opened {
        Ok(plain) if is_object(plain) => Ok(()),
        Ok(_) => Err(Closed::NoObject),
        Err(_) => Err(Closed::Rejected),
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY
    }
}

/// HKDF's second half alone, as API servers do: the seed is uniformly random already.
fn derived(seed: &[u8], info: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; KEY]);
    let prk = Prk::new_less_safe(HKDF_SHA256, seed);
    let expanded = [info];
    let expanded = prk.expand(&expanded, Length).ok()?;
    expanded.fill(&mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &[u8] = b"/registry/secrets/default/a";

    fn sealed(seed: &[u8], derived_from: Option<&[u8; 32]>, plain: &[u8]) -> Sealed {
        let key = match derived_from {
            Some(info) => derived(seed, info).unwrap().to_vec(),
            None => seed.to_vec(),
        };
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
        let mut data = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key([5; 12]);
        key.seal_in_place_append_tag(nonce, Aad::from(AT), &mut data)
            .unwrap();
        let info: &[u8] = derived_from.map_or(&[], |info| info);
        Sealed {
            provider: "p".to_owned(),
            key_id: "k".to_owned(),
            source: b"wrapped".to_vec(),
            annotations: Default::default(),
            derived: derived_from.is_some(),
            data: [info, &[5; 12], &data].concat(),
        }
    }

    #[test]
    fn a_value_opens_with_its_seed_at_its_place_alone() {
        let seed = [9; 32];
        for info in [None, Some(&[3; 32])] {
            let mut value = sealed(&seed, info, b"k8s\0 inside");
            let mut seeds = Seeds::default();
            assert!(seeds.lacks(&value) && seeds.open(&value, AT).is_none());
            seeds.learn(&value, Some(Zeroizing::new(seed.to_vec())));
            assert_eq!(seeds.open(&value, AT), Some(Ok(())));
            assert_eq!(
                seeds.open(&value, b"/elsewhere"),
                Some(Err(Closed::Rejected))
            );
            *value.data.last_mut().unwrap() ^= 1;
            assert_eq!(seeds.open(&value, AT), Some(Err(Closed::Rejected)));
            value.data.truncate(11);
            assert_eq!(seeds.open(&value, AT), Some(Err(Closed::Short)));
            let odd = sealed(&seed, info, b"no object");
            assert_eq!(seeds.open(&odd, AT), Some(Err(Closed::NoObject)));
            seeds.learn(&odd, Some(Zeroizing::new(vec![8; 32])));
            assert_eq!(seeds.open(&odd, AT), Some(Err(Closed::Rejected)));
            seeds.learn(&odd, None);
            assert_eq!(seeds.open(&odd, AT), Some(Err(Closed::Refused)));
            assert!(!format!("{seeds:?}").contains("9, 9, 9"));
        }
    }

    #[test]
    fn seeds_are_told_apart_by_all_that_the_plugin_is_given() {
        let value = sealed(&[9; 32], None, b"k8s\0");
        let mut seeds = Seeds::default();
        seeds.learn(&value, Some(Zeroizing::new(vec![9; 32])));
        let changes: [fn(&mut Sealed); 4] = [
            |it| it.provider.push('x'),
            |it| it.key_id.push('x'),
            |it| it.source.push(0),
            |it| drop(it.annotations.insert("a".to_owned(), vec![1])),
        ];
        for change in changes {
            let mut other = value.clone();
            change(&mut other);
            assert!(seeds.lacks(&other), "{other:?}");
        }
    }
}
