//! Pure. What the API server stores, opened far enough to spoil the wrapped seed in it.

use std::collections::HashMap;

use prost::Message;

/// The public layout of a KMS v2 value behind its prefix.
#[derive(Clone, PartialEq, Eq, Message)]
struct EncryptedObject {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
    #[prost(string, tag = "2")]
    key_id: String,
    #[prost(bytes = "vec", tag = "3")]
    wrapped_seed: Vec<u8>,
    #[prost(map = "string, bytes", tag = "4")]
    annotations: HashMap<String, Vec<u8>>,
    #[prost(int32, tag = "5")]
    sort: i32,
}

/// The same value with one bit of the wrapped seed turned.
pub fn with_a_broken_seed(value: &[u8], prefix: &str) -> Vec<u8> {
    let body = value.strip_prefix(prefix.as_bytes()).unwrap();
    let mut object = EncryptedObject::decode(body).unwrap();
    *object.wrapped_seed.last_mut().unwrap() ^= 1;
    [prefix.as_bytes(), &object.encode_to_vec()].concat()
}
