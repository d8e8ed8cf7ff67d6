//! Pure. What a value in etcd says of itself: encrypted how, by whom, with which key.

use std::collections::BTreeMap;

use prost::Message;

use crate::config::Cipher;
use crate::config::change::Writer;

const PREFIX: &[u8] = b"k8s:enc:";
const KMS_V2: &[u8] = b"kms:v2:";
/// Longest name of a provider or key that is taken for one.
const MAX_NAME: usize = 1024;
/// The API server's bound on key ids and wrapped seeds.
const MAX_KEY_ID: usize = 1024;

/// One stored value, by its outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<'v> {
    /// Not encrypted.
    Plain(PlainFormat),
    /// Under a local key.
    Local {
        /// How.
        cipher: Cipher,
        /// The key's name.
        key: &'v str,
        /// What follows the prefix.
        body: &'v [u8],
    },
    /// By a plugin of version 1.
    KmsV1 {
        /// The provider's name.
        provider: &'v str,
    },
    /// By a plugin of version 2.
    KmsV2 {
        /// The provider's name.
        provider: &'v str,
        /// What the API server keeps beside the data.
        object: Box<Envelope>,
    },
    /// Begins as an encrypted value and is none that any API server writes.
    Malformed(Malformed),
}

/// How a plaintext object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainFormat {
    /// `k8s\0` and protobuf.
    Protobuf,
    /// JSON.
    Json,
    /// Neither; the API server would not read it.
    Unknown,
}

/// Why a value is no encrypted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Malformed {
    /// Not one of the providers there are.
    #[error("an encryption prefix that no provider of Kubernetes has")]
    Prefix,
    /// No key's or provider's name where one belongs.
    #[error("no name of a key or provider behind the encryption prefix")]
    Name,
    /// Not protobuf.
    #[error("the envelope of a KMS v2 value does not decode")]
    Envelope,
    /// Protobuf, but with sizes that the API server never writes.
    #[error("the envelope of a KMS v2 value lacks its key id, its seed or its data")]
    Parts,
}

/// The parts of a KMS v2 value that are told; the data itself is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The key of the key service.
    pub key_id: String,
    /// SHA-256 of the wrapped seed, which tells seeds apart.
    pub seed: [u8; 32],
    /// Whether keys are derived from a seed (since 1.29), or the seed is the key itself.
    pub derived: bool,
    /// Names and sizes of the plugin's annotations.
    pub annotations: Vec<(String, usize)>,
    /// Bytes of encrypted data.
    pub bytes: usize,
}

/// A KMS v2 value with all its parts, for whoever opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The provider's name.
    pub provider: String,
    /// The key of the key service.
    pub key_id: String,
    /// The wrapped seed.
    pub source: Vec<u8>,
    /// What the plugin put beside it.
    pub annotations: BTreeMap<String, Vec<u8>>,
    /// Whether keys are derived from the seed, or it is the key itself.
    pub derived: bool,
    /// The encrypted data.
    pub data: Vec<u8>,
}

impl Sealed {
    /// The parts of a value, when it is one that [`Stored::read`] takes for KMS v2.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let Stored::KmsV2 { provider, object } = Stored::read(value) else {
            return None;
        };
        let body = value.get(PREFIX.len() + KMS_V2.len() + provider.len() + 1..)?;
        let parts = EncryptedObject::decode(body).ok()?;
        Some(Self {
            provider: provider.to_owned(),
            key_id: parts.key_id,
            source: parts.source,
            annotations: parts.annotations,
            derived: object.derived,
            data: parts.data,
        })
    }

    /// Tells seeds apart by all that a plugin is given to unwrap one.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut parts = vec![
            self.provider.as_bytes(),
            self.key_id.as_bytes(),
            &self.source,
        ];
        for (name, value) in &self.annotations {
            parts.extend([name.as_bytes(), value.as_slice()]);
        }
        let mut text = Vec::new();
        for part in parts {
            text.extend((part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(&crate::sha256(&text));
        digest
    }
}

#[derive(Clone, PartialEq, Message)]
struct EncryptedObject {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
    #[prost(string, tag = "2")]
    key_id: String,
    #[prost(bytes = "vec", tag = "3")]
    source: Vec<u8>,
    #[prost(btree_map = "string, bytes", tag = "4")]
    annotations: BTreeMap<String, Vec<u8>>,
    #[prost(int32, tag = "5")]
    source_type: i32,
}

impl Stored<'_> {
    /// Reads the outside of a value. Any bytes are taken.
    #[must_use]
    pub fn read(value: &[u8]) -> Stored<'_> {
        let Some(rest) = value.strip_prefix(PREFIX) else {
            return Stored::Plain(plain_format(value));
        };
        encrypted(rest).unwrap_or_else(Stored::Malformed)
    }

    /// Who wrote it; none for what is malformed.
    #[must_use]
    pub fn writer(&self) -> Option<Writer> {
        match self {
            Self::Plain(_) => Some(Writer::Identity),
            Self::Local { cipher, key, .. } => Some(Writer::Local(*cipher, (*key).to_owned())),
            Self::KmsV1 { provider } => Some(Writer::Kms("v1".to_owned(), (*provider).to_owned())),
            Self::KmsV2 { provider, .. } => {
                Some(Writer::Kms("v2".to_owned(), (*provider).to_owned()))
            }
            Self::Malformed(_) => None,
        }
    }
}

fn encrypted(rest: &[u8]) -> Result<Stored<'_>, Malformed> {
    let local = |cipher: Cipher, rest| {
        let (key, body) = name(rest)?;
        Ok(Stored::Local { cipher, key, body })
    };
    for cipher in Cipher::ALL {
        let rest = rest.strip_prefix(cipher.name().as_bytes());
        if let Some(rest) = rest.and_then(|rest| rest.strip_prefix(b":v1:")) {
            return local(cipher, rest);
        }
    }
    if let Some(rest) = rest.strip_prefix(b"kms:v1:") {
        let (provider, _) = name(rest)?;
        return Ok(Stored::KmsV1 { provider });
    }
    let rest = rest.strip_prefix(KMS_V2).ok_or(Malformed::Prefix)?;
    let (provider, body) = name(rest)?;
    let object = envelope(body)?;
    Ok(Stored::KmsV2 {
        provider,
        object: Box::new(object),
    })
}

fn name(rest: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let window = &rest[..rest.len().min(MAX_NAME + 1)];
    let end = window
        .iter()
        .position(|byte| *byte == b':')
        .ok_or(Malformed::Name)?;
    let name = std::str::from_utf8(&rest[..end]).map_err(|_| Malformed::Name)?;
    // A name is printed: what would move a terminal's cursor is none.
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Malformed::Name);
    }
    Ok((name, &rest[end + 1..]))
}

fn envelope(body: &[u8]) -> Result<Envelope, Malformed> {
    let object = EncryptedObject::decode(body).map_err(|_| Malformed::Envelope)?;
    let sized = |len| (1..=MAX_KEY_ID).contains(&len);
    let printable = !object.key_id.chars().any(char::is_control);
    let derived = object.source_type == 1;
    // A nonce and a tag; with a seed also the information that the key was derived from.
    let least = if derived { 60 } else { 28 };
    if !sized(object.key_id.len())
        || !printable
        || !sized(object.source.len())
        || object.data.len() < least
        || !(0..=1).contains(&object.source_type)
    {
        return Err(Malformed::Parts);
    }
    let mut seed = [0; 32];
    seed.copy_from_slice(&crate::sha256(&object.source));
    let annotations = object.annotations.into_iter();
    Ok(Envelope {
        key_id: object.key_id,
        seed,
        derived,
        annotations: annotations
            .filter(|(name, _)| !name.chars().any(char::is_control))
            .map(|(name, value)| (name, value.len()))
            .collect(),
        bytes: object.data.len(),
    })
}

fn plain_format(value: &[u8]) -> PlainFormat {
    if value.starts_with(b"k8s\0") {
        PlainFormat::Protobuf
    } else if value.starts_with(b"{") {
        PlainFormat::Json
    } else {
        PlainFormat::Unknown
    }
}

#[cfg(test)]
mod tests;
