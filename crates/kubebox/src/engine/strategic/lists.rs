//! Pure. Lists under a strategic merge patch: by key, as sets, or replaced; and their order.

use serde_json::{Map, Value};

use super::go::{print_list, type_of};
use super::{
    PATCH, Place, Refusal, Step, bad_directive, merge, no_merge_key, other, without_directives,
};

/// Merges two lists as the field's strategy says; `delete` takes scalars away instead.
pub(super) fn merged(
    place: Place<'_>,
    before: Vec<Value>,
    patch: Vec<Value>,
    delete: bool,
) -> Step<Vec<Value>> {
    let key = place.schema.and_then(|s| s.merge_key.as_deref());
    let merges = key.is_some() || place.schema.is_some_and(|s| s.merge_list);
    if !merges && !delete {
        return Ok(patch);
    }
    if before.is_empty() && patch.is_empty() {
        return Ok(before);
    }
    if !holds_maps(&before, &patch)? {
        if delete {
            return Ok(before.into_iter().filter(|v| !patch.contains(v)).collect());
        }
        let all = distinct(before.iter().chain(&patch).cloned().collect());
        return arrange(None, all, &patch, &before);
    }
    let Some(key) = key else {
        let name = place.name;
        return other(format!("cannot merge lists without merge key for {name}"));
    };
    let (before, patch) = directives(key, before, patch)?;
    let merged = by_key(place, key, before.clone(), &patch)?;
    arrange(Some(key), merged, &patch, &before)
}

/// Merges two lists and puts the result into an order that was asked for; none where there is
/// no list.
pub(super) fn ordered(
    place: Place<'_>,
    before: Option<Vec<Value>>,
    patch: Option<Vec<Value>>,
    wanted: &[Value],
) -> Step<Option<Vec<Value>>> {
    let key = place.schema.and_then(|s| s.merge_key.as_deref());
    same_order(key, patch.as_deref().unwrap_or_default(), wanted)?;
    let old = before.clone().unwrap_or_default();
    let new = patch.clone().unwrap_or_default();
    let merged = match (before, patch) {
        (None, None) => return Ok(None),
        (Some(before), None) => before,
        (None, Some(patch)) => patch.into_iter().filter_map(without_directives).collect(),
        (Some(before), Some(patch)) => merged(place, before, patch, false)?,
    };
    if old.is_empty() && new.is_empty() {
        return other("no elements in any of the given slices");
    }
    holds_maps(&old, &new)?;
    arrange(key, merged, wanted, &old).map(Some)
}

/// Whether the lists hold maps; all items must be of one type, which is no list.
fn holds_maps(before: &[Value], patch: &[Value]) -> Step<bool> {
    let mut all = before.iter().chain(patch);
    let Some(first) = all.next() else {
        return Ok(false);
    };
    if first.is_array() {
        return other("lists of lists are not supported");
    }
    if all.any(|item| type_of(item) != type_of(first)) {
        let (before, patch) = (print_list(before), print_list(patch));
        return other(format!(
            "list element types are not identical: [{before} {patch}]"
        ));
    }
    Ok(first.is_object())
}

/// Each scalar once. What stands twice makes room for the last of all, as on a real server.
fn distinct(mut all: Vec<Value>) -> Vec<Value> {
    let mut at = 0;
    while at < all.len() {
        let mut next = at + 1;
        while next < all.len() {
            if all[at] == all[next] {
                all.swap_remove(next);
            } else {
                next += 1;
            }
        }
        at += 1;
    }
    all
}

/// Carries out what `$patch` in items says; gives what is left of both lists.
fn directives(
    key: &str,
    mut before: Vec<Value>,
    patch: Vec<Value>,
) -> Step<(Vec<Value>, Vec<Value>)> {
    let mut rest = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let Some(directive) = item.get(PATCH) else {
            rest.push(item);
            continue;
        };
        let map = as_map(&item);
        match directive.as_str() {
            Some("delete") => {
                let Some(gone) = map.get(key) else {
                    return no_merge_key(map, key);
                };
                before.retain(|old| old.get(key) != Some(gone));
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return other("merging lists cannot yet be specified in the patch");
            }
            _ => return bad_directive(directive, map),
        }
    }
    Ok(if replace {
        (rest, Vec::new())
    } else {
        (before, rest)
    })
}

fn as_map(item: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    item.as_object().unwrap_or(&EMPTY)
}

fn by_key(place: Place<'_>, key: &str, mut items: Vec<Value>, patch: &[Value]) -> Step<Vec<Value>> {
    let inner = Place {
        schema: place.schema.and_then(|s| s.items.as_deref()),
        name: "",
    };
    for item in patch {
        let map = as_map(item);
        let Some(id) = map.get(key) else {
            return no_merge_key(map, key);
        };
        match items.iter_mut().find(|old| old.get(key) == Some(id)) {
            Some(Value::Object(old)) => merge(inner, old, map.clone())?,
            _ => items.push(item.clone()),
        }
    }
    Ok(items)
}

/// Items that the wanted order names come in it; the others keep their place among those that
/// were there before.
fn arrange(
    key: Option<&str>,
    list: Vec<Value>,
    wanted: &[Value],
    before: &[Value],
) -> Step<Vec<Value>> {
    if let Some(key) = key {
        for item in list.iter().chain(wanted) {
            if item.get(key).is_none() {
                return no_merge_key(as_map(item), key);
            }
        }
    }
    let id = |item: &Value| match key {
        Some(key) => item.get(key).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let place = |order: &[Value], item: &Value| {
        let wanted = id(item);
        order.iter().position(|o| id(o) == wanted)
    };
    let (mut named, mut others): (Vec<Value>, Vec<Value>) = list
        .into_iter()
        .partition(|item| place(wanted, item).is_some());
    named.sort_by_key(|item| place(wanted, item));
    others.sort_by_key(|item| place(before, item));
    let mut others = others.into_iter().peekable();
    let mut out = Vec::new();
    for item in named {
        while let (Some(at), Some(next)) = (place(before, &item), others.peek()) {
            if place(before, next).is_none_or(|o| o >= at) {
                break;
            }
            out.extend(others.next());
        }
        out.push(item);
    }
    out.extend(others);
    Ok(out)
}

/// The items of a patch must come in the order that it asks for.
fn same_order(key: Option<&str>, patch: &[Value], wanted: &[Value]) -> Step<()> {
    if patch.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let mut places = wanted.iter();
    for item in patch.iter().filter(|item| item.get(PATCH).is_none()) {
        let mut found = false;
        for place in places.by_ref() {
            found = match key {
                Some(key) => match (as_map(item).get(key), as_map(place).get(key)) {
                    (None, _) => return no_merge_key(as_map(item), key),
                    (_, None) => return no_merge_key(as_map(place), key),
                    (left, right) => left == right,
                },
                None => item == place,
            };
            if found {
                break;
            }
        }
        if !found {
            let (patch, wanted) = (print_list(patch), print_list(wanted));
            return Err(Refusal::Other(format!(
                "The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n\
                 {wanted}\n"
            )));
        }
    }
    Ok(())
}
