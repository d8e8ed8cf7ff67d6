//! Pure. From a request's body to an object of its resource: decoded, pruned, defaulted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::{ApiError, Named, Result};
use super::field::FieldError;
use super::protobuf;
use super::request::Request;
use super::resource::{Builtin, Resource};
use super::schema::{
    Additional, Schema, apply_defaults, canonical_times, drop_empty, mismatch, prune,
};
use super::{Engine, duplicates};

/// Largest request body, as on a real server.
pub(crate) const MAX_BODY: usize = 3 * 1024 * 1024;

/// What to do about fields that the schema does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    Ignore,
    Warn,
    Strict,
}

impl Strictness {
    pub(crate) fn parse(text: &str, errors: &mut Vec<FieldError>) -> Self {
        match text {
            "" | "Warn" => Self::Warn,
            "Ignore" => Self::Ignore,
            "Strict" => Self::Strict,
            other => {
                let allowed = ["", "Ignore", "Strict", "Warn"];
                let at = "fieldValidation";
                errors.push(FieldError::not_supported(at, other.into(), allowed));
                Self::Warn
            }
        }
    }
}

/// Parses a JSON body; the error names the position, never the text.
pub(crate) fn parse_json(body: &[u8]) -> Result<Value> {
    if body.len() > MAX_BODY {
        return Err(ApiError::too_large(MAX_BODY));
    }
    serde_json::from_slice(body).map_err(|e| broken(&e))
}

fn broken(e: &serde_json::Error) -> ApiError {
    ApiError::bad_request(broken_text(e))
}

fn broken_text(e: &serde_json::Error) -> String {
    format!(
        "couldn't get version/kind; json parse error: line {} column {}",
        e.line(),
        e.column()
    )
}

/// Reads the object of a write, and the fields that stand in it twice.
pub(crate) fn sent(request: &Request, resource: &Resource) -> Result<(Value, Vec<String>)> {
    let json = matches!(request.media_type(), "" | "application/json");
    if json && request.body.is_empty() {
        let text = "couldn't get version/kind; json parse error: unexpected end of JSON input";
        return Err(unrecognized(resource, text));
    }
    if !json || request.body.is_empty() || request.body.len() > MAX_BODY {
        return Ok((body(request)?, Vec::new()));
    }
    duplicates::parse(&request.body, resource.typed())
        .map_err(|e| unrecognized(resource, &broken_text(&e)))
}

/// The refusal of a body that is no object of any kind; the real server quotes it, too.
fn unrecognized(resource: &Resource, why: &str) -> ApiError {
    let kind = &resource.kind;
    ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why}"
    ))
}

/// Reads a request's body, JSON or protobuf; null when there is none.
pub(crate) fn body(request: &Request) -> Result<Value> {
    if request.body.is_empty() {
        return Ok(Value::Null);
    }
    match request.media_type() {
        "" | "application/json" => parse_json(&request.body),
        protobuf::MEDIA if request.body.len() <= MAX_BODY => protobuf::decode(&request.body)
            .ok_or_else(|| {
                let text = "the body is no protobuf object that this API knows";
                ApiError::bad_request(text)
            }),
        protobuf::MEDIA => Err(ApiError::too_large(MAX_BODY)),
        _ => {
            let accepted = format!("application/json, {}", protobuf::MEDIA);
            Err(ApiError::unsupported_media(&accepted))
        }
    }
}

impl Engine {
    /// Makes a body an object of the resource, or says why it is none.
    pub(crate) fn admit(
        &self,
        resource: &Resource,
        version: usize,
        object: &mut Value,
        strictness: Strictness,
        repeated: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<()> {
        type_meta(resource, version, object)?;
        let Some(served) = resource.versions.get(version) else {
            return Err(ApiError::no_such_resource());
        };
        let refuse = |text: String| {
            let kind = &resource.kind;
            let version = &served.name;
            Err(ApiError::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: {text}"
            )))
        };
        let typed = resource.typed();
        if typed && let Some(text) = mismatch(&served.schema, object, &resource.kind, "") {
            return refuse(text);
        }
        if let Some(text) = mismatch(&self.registry.meta, &object["metadata"], "ObjectMeta", "") {
            return refuse(text);
        }
        let mut unknown = Vec::new();
        prune(&served.schema, object, "", &mut unknown);
        if !typed && object["metadata"].is_object() {
            let metadata = &mut object["metadata"];
            prune(&self.registry.meta, metadata, "metadata", &mut unknown);
        }
        // What a struct has no field for is named once, however often it stands.
        let twice = |path: &&String| !(typed && unknown.contains(path));
        let repeated: Vec<String> = repeated.iter().filter(twice).cloned().collect();
        let texts = strict_texts(&repeated, &unknown);
        // An empty list of managedFields means "forget them", and must reach the tracker. Of custom
        // resources it is lost on the way, as on a real server.
        let reset = typed
            && object["metadata"]["managedFields"]
                .as_array()
                .is_some_and(Vec::is_empty);
        if typed {
            canonical_times(&served.schema, object);
            drop_empty(&served.schema, object);
            if let Err(text) = canonical_bytes(&served.schema, object) {
                return refuse(text);
            }
        } else {
            apply_defaults(&served.schema, object);
            if object["metadata"].is_object() {
                drop_empty(&self.registry.meta, &mut object["metadata"]);
            }
        }
        if reset {
            super::meta::set(object, "managedFields", json!([]));
        }
        // What cannot be decoded at all is refused for that alone.
        match strictness {
            Strictness::Strict if !texts.is_empty() => {
                refuse(format!("strict decoding error: {}", texts.join(", ")))
            }
            Strictness::Warn => {
                warnings.extend(texts);
                Ok(())
            }
            Strictness::Strict | Strictness::Ignore => Ok(()),
        }
    }
}

/// What a strict decoder says of fields that stand twice or that nobody knows.
fn strict_texts(repeated: &[String], unknown: &[String]) -> Vec<String> {
    let repeated = repeated
        .iter()
        .map(|path| format!("duplicate field \"{path}\""));
    let unknown = unknown
        .iter()
        .map(|path| format!("unknown field \"{path}\""));
    repeated.chain(unknown).collect()
}

fn unregistered(resource: &Resource, kind: &str, api_version: &str) -> ApiError {
    let (own, version) = (&resource.kind, api_version.rsplit('/').next());
    let version = version.unwrap_or_default();
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {own}: no kind \"{kind}\" is \
         registered for version \"{api_version}\" in scheme \"pkg/runtime/scheme.go:110\""
    ))
}

/// Holds the type of a custom resource against its own.
fn custom_type(
    resource: &Resource,
    object: &Value,
    kind: &str,
    sent: &str,
    expected: &str,
) -> Result<()> {
    if kind.is_empty() {
        return Err(unrecognized(resource, "Object 'Kind' is missing"));
    }
    if sent != expected {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({sent}) does not match the expected API version \
             ({expected})"
        )));
    }
    if kind == resource.kind {
        return Ok(());
    }
    let error = FieldError::invalid("kind", kind, format!("must be {}", resource.kind));
    let named = Named {
        group: &resource.group,
        name: kind,
    };
    let name = super::meta::text(object, "name");
    Err(ApiError::invalid(named, name, &[error]))
}

/// Checks apiVersion and kind; built-in resources may leave them out.
fn type_meta(resource: &Resource, version: usize, object: &mut Value) -> Result<()> {
    // Go takes null for an object without fields.
    if object.is_null() {
        *object = json!({});
    }
    if !object.is_object() {
        let text = super::patch::go_mismatch(object, "struct");
        let text = format!("couldn't get version/kind; json parse error: {text}");
        return Err(unrecognized(resource, &text));
    }
    for key in ["kind", "apiVersion"] {
        let found = &object[key];
        if !found.is_null() && !found.is_string() {
            let text = super::patch::go_mismatch(found, "string");
            let text = format!("couldn't get version/kind; json parse error: {text}");
            return Err(unrecognized(resource, &text));
        }
    }
    let expected = resource.api_version(version);
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let (kind, sent) = (text("kind"), text("apiVersion"));
    if sent.matches('/').count() > 1 {
        let text = format!("unexpected GroupVersion string: {sent}");
        return Err(unrecognized(resource, &text));
    }
    if resource.typed() {
        let known = |text: &str, own: &str| text.is_empty() || text == own;
        if !known(&kind, &resource.kind) || !known(&sent, &expected) {
            let or = |text: String, own: &str| {
                if text.is_empty() {
                    own.to_owned()
                } else {
                    text
                }
            };
            let (kind, sent) = (or(kind, &resource.kind), or(sent, &expected));
            return Err(unregistered(resource, &kind, &sent));
        }
    } else {
        custom_type(resource, object, &kind, &sent, &expected)?;
    }
    object["kind"] = resource.kind.as_str().into();
    object["apiVersion"] = expected.into();
    Ok(())
}

/// Decodes and encodes every byte field again, as Go does.
fn canonical_bytes(schema: &Schema, object: &mut Value) -> std::result::Result<(), String> {
    for (key, inner) in &schema.properties {
        let Additional::Schema(entry) = &inner.additional else {
            continue;
        };
        let Some(map) = object[key.as_str()]
            .as_object_mut()
            .filter(|_| entry.format == "byte")
        else {
            continue;
        };
        for value in map.values_mut() {
            *value = Value::String(canonical(value.as_str().unwrap_or_default())?);
        }
    }
    // Indexing for reading leaves nulls behind.
    if let Some(map) = object.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    Ok(())
}

fn canonical(text: &str) -> std::result::Result<String, String> {
    use base64::DecodeError;
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(&plain) {
        Ok(bytes) => Ok(STANDARD.encode(bytes)),
        Err(DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _)) => {
            Err(format!("illegal base64 data at input byte {at}"))
        }
        Err(_) => {
            let padded = plain.ends_with('=');
            let at = if padded {
                plain.len()
            } else {
                plain.len() / 4 * 4
            };
            Err(format!("illegal base64 data at input byte {at}"))
        }
    }
}

/// What the real server does to a built-in object between decoding and validation.
pub(crate) fn complete(builtin: Builtin, object: &mut Value, old: Option<&Value>) {
    match builtin {
        Builtin::Secret => {
            if let Some(Value::Object(text)) =
                object.as_object_mut().and_then(|m| m.remove("stringData"))
            {
                for (key, value) in text {
                    let value = value.as_str().unwrap_or_default();
                    object["data"][key] = STANDARD.encode(value).into();
                }
            }
            if object["type"].as_str().unwrap_or_default().is_empty() {
                object["type"] = "Opaque".into();
            }
        }
        Builtin::Namespace => {
            let name = super::meta::text(object, "name").to_owned();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            if let Some(old) = old {
                for key in ["spec", "status"] {
                    object[key] = old[key].clone();
                }
            }
        }
        _ => {}
    }
    if let Some(map) = object.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    structs(builtin, object);
}

/// Adds the structs that Go prints even when they are empty.
pub(crate) fn structs(builtin: Builtin, object: &mut Value) {
    let names: &[&str] = match builtin {
        Builtin::Namespace => &["spec", "status"],
        Builtin::Lease => &["spec"],
        _ => &[],
    };
    for key in names {
        if object.get(*key).is_none() {
            object[*key] = json!({});
        }
    }
}

/// What only the server sets on a new object; nobody owns these fields.
pub(crate) fn prepare(builtin: Option<Builtin>, object: &mut Value) {
    if builtin == Some(Builtin::Namespace) {
        object["spec"]["finalizers"] = json!(["kubernetes"]);
        object["status"] = json!({ "phase": "Active" });
    }
}
