//! Pure. Reads what other plugins stored, by the form of it, so that a cluster can change plugins
//! under the same name and socket without a rewrite on the day.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::envelope::{self, Annotations};
use crate::key_id;

/// The annotation by which Azure's plugin marks what it stored.
pub const AZURE_VERSION: &str = "version.azure.akv.io";
/// The annotation with the algorithm Azure's plugin wrapped with.
pub const AZURE_ALGORITHM: &str = "algorithm.azure.akv.io";

/// What is stored, and whose form it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<'a> {
    /// Ours: wrapped by the key service under this version.
    Ours {
        /// The key service's kind.
        kind: &'a str,
        /// The version's name.
        version: &'a str,
        /// The wrapped local key, when the seed is wrapped by a local key.
        local_key: Option<&'a [u8]>,
        /// The wrapped seed.
        wrapped: &'a [u8],
    },
    /// aws-encryption-provider: the byte `1`, then the blob of AWS KMS.
    Aws {
        /// The blob.
        blob: &'a [u8],
    },
    /// Azure's kubernetes-kms: base64url of an RSA-OAEP-256 wrap; the key id is the SHA-256 of the
    /// versioned address of the key, in hexadecimal.
    Azure {
        /// The wrapped bytes.
        wrapped: Vec<u8>,
        /// The key id as stored.
        key_id: &'a str,
    },
    /// vault-kubernetes-kms, and Transit's own form: `vault:v<version>:<base64>`.
    Transit {
        /// The text, whole.
        text: &'a str,
        /// The version's number.
        version: &'a str,
    },
}

impl Stored<'_> {
    /// The kind of key service that can open it.
    #[must_use]
    pub const fn kind(&self) -> &str {
        match self {
            Self::Ours { kind, .. } => kind,
            Self::Aws { .. } => "aws",
            Self::Azure { .. } => "azure",
            Self::Transit { .. } => "transit",
        }
    }
}

/// Recognises what is stored.
///
/// # Errors
/// In one line, what is wrong with it or that nobody's form fits.
pub fn recognise<'a>(
    key_id: &'a str,
    ciphertext: &'a [u8],
    annotations: &'a Annotations,
) -> Result<Stored<'a>, &'static str> {
    if key_id::is_ours(key_id) || annotations.contains_key(envelope::REF) {
        let reference = annotations.get(envelope::REF).map(Vec::as_slice);
        let reference = reference.ok_or("the annotation ref.kms.tidegate.io is missing")?;
        let (kind, version) = envelope::read_reference(reference)
            .ok_or("the annotation ref.kms.tidegate.io cannot be read")?;
        return Ok(Stored::Ours {
            kind,
            version,
            local_key: annotations.get(envelope::LOCAL_KEY).map(Vec::as_slice),
            wrapped: ciphertext,
        });
    }
    if annotations.contains_key(AZURE_VERSION) {
        return azure(key_id, ciphertext, annotations);
    }
    if let Some(rest) = ciphertext.strip_prefix(b"vault:v") {
        return transit(ciphertext, rest);
    }
    match ciphertext {
        [b'1', blob @ ..] if !blob.is_empty() => Ok(Stored::Aws { blob }),
        _ => Err("no plugin that we know stores it in this form"),
    }
}

fn azure<'a>(
    key_id: &'a str,
    ciphertext: &'a [u8],
    annotations: &'a Annotations,
) -> Result<Stored<'a>, &'static str> {
    if annotations.get(AZURE_VERSION).map(Vec::as_slice) != Some(b"1") {
        return Err("version.azure.akv.io is not 1");
    }
    match annotations.get(AZURE_ALGORITHM).map(Vec::as_slice) {
        None | Some(b"RSA-OAEP-256") => {}
        Some(_) => return Err("algorithm.azure.akv.io is not RSA-OAEP-256"),
    }
    let wrapped = URL_SAFE_NO_PAD
        .decode(ciphertext.trim_ascii_end())
        .map_err(|_| "Azure's ciphertext is not base64url")?;
    Ok(Stored::Azure { wrapped, key_id })
}

fn transit<'a>(ciphertext: &'a [u8], rest: &'a [u8]) -> Result<Stored<'a>, &'static str> {
    let wrong = "the ciphertext is not vault:v<number>:<base64>";
    let text = std::str::from_utf8(ciphertext).map_err(|_| wrong)?;
    let rest = std::str::from_utf8(rest).map_err(|_| wrong)?;
    let (version, body) = rest.split_once(':').ok_or(wrong)?;
    let number = !version.is_empty() && version.len() <= 9;
    let number = number && version.bytes().all(|byte| byte.is_ascii_digit());
    if !number || STANDARD.decode(body).is_err() {
        return Err(wrong);
    }
    Ok(Stored::Transit { text, version })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn annotations(pairs: &[(&str, &[u8])]) -> Annotations {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect()
    }

    #[test]
    fn each_plugins_form_is_told_from_the_others() {
        let none = Annotations::new();
        let azure = annotations(&[(AZURE_VERSION, b"1"), (AZURE_ALGORITHM, b"RSA-OAEP-256")]);
        let ours = annotations(&[(envelope::REF, b"1:transit:3")]);
        let both = annotations(&[(envelope::REF, b"1:local:a"), (envelope::LOCAL_KEY, b"w")]);
        assert_eq!(
            recognise("arn:aws:kms:x", b"1\x01\x02", &none),
            Ok(Stored::Aws { blob: b"\x01\x02" })
        );
        assert_eq!(
            recognise("3fa0", b"AQID", &azure),
            Ok(Stored::Azure {
                wrapped: vec![1, 2, 3],
                key_id: "3fa0"
            })
        );
        assert_eq!(
            recognise("1", b"vault:v12:AQID", &none),
            Ok(Stored::Transit {
                text: "vault:v12:AQID",
                version: "12"
            })
        );
        assert_eq!(
            recognise("tg2.x", b"vault:v3:AQID", &ours),
            Ok(Stored::Ours {
                kind: "transit",
                version: "3",
                local_key: None,
                wrapped: b"vault:v3:AQID"
            })
        );
        assert_eq!(
            recognise("tg2.x", b"w", &both),
            Ok(Stored::Ours {
                kind: "local",
                version: "a",
                local_key: Some(b"w"),
                wrapped: b"w"
            })
        );
    }

    #[test]
    fn what_is_nobodys_is_refused_in_one_line() {
        let none = Annotations::new();
        let check = |id: &str, bytes: &[u8], annotations: &Annotations, text: &str| {
            assert_eq!(recognise(id, bytes, annotations), Err(text), "{bytes:?}");
        };
        let unknown = "no plugin that we know stores it in this form";
        check("a", b"", &none, unknown);
        check("a", b"1", &none, unknown);
        check("a", b"2abc", &none, unknown);
        let transit = "the ciphertext is not vault:v<number>:<base64>";
        for wrong in [
            b"vault:v".as_slice(),
            b"vault:v:AQID",
            b"vault:vx:AQID",
            b"vault:v1:***",
            b"vault:v1:\xff",
        ] {
            check("a", wrong, &none, transit);
        }
        check(
            "tg2.x",
            b"w",
            &none,
            "the annotation ref.kms.tidegate.io is missing",
        );
        let bad = annotations(&[(envelope::REF, b"x")]);
        check(
            "tg2.x",
            b"w",
            &bad,
            "the annotation ref.kms.tidegate.io cannot be read",
        );
        let newer = annotations(&[(AZURE_VERSION, b"2")]);
        check("a", b"AQID", &newer, "version.azure.akv.io is not 1");
        let other = annotations(&[(AZURE_VERSION, b"1"), (AZURE_ALGORITHM, b"RSA1_5")]);
        check(
            "a",
            b"AQID",
            &other,
            "algorithm.azure.akv.io is not RSA-OAEP-256",
        );
        let azure = annotations(&[(AZURE_VERSION, b"1")]);
        check("a", b"!!", &azure, "Azure's ciphertext is not base64url");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            id in ".{0,8}", bytes in proptest::collection::vec(any::<u8>(), 0..40),
            mark in 0..4usize, value in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let name = [envelope::REF, envelope::LOCAL_KEY, AZURE_VERSION, AZURE_ALGORITHM][mark];
            let _ = recognise(&id, &bytes, &annotations(&[(name, &value)]));
        }
    }
}
