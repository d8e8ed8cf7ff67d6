//! Shell. The Secrets that `tidegate template` prints; values only where they are asked for.

use std::collections::BTreeMap;
use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_contract::SecretValue;
use tidegate_stages::{Desired, Shape, Templates};
use zeroize::Zeroizing;

use super::input::Source;

/// Text that goes with its last owner.
type Bytes = Zeroizing<Vec<u8>>;

/// A rendered Secret.
pub(super) struct Secret {
    name: String,
    namespace: Option<String>,
    data: BTreeMap<String, SecretValue>,
    shape: Shape,
    /// Labels and annotations that stand in the template as they are: no value is in them.
    fixed: [Vec<String>; 2],
}

impl Secret {
    pub(super) fn new(source: Source, desired: Desired, templates: &Templates) -> Self {
        let metadata = source.template.metadata.unwrap_or_default();
        let fixed = |map: &BTreeMap<String, String>| -> Vec<String> {
            let plain = map
                .iter()
                .filter(|(_, text)| !templates.has_action(text.as_bytes()));
            plain.map(|(key, _)| key.clone()).collect()
        };
        Self {
            name: source.target,
            namespace: source.namespace,
            data: desired.data,
            fixed: [fixed(&metadata.labels), fixed(&metadata.annotations)],
            shape: desired.shape.unwrap_or_default(),
        }
    }

    /// The bytes of one key.
    pub(super) fn value(&self, key: &str) -> Option<Bytes> {
        let value = self.data.get(key)?;
        Some(Zeroizing::new(value.expose().to_vec()))
    }

    /// The fields in order, each with what it holds.
    fn fields(&self, reveal: bool) -> Vec<(&'static str, Field)> {
        let mut metadata = vec![("name", Field::Text(self.name.clone().into()))];
        if let Some(namespace) = &self.namespace {
            metadata.push(("namespace", Field::Text(namespace.clone().into())));
        }
        for (name, map, fixed) in [
            ("labels", &self.shape.labels, &self.fixed[0]),
            ("annotations", &self.shape.annotations, &self.fixed[1]),
        ] {
            if !map.is_empty() {
                let shown = |(key, value): (&String, &String)| {
                    let open = reveal || fixed.contains(key);
                    let value = if open {
                        value.clone()
                    } else {
                        hidden(value.len())
                    };
                    (key.clone(), value.into())
                };
                metadata.push((name, Field::Map(map.iter().map(shown).collect())));
            }
        }
        if !self.shape.finalizers.is_empty() {
            metadata.push(("finalizers", Field::List(self.shape.finalizers.clone())));
        }
        let type_ = self.shape.type_.clone().filter(|type_| !type_.is_empty());
        let value = |(key, value): (&String, &SecretValue)| {
            let shown = if reveal {
                STANDARD.encode(value.expose())
            } else {
                hidden(value.len())
            };
            (key.clone(), shown.into())
        };
        vec![
            ("apiVersion", Field::Text("v1".to_owned().into())),
            ("kind", Field::Text("Secret".to_owned().into())),
            ("metadata", Field::Fields(metadata)),
            (
                "type",
                Field::Text(type_.unwrap_or_else(|| "Opaque".to_owned()).into()),
            ),
            ("data", Field::Map(self.data.iter().map(value).collect())),
        ]
    }
}

/// What stands for a value: not base64, so that the API server takes it for no Secret.
fn hidden(len: usize) -> String {
    format!("<redacted: {len} bytes>")
}

/// What a field holds.
enum Field {
    Text(Zeroizing<String>),
    List(Vec<String>),
    Map(Vec<(String, Zeroizing<String>)>),
    Fields(Vec<(&'static str, Self)>),
}

/// Secrets as YAML documents. Texts are quoted as in JSON, so that none is taken for a number.
pub(super) fn yaml(secrets: &[Secret], reveal: bool) -> Bytes {
    let mut out = Bytes::default();
    for (at, secret) in secrets.iter().enumerate() {
        if at > 0 {
            put(&mut out, "---\n");
        }
        yaml_fields(&secret.fields(reveal), 0, &mut out);
    }
    out
}

fn yaml_fields(fields: &[(&'static str, Field)], indent: usize, out: &mut Bytes) {
    let pad = " ".repeat(indent);
    for (name, field) in fields {
        put(out, &format!("{pad}{name}:"));
        match field {
            Field::Text(text) => {
                put(out, " ");
                quoted(text, out);
                put(out, "\n");
            }
            Field::List(items) => {
                put(out, "\n");
                for item in items {
                    put(out, &format!("{pad}  - "));
                    quoted(item, out);
                    put(out, "\n");
                }
            }
            Field::Map(map) if map.is_empty() => put(out, " {}\n"),
            Field::Map(map) => {
                put(out, "\n");
                for (key, value) in map {
                    put(out, &format!("{pad}  "));
                    quoted(key, out);
                    put(out, ": ");
                    quoted(value, out);
                    put(out, "\n");
                }
            }
            Field::Fields(inner) => {
                put(out, "\n");
                yaml_fields(inner, indent + 2, out);
            }
        }
    }
}

/// Secrets as JSON, one per line.
pub(super) fn json(secrets: &[Secret], reveal: bool) -> Bytes {
    let mut out = Bytes::default();
    for secret in secrets {
        json_fields(&secret.fields(reveal), &mut out);
        put(&mut out, "\n");
    }
    out
}

fn json_fields(fields: &[(&'static str, Field)], out: &mut Bytes) {
    joined(("{", "}"), fields, out, |(name, field), out| {
        quoted(name, out);
        put(out, ":");
        match field {
            Field::Text(text) => quoted(text, out),
            Field::List(items) => joined(("[", "]"), items, out, |item, out| quoted(item, out)),
            Field::Map(map) => joined(("{", "}"), map, out, |(key, value), out| {
                quoted(key, out);
                put(out, ":");
                quoted(value, out);
            }),
            Field::Fields(inner) => json_fields(inner, out),
        }
    });
}

fn joined<T>(
    (open, close): (&str, &str),
    all: &[T],
    out: &mut Bytes,
    one: impl Fn(&T, &mut Bytes),
) {
    put(out, open);
    for (at, item) in all.iter().enumerate() {
        if at > 0 {
            put(out, ",");
        }
        one(item, out);
    }
    put(out, close);
}

/// A JSON string, which is a YAML one too.
fn quoted(text: &str, out: &mut Bytes) {
    // Writing to memory does not fail, and a string is always JSON.
    let mut buffer = Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2));
    if serde_json::to_writer(&mut *buffer, text).is_ok() {
        append(out, &buffer);
    }
}

fn put(out: &mut Bytes, text: &str) {
    append(out, text.as_bytes());
}

/// Grows by moving, so that no freed memory keeps a value.
fn append(out: &mut Bytes, bytes: &[u8]) {
    let need = out.len() + bytes.len();
    if need > out.capacity() {
        let mut grown = Vec::with_capacity(need.max(out.capacity() * 2));
        grown.extend_from_slice(out);
        *out = Zeroizing::new(grown);
    }
    out.extend_from_slice(bytes);
}

/// Writes a file that only its owner may read.
pub(super) fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(file)?;
    // One that was there before may be open to others; a pipe or terminal is what it is.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    file.write_all(bytes)?;
    file.flush()
}
