//! Pure. The bytes of a write: JSON with values in base64, in a buffer that is zeroized.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tidegate_api::{CreationPolicy, names};
use tidegate_contract::SecretValue;
use zeroize::Zeroizing;

use crate::buffer::Buffer;
use crate::diff::{Intent, Op, OwnerAt, UpdateSecret};

/// The body of a request that holds values of a Secret.
///
/// # Guarantees
/// Zeroized on drop, also when it grew on the way; `Debug` shows the length only.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Lends the body, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Gives the buffer away; the taker zeroizes it.
    #[must_use]
    pub fn into_inner(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<redacted, {} bytes>", self.0.len())
    }
}

impl Intent {
    /// The Secret to POST.
    #[must_use]
    pub fn create_body(&self) -> SecretBytes {
        let mut labels = self.labels.clone();
        labels.insert(names::MANAGED_LABEL.into(), names::MANAGED_VALUE.into());
        if self.policy == CreationPolicy::Owner {
            labels.insert(names::CREATED_BY_LABEL.into(), self.created_by.to_string());
        }
        let mut annotations = self.annotations.clone();
        annotations.insert(names::DATA_HASH_ANNOTATION.into(), self.hash().to_string());
        let mut body = Body::sized(&self.data);
        body.raw(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"#);
        body.json(&*self.target);
        body.raw(r#","namespace":"#);
        body.json(&*self.owner.namespace);
        body.raw(r#","labels":"#);
        body.json(&labels);
        body.raw(r#","annotations":"#);
        body.json(&annotations);
        if self.policy == CreationPolicy::Owner {
            body.raw(r#","ownerReferences":["#);
            body.json(&self.reference());
            body.raw("]");
        }
        if !self.finalizers.is_empty() {
            body.raw(r#","finalizers":"#);
            body.json(&self.finalizers);
        }
        body.raw("}");
        if let Some(text) = &self.type_ {
            body.raw(r#","type":"#);
            body.json(text);
        }
        if self.immutable {
            body.raw(r#","immutable":true"#);
        }
        body.raw(r#","data":"#);
        body.data(&self.data);
        body.raw("}");
        body.finish()
    }

    fn reference(&self) -> Reference<'_> {
        Reference {
            api_version: "external-secrets.io/v1",
            kind: "ExternalSecret",
            name: &self.owner.name,
            uid: &self.owner_uid,
            controller: true,
            block_owner_deletion: true,
        }
    }
}

impl UpdateSecret {
    /// The JSON Patch (RFC 6902) to PATCH with.
    #[must_use]
    pub fn patch_body(&self) -> SecretBytes {
        let intent = &self.intent;
        let mut body = Body::sized(&intent.data);
        body.raw("[");
        body.op("replace", &["metadata", "resourceVersion"]);
        body.json(&*self.resource_version);
        body.raw("}");
        for op in &self.ops {
            body.raw(",");
            match op {
                Op::DataWhole => {
                    body.op("add", &["data"]);
                    body.data(&intent.data);
                }
                Op::DataEmpty => {
                    body.op("add", &["data"]);
                    body.raw("{}");
                }
                Op::DataKey(key) => {
                    body.op("add", &["data", key]);
                    // An operation names keys of the intent only.
                    intent
                        .data
                        .get(key)
                        .iter()
                        .for_each(|value| body.value(value));
                }
                Op::DataRemove(key) => body.remove(&["data", key]),
                Op::Immutable => {
                    body.op("add", &["immutable"]);
                    body.raw("true");
                }
                Op::Map(map, entries) => {
                    body.op("add", &["metadata", map]);
                    body.json(entries);
                }
                Op::Set(map, name, value) => {
                    body.op("add", &["metadata", map, name]);
                    body.json(value);
                }
                Op::Remove(map, name) => body.remove(&["metadata", map, name]),
                Op::Own(at) => body.own(*at, &intent.reference()),
                Op::Disown(at) => {
                    body.remove(&["metadata", "ownerReferences", &at.to_string()]);
                }
                Op::Finalizers(names) => {
                    body.op("add", &["metadata", "finalizers"]);
                    body.json(names);
                }
                Op::Finalizer(name) => {
                    body.op("add", &["metadata", "finalizers", "-"]);
                    body.json(name);
                }
            }
            body.raw("}");
        }
        body.raw("]");
        body.finish()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    api_version: &'static str,
    kind: &'static str,
    name: &'a str,
    uid: &'a str,
    controller: bool,
    block_owner_deletion: bool,
}

/// A body under way.
struct Body(Buffer);

impl Body {
    /// Room for the values and for what is usually around them.
    fn sized(data: &BTreeMap<String, SecretValue>) -> Self {
        let values: usize = data.values().map(|value| value.len() / 3 * 4 + 64).sum();
        Self(Buffer::with_capacity(values + 2048))
    }

    fn finish(self) -> SecretBytes {
        SecretBytes(self.0.into_inner())
    }

    fn raw(&mut self, text: &str) {
        self.0.text(text);
    }

    /// Writes what is no secret.
    fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Strings and maps of strings always serialize.
        let text = serde_json::to_string(value).unwrap_or_default();
        self.raw(&text);
    }

    fn value(&mut self, value: &SecretValue) {
        self.raw("\"");
        let encoded = value.len().div_ceil(3) * 4;
        // The slice has exactly the length of the encoding, so this cannot fail.
        let written = STANDARD.encode_slice(value.expose(), self.0.extend(encoded));
        debug_assert_eq!(written, Ok(encoded));
        self.raw("\"");
    }

    fn data(&mut self, data: &BTreeMap<String, SecretValue>) {
        self.raw("{");
        for (position, (key, value)) in data.iter().enumerate() {
            if position > 0 {
                self.raw(",");
            }
            self.json(key);
            self.raw(":");
            self.value(value);
        }
        self.raw("}");
    }

    /// Opens an operation with a value.
    fn op(&mut self, op: &str, path: &[&str]) {
        self.head(op, path);
        self.raw(r#","value":"#);
    }

    /// An operation without a value.
    fn remove(&mut self, path: &[&str]) {
        self.head("remove", path);
    }

    fn head(&mut self, op: &str, path: &[&str]) {
        let pointer: String = (path.iter())
            .flat_map(|part| ["/".to_owned(), part.replace('~', "~0").replace('/', "~1")])
            .collect();
        self.raw(r#"{"op":"#);
        self.json(op);
        self.raw(r#","path":"#);
        self.json(&pointer);
    }

    fn own(&mut self, at: OwnerAt, reference: &Reference<'_>) {
        match at {
            OwnerAt::NewList => {
                self.op("add", &["metadata", "ownerReferences"]);
                self.json(&[reference]);
            }
            OwnerAt::End => {
                self.op("add", &["metadata", "ownerReferences", "-"]);
                self.json(reference);
            }
            OwnerAt::Position(at) => {
                self.op("replace", &["metadata", "ownerReferences", &at.to_string()]);
                self.json(reference);
            }
        }
    }
}
