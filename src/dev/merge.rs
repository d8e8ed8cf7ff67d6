//! Pure. What `kubectl apply` calls a three-way merge, as a JSON merge patch.

use serde_json::{Map, Value};

/// The patch that makes a live object say what `new` says, and drop what only `last` said; fields
/// that neither names stay.
#[must_use]
pub fn patch(last: Option<&Value>, new: &Value) -> Value {
    let Some(new) = new.as_object() else {
        return new.clone();
    };
    let empty = Map::new();
    let last = last.and_then(Value::as_object).unwrap_or(&empty);
    let mut patch = Map::new();
    for key in last.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        patch.insert(key.clone(), self::patch(last.get(key), value));
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_declared_and_no_longer_is_goes() {
        let check = |last: Value, new: Value, expected: Value| {
            assert_eq!(patch(Some(&last), &new), expected, "{last} to {new}");
        };
        check(json!({"a": 1}), json!({"a": 2}), json!({"a": 2}));
        check(
            json!({"a": 1, "b": 1}),
            json!({"a": 1}),
            json!({"a": 1, "b": null}),
        );
        check(
            json!({"m": {"x": 1, "y": {"z": 1}}}),
            json!({"m": {"y": {}}}),
            json!({"m": {"x": null, "y": {"z": null}}}),
        );
        check(json!({"l": [1, 2]}), json!({"l": [2]}), json!({"l": [2]}));
        check(
            json!({"m": {"x": 1}}),
            json!({"m": "text"}),
            json!({"m": "text"}),
        );
        check(
            json!({"m": "text"}),
            json!({"m": {"x": 1}}),
            json!({"m": {"x": 1}}),
        );
    }

    #[test]
    fn without_a_last_word_nothing_is_removed() {
        let new = json!({"a": {"b": [1]}});
        assert_eq!(patch(None, &new), new);
    }
}
