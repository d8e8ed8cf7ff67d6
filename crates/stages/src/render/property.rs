//! Pure. One property of a remote value: exact keys and dotted paths, in the provider's order.

use serde_json::value::RawValue;
use tidegate_contract::SecretValue;

use super::json::{self, Kind, Numbers, Object};
use super::{Dialect, number};

/// Looks a property up; `None` when a well-formed value lacks it.
///
/// The one seam to the path language: what is not an exact key is a path of keys and array
/// positions, with `\.` for a dot within a key.
///
/// # Errors
/// When the value is no JSON object; the text names the position only.
pub(super) fn lookup(
    dialect: Dialect,
    value: &SecretValue,
    property: &str,
) -> Result<Option<SecretValue>, String> {
    let object = Object::parse(value)?;
    if dialect == Dialect::Object
        && let Some(raw) = object.get(property)
    {
        return json::text(raw, Numbers::Literal).map(Some);
    }
    let mut parts = split(property).into_iter();
    let first = parts.next().and_then(|part| object.get(&part));
    let mut found = first;
    for part in parts {
        let Some(raw) = found else { return Ok(None) };
        found = step(raw, &part)?;
    }
    found.map(|raw| render(dialect, raw)).transpose()
}

fn step<'a>(raw: &'a RawValue, part: &str) -> Result<Option<&'a RawValue>, String> {
    Ok(match json::kind(raw) {
        Kind::Object => json::members(raw)?.get(part),
        Kind::Array => match part.parse::<usize>() {
            Ok(position) => json::elements(raw)?.get(position).copied(),
            Err(_) => None,
        },
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => None,
    })
}

/// A result of a path: integers as they stand, other numbers without exponent.
fn render(dialect: Dialect, raw: &RawValue) -> Result<SecretValue, String> {
    match (json::kind(raw), dialect) {
        (Kind::Number, _) if !number::is_integer(raw.get()) => {
            number::plain(raw.get()).map(SecretValue::from)
        }
        (_, Dialect::Object) => json::text(raw, Numbers::Literal),
        (_, Dialect::Raw) => json::raw_bytes(raw),
    }
}

/// Splits at dots that no backslash escapes.
fn split(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => parts.push(String::new()),
            c => {
                let c = if c == '\\' {
                    chars.next().unwrap_or(c)
                } else {
                    c
                };
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    parts
}
