//! Pure. A Secret as it may be shown: its own words, without what only the API adds; values by
//! their length unless they are asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tidegate_api::names;

/// Metadata that a Secret is shown with.
const SHOWN: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// The Secret without status and bookkeeping. Unless `reveal`, values become their lengths, and
/// so do labels and annotations that a template may have made of values: those that the object
/// that made the Secret does not spell out.
#[must_use]
pub fn shown(secret: &Value, declared: &Value, reveal: bool) -> Value {
    let mut metadata = Map::new();
    for field in SHOWN {
        if let Some(value) = secret["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut data = secret["data"].clone();
    if !reveal {
        for field in ["labels", "annotations"] {
            let spelled = &declared["spec"]["target"]["template"]["metadata"][field];
            let inherited = &declared["metadata"][field];
            for (key, value) in entries(metadata.get_mut(field)) {
                let known = spelled.get(key) == Some(value) || inherited.get(key) == Some(value);
                if !(known || is_ours(key)) {
                    *value = redacted(value.as_str().map_or(0, str::len));
                }
            }
        }
        for (_, value) in entries(Some(&mut data)) {
            *value = redacted(length(value));
        }
    }
    let mut shown = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": secret["type"],
        "data": data,
    });
    if secret["immutable"] == true {
        shown["immutable"] = true.into();
    }
    shown
}

/// Keys and lengths in bytes of a Secret's values.
#[must_use]
pub fn lengths(secret: &Value) -> Vec<(String, usize)> {
    let data = secret["data"].as_object().into_iter().flatten();
    data.map(|(key, value)| (key.clone(), length(value)))
        .collect()
}

fn entries(object: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    let map = object.and_then(Value::as_object_mut);
    map.into_iter().flatten()
}

/// Marks of the controller: no template makes them. The hash of the data is not among them, for
/// a short value can be found by trying.
fn is_ours(key: &str) -> bool {
    [names::MANAGED_LABEL, names::CREATED_BY_LABEL].contains(&key)
}

fn redacted(bytes: usize) -> Value {
    format!("<redacted, {bytes} bytes>").into()
}

fn length(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    STANDARD.decode(text).map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Value {
        json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": "app", "namespace": "team", "uid": "u", "resourceVersion": "3",
                "labels": { names::MANAGED_LABEL: "true", "plan": "gold", "made": "hunter2" },
                "annotations": { names::DATA_HASH_ANNOTATION: "abc", "note": "plain" },
                "managedFields": [{}], "ownerReferences": [{}] },
            "data": { "password": "aHVudGVyMg==", "empty": "" } })
    }

    fn declared() -> Value {
        json!({ "spec": { "target": { "template": { "metadata": {
            "labels": { "plan": "gold", "made": "{{ .password }}" },
            "annotations": { "note": "plain" } } } } } })
    }

    #[test]
    fn nothing_of_a_value_is_left() {
        let shown = shown(&secret(), &declared(), false);
        let text = shown.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
            "{text}"
        );
        assert!(
            !text.contains("abc"),
            "the hash of a short value tells it: {text}"
        );
        assert_eq!(shown["data"]["password"], "<redacted, 7 bytes>");
        assert_eq!(shown["data"]["empty"], "<redacted, 0 bytes>");
        assert_eq!(shown["metadata"]["labels"]["made"], "<redacted, 7 bytes>");
        assert_eq!(shown["metadata"]["labels"]["plan"], "gold");
        assert_eq!(shown["metadata"]["labels"][names::MANAGED_LABEL], "true");
        assert_eq!(shown["metadata"]["annotations"]["note"], "plain");
    }

    #[test]
    fn revealed_it_can_be_applied_elsewhere() {
        let shown = shown(&secret(), &declared(), true);
        assert_eq!(shown["data"], secret()["data"]);
        assert_eq!(shown["metadata"]["labels"], secret()["metadata"]["labels"]);
        for field in ["uid", "resourceVersion", "managedFields", "ownerReferences"] {
            assert_eq!(shown["metadata"][field], Value::Null, "{field}");
        }
    }

    #[test]
    fn lengths_are_those_of_the_values() {
        let expected = [("empty".to_owned(), 0), ("password".to_owned(), 7)];
        assert_eq!(lengths(&secret()), expected);
    }
}
