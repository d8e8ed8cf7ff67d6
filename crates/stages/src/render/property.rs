//! Pure. One property of a remote value: exact keys and gjson paths, in the provider's order.

use serde_json::value::RawValue;
use tidegate_contract::SecretValue;

use super::json::{self, Kind, Numbers, Object};
use super::{Dialect, number};

/// Looks a property up; `None` when a well-formed value lacks it.
///
/// Vault's values are maps: an exact key wins over a path (2.8 of ESO's behaviour). Others know
/// paths only.
///
/// # Errors
/// When the value is no JSON object or the path costs too much; the text is free of values.
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
    let found = gjson::try_get(value.expose(), property);
    let found =
        found.map_err(|_| format!("the property {property:?} costs too much to look up"))?;
    if !found.exists() {
        return Ok(None);
    }
    match serde_json::from_slice::<&RawValue>(found.raw()) {
        Ok(raw) => render(dialect, raw).map(Some),
        // A path can end in something that is no JSON by itself, such as a bare literal.
        Err(_) => Ok(Some(SecretValue::new(found.text().to_vec()))),
    }
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
