//! Pure. Strategic merge patch: lists of built-in kinds are merged by key, with directives.

use serde_json::{Map, Value};

use super::schema::Schema;

type Step<T> = Result<T, String>;

/// Applies a patch by the schema's merge keys.
pub(crate) fn apply(schema: Option<&Schema>, target: &mut Value, patch: &Value) -> Step<()> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    match patch.get("$patch").and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            *target = Value::Object(without_directives(patch));
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        // Without anything to merge with, the real server does not look at the directive.
        Some(_) if target.is_null() => {
            *target = Value::Object(without_directives(patch));
            return Ok(());
        }
        Some(other) => {
            let map: Vec<String> = patch
                .iter()
                .map(|(k, v)| format!("{k}:{}", go(v)))
                .collect();
            let map = map.join(" ");
            return Err(format!("unknown patch type: {other} in map: map[{map}]"));
        }
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else {
        return Ok(());
    };
    if let Some(Value::Array(keep)) = patch.get("$retainKeys") {
        map.retain(|k, _| keep.iter().any(|v| v == k.as_str()));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            delete_scalars(map.get_mut(list), value);
            continue;
        }
        // The order that clients wish for does not change what is stored here.
        if key.starts_with('$') {
            continue;
        }
        if value.is_null() {
            map.remove(key);
            continue;
        }
        // Nothing but directives, and nothing that they could act upon.
        let bare = |v: &Map<String, Value>| v.keys().all(|k| k.starts_with('$')) && !v.is_empty();
        if !map.contains_key(key) && value.as_object().is_some_and(bare) {
            continue;
        }
        let inner = schema.and_then(|s| s.field(key));
        let slot = map.entry(key.clone()).or_insert(Value::Null);
        match value {
            Value::Object(_) => apply(inner, slot, value)?,
            Value::Array(items) => lists(inner, slot, items)?,
            scalar => *slot = scalar.clone(),
        }
    }
    Ok(())
}

/// A value as Go prints it; only directives show, never what a client wants to store.
fn go(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| "...".to_owned(), str::to_owned)
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(k, _)| !k.starts_with('$'))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn delete_scalars(list: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(list)), Value::Array(gone)) = (list, gone) {
        list.retain(|v| !gone.contains(v));
    }
}

fn lists(schema: Option<&Schema>, slot: &mut Value, patch: &[Value]) -> Step<()> {
    let merge_key = schema.and_then(|s| s.merge_key.as_deref());
    let merge_scalars = merge_key.is_none() && schema.is_some_and(|s| s.merge_list);
    let replace = patch.iter().any(|i| i["$patch"] == "replace");
    if !slot.is_array() || replace || (merge_key.is_none() && !merge_scalars) {
        let kept = patch.iter().filter(|i| i.get("$patch").is_none());
        let old = if replace {
            None
        } else {
            slot.as_array().filter(|_| merge_key.is_some())
        };
        *slot = Value::Array(old.into_iter().flatten().chain(kept).cloned().collect());
        return Ok(());
    }
    let Value::Array(list) = slot else {
        return Ok(());
    };
    let before = list.clone();
    merge_list(schema, merge_key, list, patch)?;
    reorder(merge_key, list, &before, patch);
    Ok(())
}

/// Items of the patch come in its order; the others keep their place among those that were there.
fn reorder(key: Option<&str>, list: &mut Vec<Value>, before: &[Value], patch: &[Value]) {
    let id = |item: &Value| match key {
        Some(key) => item.get(key).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let wanted: Vec<Value> = patch.iter().map(id).collect();
    let old: Vec<Value> = before.iter().map(id).collect();
    let place = |item: &Value| old.iter().position(|o| *o == id(item));
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        list.drain(..).partition(|item| wanted.contains(&id(item)));
    named.sort_by_key(|item| wanted.iter().position(|w| *w == id(item)));
    let mut others = others.into_iter().peekable();
    for item in named {
        while let (Some(at), Some(other)) = (place(&item), others.peek()) {
            if place(other).is_none_or(|o| o >= at) {
                break;
            }
            list.extend(others.next());
        }
        list.push(item);
    }
    list.extend(others);
}

fn merge_list(
    schema: Option<&Schema>,
    merge_key: Option<&str>,
    list: &mut Vec<Value>,
    patch: &[Value],
) -> Step<()> {
    let Some(key) = merge_key else {
        let new: Vec<Value> = patch
            .iter()
            .filter(|v| !list.contains(v))
            .cloned()
            .collect();
        list.extend(new);
        return Ok(());
    };
    for item in patch {
        let id = item
            .get(key)
            .ok_or_else(|| format!("map: {item} does not contain declared merge key: {key}"))?;
        let at = list.iter().position(|i| i.get(key) == Some(id));
        if item["$patch"] == "delete" {
            list.retain(|i| i.get(key) != Some(id));
            continue;
        }
        match at {
            Some(at) => {
                apply(schema.and_then(|s| s.items.as_deref()), &mut list[at], item)?;
            }
            None => list.push(match item {
                Value::Object(map) => Value::Object(without_directives(map)),
                other => other.clone(),
            }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::registry::Registry;
    use serde_json::json;

    fn check(object: Value, patch: Value, expected: Value) {
        let registry = Registry::builtin();
        let schema = &registry.get("", "serviceaccounts").unwrap().versions[0].schema;
        let mut object = object;
        apply(Some(schema), &mut object, &patch).unwrap();
        assert_eq!(object, expected);
    }

    #[test]
    fn lists_are_merged_by_their_key() {
        let owners = |uids: &[&str]| -> Value {
            let list: Vec<Value> = uids
                .iter()
                .map(|u| json!({"uid": u, "name": "n"}))
                .collect();
            json!({"metadata": {"ownerReferences": list}})
        };
        check(owners(&["a"]), owners(&["b"]), owners(&["b", "a"]));
        check(
            owners(&["a", "b", "c"]),
            owners(&["c"]),
            owners(&["a", "b", "c"]),
        );
        check(
            owners(&["a", "b"]),
            json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "a"}]}}),
            owners(&["b"]),
        );
        check(
            owners(&["a"]),
            json!({"metadata": {"ownerReferences": [{"uid": "a", "name": "m"}]}}),
            json!({"metadata": {"ownerReferences": [{"uid": "a", "name": "m"}]}}),
        );
    }

    #[test]
    fn scalar_lists_maps_and_directives() {
        let with = |f: Value| json!({"metadata": {"finalizers": f}});
        check(
            with(json!(["a"])),
            with(json!(["b", "a"])),
            with(json!(["b", "a"])),
        );
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"],
            "$setElementOrder/finalizers": ["b"]}});
        check(with(json!(["a", "b"])), patch, with(json!(["b"])));
        check(
            json!({"metadata": {"labels": {"a": "1", "b": "2"}}}),
            json!({"metadata": {"labels": {"a": null, "c": "3"}}}),
            json!({"metadata": {"labels": {"b": "2", "c": "3"}}}),
        );
        check(
            json!({"metadata": {"labels": {"a": "1"}}}),
            json!({"metadata": {"labels": {"$patch": "replace", "c": "3"}}}),
            json!({"metadata": {"labels": {"c": "3"}}}),
        );
        check(
            json!({"imagePullSecrets": [{"name": "a"}]}),
            json!({"imagePullSecrets": [{"name": "b"}]}),
            json!({"imagePullSecrets": [{"name": "b"}, {"name": "a"}]}),
        );
    }
}
