//! Pure. The messages of the KMS v2 protocol (package `v2`), as its public description has them.

use std::collections::HashMap;

use prost::Message;
use zeroize::Zeroize;

/// Path of the service's methods.
pub const SERVICE: &str = "v2.KeyManagementService";

/// Asks how the plugin is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct StatusRequest {}

/// How the plugin is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct StatusResponse {
    /// `v2`, always.
    #[prost(string, tag = "1")]
    pub version: String,
    /// `ok`, or what is wrong.
    #[prost(string, tag = "2")]
    pub healthz: String,
    /// The key that Encrypt uses now.
    #[prost(string, tag = "3")]
    pub key_id: String,
}

/// Asks to wrap a seed. The plaintext is overwritten on drop.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct EncryptRequest {
    /// The seed.
    #[prost(bytes = "vec", tag = "1")]
    pub plaintext: Vec<u8>,
    /// Ties the API server's log to ours.
    #[prost(string, tag = "2")]
    pub uid: String,
}

/// A wrapped seed.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct EncryptResponse {
    /// What is stored.
    #[prost(bytes = "vec", tag = "1")]
    pub ciphertext: Vec<u8>,
    /// The key it was wrapped with.
    #[prost(string, tag = "2")]
    pub key_id: String,
    /// What is stored beside it.
    #[prost(map = "string, bytes", tag = "3")]
    pub annotations: HashMap<String, Vec<u8>>,
}

/// Asks to unwrap a seed.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DecryptRequest {
    /// What is stored.
    #[prost(bytes = "vec", tag = "1")]
    pub ciphertext: Vec<u8>,
    /// Ties the API server's log to ours.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// The key it was wrapped with.
    #[prost(string, tag = "3")]
    pub key_id: String,
    /// What is stored beside it.
    #[prost(map = "string, bytes", tag = "4")]
    pub annotations: HashMap<String, Vec<u8>>,
}

/// An unwrapped seed. The plaintext is overwritten on drop.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct DecryptResponse {
    /// The seed.
    #[prost(bytes = "vec", tag = "1")]
    pub plaintext: Vec<u8>,
}

impl Drop for EncryptRequest {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl Drop for DecryptResponse {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl std::fmt::Debug for EncryptRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncryptRequest({} bytes)", self.plaintext.len())
    }
}

impl std::fmt::Debug for DecryptResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecryptResponse({} bytes)", self.plaintext.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_on_the_wire_are_the_protocols() {
        let status = StatusResponse {
            version: "v2".into(),
            healthz: "ok".into(),
            key_id: "k".into(),
        };
        assert_eq!(status.encode_to_vec(), b"\x0a\x02v2\x12\x02ok\x1a\x01k");
        let wrapped = EncryptResponse {
            ciphertext: vec![0xff],
            key_id: "k".into(),
            annotations: HashMap::from([("a.b".into(), vec![1])]),
        };
        let bytes = b"\x0a\x01\xff\x12\x01k\x1a\x08\x0a\x03a.b\x12\x01\x01";
        assert_eq!(wrapped.encode_to_vec(), bytes);
        let asked = b"\x0a\x01\xff\x12\x01u\x1a\x01k\x22\x08\x0a\x03a.b\x12\x01\x01";
        let asked = DecryptRequest::decode(asked.as_slice()).unwrap();
        assert_eq!((asked.uid.as_str(), asked.key_id.as_str()), ("u", "k"));
        assert_eq!(asked.annotations.get("a.b"), Some(&vec![1]));
        let seed = EncryptRequest::decode(b"\x0a\x02hi\x12\x01u".as_slice()).unwrap();
        assert_eq!(
            (seed.plaintext.as_slice(), seed.uid.as_str()),
            (b"hi".as_slice(), "u")
        );
        assert_eq!(format!("{seed:?}"), "EncryptRequest(2 bytes)");
    }
}
