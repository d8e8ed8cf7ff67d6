//! Pure. PATCH: JSON patch, merge patch, and strategic merge patch for built-in kinds.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::admit::{Strictness, parse_json};
use super::error::{ApiError, Named, Result};
use super::event::convert_event;
use super::field::FieldError;
use super::request::Request;
use super::resource::Resource;
use super::strategic;
use super::view::typed;
use super::{Answer, Call, Engine, meta};

mod json;

const JSON: &str = "application/json-patch+json";
const NO_PATCH: &str = "Invalid JSON Patch";
const MERGE: &str = "application/merge-patch+json";

impl Engine {
    pub(crate) fn patch(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let media = call.request.media_type().to_owned();
        let stored = self.stored(call)?;
        // Without a look at strictness, the patch is decoded by what applies it.
        let lenient = call.strictness == Strictness::Ignore;
        let patch = parse_json(&call.request.body).map_err(|_| {
            if lenient && media == MERGE {
                return ApiError::bad_request(NO_PATCH);
            }
            let ends = serde_json::from_slice::<Value>(&call.request.body);
            let text = if ends.is_err_and(|e| e.is_eof()) {
                "unexpected end of JSON input"
            } else {
                "invalid JSON"
            };
            undecodable(&media, text)
        })?;
        let mut object = typed(&call.resource, call.version, stored.value());
        match media.as_str() {
            JSON => json::apply(&mut object, &patch)?,
            MERGE => {
                if patch.is_null() || (lenient && !patch.is_object() && !patch.is_array()) {
                    return Err(ApiError::bad_request(NO_PATCH));
                }
                if lenient && patch.is_array() {
                    let text = go_mismatch(&patch, "struct");
                    let text = format!("couldn't get version/kind; json parse error: {text}");
                    return Err(ApiError::patched(&ApiError::bad_request(text)));
                }
                need_object(&media, &patch)?;
                merge(&mut object, &patch, 0);
            }
            // Nothing to merge.
            _ if patch.is_null() => {}
            _ => {
                need_object(&media, &patch)?;
                let resource = Arc::clone(&call.resource);
                let schema = &resource.versions[call.version].schema;
                if let Value::Object(patch) = patch {
                    strategic::apply(schema, &resource.kind, &mut object, patch)?;
                }
                forget_type(
                    &mut object,
                    &resource.kind,
                    &resource.api_version(call.version),
                );
            }
        }
        if !object.is_object() {
            return Err(ApiError::unprocessable());
        }
        if matches!(media.as_str(), JSON | MERGE) {
            identity(call, &mut object)?;
        }
        if call.resource.is_new_event() && object.get("note").is_none() {
            convert_event(&mut object, true);
        }
        self.decode(call, &mut object).map_err(|error| {
            // What cannot even be decoded is the patch's fault.
            if error.is_undecodable() {
                ApiError::patched(&error)
            } else {
                error
            }
        })?;
        let stored = self.replace(call, &stored, object)?;
        Ok(self.answer(call, 200, &stored))
    }
}

/// Refuses a patch of a type that the resource does not take.
pub(crate) fn check_media(request: &Request, resource: &Resource) -> Result<()> {
    let mut accepted = vec![JSON, MERGE];
    if resource.typed() {
        accepted.push("application/strategic-merge-patch+json");
    }
    if accepted.contains(&request.media_type()) {
        return Ok(());
    }
    // Server-side apply is named, since clients offer it by default.
    let mut list = accepted.join(", ");
    if request.media_type().starts_with("application/apply-patch") {
        list.push_str(" (this API serves no server-side apply)");
    }
    Err(ApiError::unsupported_media(&list))
}

/// A strategic merge patch goes from map to struct: what it says of the type is not read.
fn forget_type(object: &mut Value, kind: &str, api_version: &str) {
    for (key, own) in [("kind", kind), ("apiVersion", api_version)] {
        if object.get(key).is_none_or(|v| v.is_null() || v.is_string()) {
            object[key] = own.into();
        }
    }
}

/// The type that the other patches leave an object with, which is decoded by it.
fn identity(call: &mut Call<'_>, object: &mut Value) -> Result<()> {
    let refuse = |text: String| Err(ApiError::patched(&ApiError::bad_request(text)));
    for key in ["kind", "apiVersion"] {
        let found = &object[key];
        if !found.is_null() && !found.is_string() {
            let text = go_mismatch(found, "string");
            let place = format!("Go struct field .{key} of type");
            let text = text.replace("Go value of type", &place);
            return refuse(format!(
                "couldn't get version/kind; json parse error: {text}"
            ));
        }
    }
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if version.matches('/').count() > 1 {
        return refuse(format!("unexpected GroupVersion string: {version}"));
    }
    let own = call.resource.api_version(call.version);
    let resource = Arc::clone(&call.resource);
    if resource.typed() {
        if version.is_empty() {
            return unversioned(call, object);
        }
        if kind.is_empty() {
            object["kind"] = resource.kind.as_str().into();
        } else if kind != resource.kind || version != own {
            return refuse(format!(
                "no kind \"{kind}\" is registered for version \"{version}\" in scheme \
                 \"pkg/runtime/scheme.go:110\""
            ));
        }
        return Ok(());
    }
    if kind.is_empty() {
        return refuse("Object 'Kind' is missing".to_owned());
    }
    if version.is_empty() {
        if call.strictness == Strictness::Warn {
            let unknown = unknown_fields(object, &["apiVersion", "kind", "metadata"]);
            call.warnings.extend(unknown);
        }
        return Err(ApiError::without_version());
    }
    let mut errors = Vec::new();
    for (key, sent, own) in [
        ("kind", &kind, &resource.kind),
        ("apiVersion", &version, &own),
    ] {
        if sent != own {
            errors.push(FieldError::invalid(
                key,
                sent.as_str(),
                format!("must be {own}"),
            ));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let named = Named { group, name: &kind };
    Err(ApiError::invalid(
        named,
        meta::text(object, "name"),
        &errors,
    ))
}

/// Without a version, a built-in object is decoded as one that has no field of these names.
fn unversioned(call: &mut Call<'_>, object: &mut Value) -> Result<()> {
    let unknown = unknown_fields(object, &["apiVersion", "kind"]);
    match call.strictness {
        Strictness::Strict if !unknown.is_empty() => {
            let text = format!("strict decoding error: {}", unknown.join(", "));
            return Err(ApiError::patched(&ApiError::bad_request(text)));
        }
        Strictness::Warn => call.warnings.extend(unknown),
        _ => {}
    }
    let name = &call.target.name;
    Err(ApiError::bad_request(format!(
        "the name of the object ({name} based on URL) was undeterminable: name must be provided"
    )))
}

fn unknown_fields(object: &Value, known: &[&str]) -> Vec<String> {
    let keys = object.as_object().into_iter().flat_map(Map::keys);
    let unknown = keys.filter(|key| !known.contains(&key.as_str()));
    unknown
        .map(|key| format!("unknown field \"{key}\""))
        .collect()
}

fn need_object(media: &str, patch: &Value) -> Result<()> {
    if patch.is_object() {
        return Ok(());
    }
    let text = go_mismatch(patch, "map[string]interface {}");
    Err(undecodable(media, &text))
}

/// A strategic merge patch is decoded elsewhere than the others, and refused with fewer words.
fn undecodable(media: &str, text: &str) -> ApiError {
    if media.starts_with("application/strategic") {
        return ApiError::bad_request(text);
    }
    ApiError::bad_request(format!("error decoding patch: {text}"))
}

/// Go's complaint about a JSON value of another type than wanted.
pub(crate) fn go_mismatch(found: &Value, wanted: &str) -> String {
    let found = match found {
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) | Value::Null => "object",
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}

/// RFC 7386; deeper than any real object is cut off.
pub(crate) fn merge(target: &mut Value, patch: &Value, depth: usize) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    for (key, value) in patch {
        if value.is_null() || depth > super::schema::MAX_DEPTH {
            map.remove(key);
        } else {
            merge(
                map.entry(key.clone()).or_insert(Value::Null),
                value,
                depth + 1,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patches_replace_lists_and_remove_by_null() {
        let mut object = json!({"a": {"b": 1, "c": [1]}, "d": 1});
        merge(
            &mut object,
            &json!({"a": {"b": null, "c": [2]}, "e": {"f": null}}),
            0,
        );
        assert_eq!(object, json!({"a": {"c": [2]}, "d": 1, "e": {}}));
    }
}
