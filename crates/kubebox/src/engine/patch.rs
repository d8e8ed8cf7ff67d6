//! Pure. PATCH: JSON patch, merge patch, and strategic merge patch for built-in kinds.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::admit::parse_json;
use super::error::{ApiError, Result};
use super::event::convert_event;
use super::request::Request;
use super::resource::Resource;
use super::strategic;
use super::view::typed;
use super::{Answer, Call, Engine, meta};

/// Most operations of one JSON patch, as on a real server.
const MAX_OPERATIONS: usize = 10_000;

impl Engine {
    pub(crate) fn patch(&mut self, call: &mut Call<'_>) -> Result<Answer> {
        let media = call.request.media_type().to_owned();
        let stored = self.stored(call)?;
        let patch = parse_json(&call.request.body).map_err(|_| {
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
            "application/json-patch+json" => json_patch(&mut object, &patch)?,
            "application/merge-patch+json" => {
                if patch.is_null() {
                    return Err(ApiError::bad_request("Invalid JSON Patch"));
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
                strategic::apply(Some(schema), &mut object, &patch).map_err(ApiError::internal)?;
                // Without a name, a real server does not come to look at the type.
                if meta::text(&object, "name").is_empty() && object.is_object() {
                    object["apiVersion"] = resource.api_version(call.version).into();
                }
            }
        }
        if !object.is_object() {
            return Err(ApiError::unprocessable("not an object".to_owned()));
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
    let mut accepted = vec![
        "application/json-patch+json",
        "application/merge-patch+json",
    ];
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

/// RFC 6902, with the error codes of the real server: 422 when an operation does not apply.
pub(crate) fn json_patch(object: &mut Value, patch: &Value) -> Result<()> {
    let Some(list) = patch.as_array() else {
        let text = go_mismatch(patch, "[]handlers.jsonPatchOp");
        return Err(ApiError::bad_request(format!(
            "error decoding patch: {text}"
        )));
    };
    if list.len() > MAX_OPERATIONS {
        return Err(ApiError::too_large(MAX_OPERATIONS));
    }
    if let Some(wrong) = list.iter().find(|operation| !operation.is_object()) {
        let text = go_mismatch(wrong, "handlers.jsonPatchOp");
        return Err(ApiError::bad_request(format!(
            "error decoding patch: {text}"
        )));
    }
    list.iter()
        .try_for_each(|operation| apply(object, operation).map_err(ApiError::unprocessable))
}

type Step<T> = std::result::Result<T, String>;

fn apply(object: &mut Value, operation: &Value) -> Step<()> {
    let text = |key: &str| operation[key].as_str();
    let path = text("path").ok_or("missing path")?;
    let from = || text("from").ok_or_else(|| "missing from".to_owned());
    // As Go's library has it, what is not said is null.
    let value = || operation.get("value").cloned().unwrap_or_default();
    match text("op").unwrap_or_default() {
        "add" => add(object, path, value()),
        "remove" => take(object, path, "remove").map(drop),
        "replace" => replace(object, path, value()),
        "test" => {
            let wanted = operation.get("value").unwrap_or(&Value::Null);
            let found = find(object, path).map_or(&Value::Null, |v| &*v);
            if found == wanted {
                return Ok(());
            }
            Err(format!("testing value {path} failed: test failed"))
        }
        "move" => {
            let moved = take(object, from()?, "move")?;
            add(object, path, moved)
        }
        "copy" => {
            let source = from()?;
            let copied = find(object, source)
                .ok_or_else(|| {
                    format!("copy operation does not apply: doc is missing from path: {source}")
                })?
                .clone();
            add(object, path, copied)
        }
        other => Err(format!("Unexpected kind: {other}")),
    }
}

fn pointer(path: &str) -> Step<(String, String)> {
    let (parent, key) = path
        .rsplit_once('/')
        .ok_or_else(|| format!("invalid path: {path}"))?;
    Ok((parent.to_owned(), key.replace("~1", "/").replace("~0", "~")))
}

fn find<'a>(object: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    object.pointer_mut(path)
}

fn parent<'a>(object: &'a mut Value, path: &str, verb: &str) -> Step<(&'a mut Value, String)> {
    let (parent, key) = pointer(path)?;
    let missing =
        format!("{verb} operation does not apply: doc is missing path: \"{path}\": missing value");
    Ok((find(object, &parent).ok_or(missing)?, key))
}

fn add(object: &mut Value, path: &str, value: Value) -> Step<()> {
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    let (parent, key) = parent(object, path, "add")?;
    match parent {
        Value::Object(map) => {
            map.insert(key, value);
            Ok(())
        }
        Value::Array(list) if key == "-" => {
            list.push(value);
            Ok(())
        }
        Value::Array(list) => match key.parse::<usize>() {
            Ok(at) if at <= list.len() => {
                list.insert(at, value);
                Ok(())
            }
            _ => Err(format!(
                "add operation does not apply: Unable to access invalid index: {key}"
            )),
        },
        _ => Err(format!(
            "add operation does not apply: doc is missing path: \"{path}\""
        )),
    }
}

/// As the real server's library does, a missing key of an object is simply set.
fn replace(object: &mut Value, path: &str, value: Value) -> Step<()> {
    if let Some(slot) = find(object, path) {
        *slot = value;
        return Ok(());
    }
    match parent(object, path, "replace")? {
        (Value::Object(map), key) => {
            map.insert(key, value);
            Ok(())
        }
        _ => Err(format!(
            "replace operation does not apply: doc is missing key: {path}"
        )),
    }
}

fn take(object: &mut Value, path: &str, verb: &str) -> Step<Value> {
    let (parent, key) = parent(object, path, verb)?;
    let taken = match parent {
        Value::Object(map) => map.remove(&key),
        Value::Array(list) => key
            .parse::<usize>()
            .ok()
            .filter(|at| *at < list.len())
            .map(|at| list.remove(at)),
        _ => None,
    };
    taken.ok_or_else(|| {
        format!(
            "{verb} operation does not apply: Unable to remove nonexistent key: {key}: missing \
             value"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_patches_apply_or_say_why_not() {
        let mut object = json!({"a": {"b": [1, 2]}, "c/d": 1});
        let patch = json!([
            {"op": "test", "path": "/a/b/0", "value": 1},
            {"op": "add", "path": "/a/b/-", "value": 3},
            {"op": "add", "path": "/a/b/0", "value": 0},
            {"op": "replace", "path": "/c~1d", "value": 2},
            {"op": "copy", "from": "/a/b", "path": "/e"},
            {"op": "move", "from": "/e/3", "path": "/f"},
            {"op": "remove", "path": "/a"},
        ]);
        json_patch(&mut object, &patch).unwrap();
        assert_eq!(object, json!({"c/d": 2, "e": [0, 1, 2], "f": 3}));
        let code = |patch: Value| json_patch(&mut json!({}), &patch).unwrap_err().code();
        assert_eq!(code(json!([{"op": "test", "path": "/x", "value": 1}])), 422);
        assert_eq!(
            code(json!([{"op": "replace", "path": "/x/y", "value": 1}])),
            422
        );
        assert_eq!(code(json!([{"op": "remove", "path": "/x"}])), 422);
        assert_eq!(
            code(json!([{"op": "add", "path": "/x/y", "value": 1}])),
            422
        );
        assert_eq!(code(json!({})), 400);
    }

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
