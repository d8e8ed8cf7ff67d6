//! Pure. JSON patch (RFC 6902), with the leniencies of the real server's library.

use serde_json::Value;

use super::go_mismatch;
use crate::engine::error::{ApiError, Result};

/// Most operations of one patch, as on a real server.
const MAX_OPERATIONS: usize = 10_000;

/// Applies a patch: 400 for what is no patch, 422 when an operation does not apply.
pub(super) fn apply(object: &mut Value, patch: &Value) -> Result<()> {
    let undecodable = |found: &Value, wanted: &str| {
        let text = go_mismatch(found, wanted);
        Err(ApiError::bad_request(format!(
            "error decoding patch: {text}"
        )))
    };
    if patch.is_null() {
        return Ok(());
    }
    let Some(list) = patch.as_array() else {
        return undecodable(patch, "[]handlers.jsonPatchOp");
    };
    if list.len() > MAX_OPERATIONS {
        return Err(ApiError::too_large(MAX_OPERATIONS));
    }
    if let Some(wrong) = list.iter().find(|operation| !operation.is_object()) {
        return undecodable(wrong, "handlers.jsonPatchOp");
    }
    list.iter()
        .try_for_each(|operation| step(object, operation).ok_or_else(ApiError::unprocessable))
}

/// Carries out one operation; none if it does not apply. Texts never say why.
fn step(object: &mut Value, operation: &Value) -> Option<()> {
    let text = |key: &str| operation[key].as_str();
    let path = text("path");
    // As Go's library has it, what is not said is null.
    let value = || operation.get("value").cloned().unwrap_or_default();
    match text("op").unwrap_or_default() {
        "add" => add(object, path?, value()),
        "remove" => take(object, path?).map(drop),
        "replace" => replace(object, path?, value()),
        "test" => (read(object, path?)? == value()).then_some(()),
        "move" => {
            let moved = take(object, text("from")?)?;
            add(object, path?, moved)
        }
        "copy" => {
            let from = text("from").filter(|from| !from.is_empty());
            let copied = read(object, from?)?;
            add(object, path?, copied)
        }
        _ => None,
    }
}

/// The container that a path's last part names an entry of, and that part. What stands before
/// the first slash is not looked at.
fn container<'a>(object: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let decoded = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let mut parts: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let last = parts.pop()?;
    let mut at = object;
    for part in parts {
        at = match at {
            Value::Object(map) => map.get_mut(&part)?,
            Value::Array(list) => {
                let place = index(&part, list.len())?;
                list.get_mut(place)?
            }
            _ => return None,
        };
    }
    (at.is_object() || at.is_array()).then_some((at, last))
}

/// An index below `len`; negative ones count from the end.
fn index(text: &str, len: usize) -> Option<usize> {
    let at: i64 = text.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    let at = if at < 0 { at + len } else { at };
    usize::try_from(at).ok().filter(|_| at < len)
}

/// What stands at a path; a missing entry of an object is null.
fn read(object: &mut Value, path: &str) -> Option<Value> {
    if path.is_empty() {
        return Some(object.clone());
    }
    match container(object, path)? {
        (Value::Object(map), key) => Some(map.get(&key).cloned().unwrap_or_default()),
        (Value::Array(list), key) => Some(list[index(&key, list.len())?].clone()),
        _ => None,
    }
}

fn add(object: &mut Value, path: &str, value: Value) -> Option<()> {
    match container(object, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(list), key) if key == "-" => list.push(value),
        (Value::Array(list), key) => {
            let at = index(&key, list.len() + 1)?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

/// A missing entry of an object is simply set; a whole object by another one, and by nothing else.
fn replace(object: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        if value.is_object() || value.is_array() {
            *object = value;
        }
        return Some(());
    }
    match container(object, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(list), key) => {
            let at = index(&key, list.len())?;
            list[at] = value;
        }
        _ => return None,
    }
    Some(())
}

fn take(object: &mut Value, path: &str) -> Option<Value> {
    match container(object, path)? {
        (Value::Object(map), key) => map.remove(&key),
        (Value::Array(list), key) => {
            let at = index(&key, list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
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
        apply(&mut object, &patch).unwrap();
        assert_eq!(object, json!({"c/d": 2, "e": [0, 1, 2], "f": 3}));
        let code = |patch: Value| apply(&mut json!({}), &patch).unwrap_err().code();
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
    fn the_real_servers_library_forgives() {
        let check = |object: Value, patch: Value, expected: Option<Value>| {
            let mut found = object;
            let done = apply(&mut found, &patch).is_ok();
            assert_eq!(done.then_some(found), expected, "{patch}");
        };
        let list = || json!({"l": [1, 2]});
        let one =
            |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
        check(
            list(),
            one("add", "/l/-1", json!(3)),
            Some(json!({"l": [1, 2, 3]})),
        );
        check(
            list(),
            one("remove", "/l/-1", json!(0)),
            Some(json!({"l": [1]})),
        );
        check(list(), one("replace", "/l/2", json!(0)), None);
        check(
            list(),
            one("replace", "/new", json!(0)),
            Some(json!({"l": [1, 2], "new": 0})),
        );
        check(
            list(),
            one("replace", "", json!({"a": 1})),
            Some(json!({"a": 1})),
        );
        check(list(), one("replace", "", json!(5)), Some(list()));
        check(list(), one("add", "", json!({"a": 1})), None);
        check(list(), one("test", "", list()), Some(list()));
        check(list(), one("test", "/none", json!(null)), Some(list()));
        check(list(), one("test", "/none/deep", json!(null)), None);
        check(
            list(),
            one("add", "any/x", json!(1)),
            Some(json!({"l": [1, 2], "x": 1})),
        );
        let copy = json!([{"op": "copy", "from": "/none", "path": "/x"}]);
        check(list(), copy, Some(json!({"l": [1, 2], "x": null})));
    }
}
