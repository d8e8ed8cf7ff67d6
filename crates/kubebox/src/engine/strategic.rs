//! Pure. Strategic merge patch: lists of built-in kinds are merged by key, with directives.

use serde_json::{Map, Value};

use super::error::ApiError;
use super::schema::Schema;

mod go;
mod lists;
#[cfg(test)]
mod tests;

use go::{print_map, type_of};

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder";
const DELETE: &str = "$deleteFromPrimitiveList";

/// Why a patch does not apply.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// A directive of the wrong form, which a real server calls the client's fault.
    Form(&'static str),
    /// Anything else, which it calls its own.
    Other(String),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Form(what) => Self::bad_request(format!("invalid patch format of {what}")),
            Refusal::Other(text) => Self::internal(text),
        }
    }
}

type Step<T> = Result<T, Refusal>;

fn other<T>(text: impl Into<String>) -> Step<T> {
    Err(Refusal::Other(text.into()))
}

/// Applies a patch by the schema's merge keys; `name` is that of the kind, for errors.
pub(crate) fn apply(
    schema: &Schema,
    name: &str,
    target: &mut Value,
    patch: Map<String, Value>,
) -> Step<()> {
    let place = Place {
        schema: Some(schema),
        name,
    };
    let mut map = match target.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let done = merge(place, &mut map, patch);
    *target = Value::Object(map);
    done
}

/// Where in the object a step is: the schema there, and the Go name of its struct.
#[derive(Clone, Copy)]
struct Place<'a> {
    schema: Option<&'a Schema>,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn field(self, key: &str) -> Place<'a> {
        let schema = self.schema.and_then(|s| s.field(key));
        let name = if key == "metadata" { "ObjectMeta" } else { "" };
        Place { schema, name }
    }

    /// The field, which must be there; a map takes any.
    fn known_field(self, key: &str) -> Step<Place<'a>> {
        let field = self.field(key);
        if field.schema.is_some() {
            return Ok(field);
        }
        other(format!(
            "unable to find api field in struct {} for the json field \"{key}\"",
            self.name
        ))
    }
}

fn merge(place: Place<'_>, target: &mut Map<String, Value>, patch: Map<String, Value>) -> Step<()> {
    let mut patch = patch;
    if let Some(directive) = patch.get(PATCH) {
        match directive.as_str() {
            Some("replace") => {
                patch.remove(PATCH);
                *target = patch;
            }
            Some("delete") => *target = Map::new(),
            _ => return bad_directive(directive, &patch),
        }
        return Ok(());
    }
    retain(target, &mut patch)?;
    order(place, target, &mut patch)?;
    for (key, value) in patch {
        let unlisted = key.strip_prefix(DELETE).map(|rest| {
            let named = rest.strip_prefix('/');
            named.ok_or(Refusal::Form("primitive list"))
        });
        match unlisted.transpose()? {
            Some(list) => remove_from(place, target, list, value)?,
            None => set(place, target, key, value)?,
        }
    }
    Ok(())
}

fn bad_directive<T>(directive: &Value, map: &Map<String, Value>) -> Step<T> {
    let text = match directive {
        Value::String(text) => text.clone(),
        wrong => go::wrong_text(wrong),
    };
    other(format!(
        "unknown patch type: {text} in map: {}",
        print_map(map)
    ))
}

/// `$retainKeys`: everything else goes.
fn retain(target: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Step<()> {
    let Some(keep) = patch.remove(RETAIN) else {
        return Ok(());
    };
    let refusal = Refusal::Form("retainKeys");
    let Value::Array(keep) = keep else {
        return Err(refusal);
    };
    let kept = |key: &str| keep.iter().any(|k| k == key);
    let exempt = |key: &str| key.starts_with(DELETE) || key.starts_with(ORDER);
    if patch
        .iter()
        .any(|(k, v)| !v.is_null() && !exempt(k) && !kept(k))
    {
        return Err(refusal);
    }
    target.retain(|key, _| kept(key));
    Ok(())
}

/// `$setElementOrder/…`: merges the lists that an order is given for.
fn order(
    place: Place<'_>,
    target: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Step<()> {
    let keys: Vec<String> = patch
        .keys()
        .filter(|k| k.starts_with(ORDER))
        .cloned()
        .collect();
    for key in keys {
        let wanted = list(patch.remove(&key).unwrap_or_default())?;
        let field = key[ORDER.len()..].strip_prefix('/');
        let field = field.ok_or(Refusal::Form("setElementOrder list"))?;
        let before = target.get(field).cloned().map(list).transpose()?;
        let new = patch.get(field).cloned().map(list).transpose()?;
        let inner = place.known_field(field)?;
        let ordered = lists::ordered(inner, before, new, &wanted)?;
        patch.remove(field);
        if let Some(ordered) = ordered {
            target.insert(field.to_owned(), Value::Array(ordered));
        }
    }
    Ok(())
}

fn list(value: Value) -> Step<Vec<Value>> {
    match value {
        Value::Array(list) => Ok(list),
        wrong => other(format!(
            "expected a []interface {{}}, but received a {}",
            type_of(&wrong)
        )),
    }
}

fn set(place: Place<'_>, target: &mut Map<String, Value>, key: String, value: Value) -> Step<()> {
    match (target.get_mut(&key), value) {
        (_, Value::Null) => {
            target.remove(&key);
        }
        (Some(Value::Object(inner)), Value::Object(patch)) => {
            merge(place.known_field(&key)?, inner, patch)?;
        }
        (Some(Value::Array(items)), Value::Array(patch)) => {
            let place = place.known_field(&key)?;
            let before = std::mem::take(items);
            *items = lists::merged(place, before, patch, false)?;
        }
        (found, mut fresh) => {
            // What stands for another type, or for nothing, is replaced as a whole.
            if found.is_none_or(|found| type_of(found) != type_of(&fresh)) {
                drop_nulls(&mut fresh);
            }
            match without_directives(fresh) {
                Some(fresh) => target.insert(key, fresh),
                None => target.remove(&key),
            };
        }
    }
    Ok(())
}

/// `$deleteFromPrimitiveList/…`
fn remove_from(
    place: Place<'_>,
    target: &mut Map<String, Value>,
    key: &str,
    value: Value,
) -> Step<()> {
    match (target.get_mut(key), value) {
        (_, Value::Null) => {
            target.remove(key);
        }
        (Some(Value::Array(items)), Value::Array(gone)) => {
            let place = place.known_field(key)?;
            let before = std::mem::take(items);
            *items = lists::merged(place, before, gone, true)?;
        }
        (Some(Value::Object(inner)), Value::Object(patch)) => {
            merge(place.known_field(key)?, inner, patch)?;
        }
        // The directive is meant for lists, but a real server takes it for anything of one type.
        (Some(found), fresh) if type_of(found) == type_of(&fresh) => *found = fresh,
        _ => {}
    }
    Ok(())
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A value without the maps that carry a `$patch`; none if it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(PATCH) => None,
        Value::Object(map) => {
            let kept = map.into_iter();
            let kept = kept.filter_map(|(k, v)| Some((k, without_directives(v)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(list) => {
            let kept = list.into_iter().filter_map(without_directives);
            Some(Value::Array(kept.collect()))
        }
        scalar => Some(scalar),
    }
}

fn no_merge_key<T>(item: &Map<String, Value>, key: &str) -> Step<T> {
    let item = print_map(item);
    other(format!(
        "map: {item} does not contain declared merge key: {key}"
    ))
}
