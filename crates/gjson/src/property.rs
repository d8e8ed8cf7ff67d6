//! Pure. The order in which each provider of the External Secrets Operator looks a property up.

use std::fmt;

use crate::{
    budget::LimitError,
    get_escaped,
    members::Members,
    text::Text,
    try_get, valid,
    value::{Value, decoded},
};

/// How a provider reads `property`. Dots count in two ways: as separators of a path, and as
/// part of a key's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lookup {
    /// A path (fake, and most others).
    Path,
    /// The top-level key of exactly this name; else a path (vault). Vault's provider keeps a
    /// number under such a key as it is written: that is [`Value::raw`].
    ExactThenPath,
    /// With a dot in it: dots as part of the name first; then a path (aws).
    EscapedThenPath,
    /// Like [`Lookup::EscapedThenPath`], but a leading dot alone doesn't count, and the
    /// document must be valid JSON (gcp).
    InnerEscapedThenPath,
    /// A path; then, with a dot in it, dots as part of the name (azure).
    PathThenEscaped,
    /// The top-level key of exactly this name; else, split at the first dot, a path inside
    /// the JSON that the string of that key holds (kubernetes).
    ///
    /// The document is an object of strings: the data of a Secret, where that is text;
    /// [`property_in_data`] takes any data.
    KeyThenPathInValue,
}

/// Says why a property could not be looked up; never what the document holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyError {
    /// The document isn't valid JSON, and the provider needs it to be.
    InvalidJson,
    /// The property costs more than any reasonable one: nothing is known of its presence.
    Limit(LimitError),
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidJson => f.write_str("document is not valid JSON"),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

impl std::error::Error for PropertyError {}

impl From<LimitError> for PropertyError {
    fn from(limit: LimitError) -> Self {
        Self::Limit(limit)
    }
}

/// Looks `property` up in `json` in the order of `lookup`; `None` if it isn't there.
///
/// # Errors
/// [`PropertyError`] where absence can't be told: callers must not take it for one.
pub fn property<'a>(
    lookup: Lookup,
    json: &'a [u8],
    property: &str,
) -> Result<Option<Value<'a>>, PropertyError> {
    let path = || try_get(json, property);
    let escaped = || get_escaped(json, property);
    let value = match lookup {
        Lookup::Path => path()?,
        Lookup::ExactThenPath => match exact(json, property) {
            Some(value) => value,
            None => path()?,
        },
        Lookup::EscapedThenPath => {
            let first = if property.contains('.') {
                escaped()?
            } else {
                Value::default()
            };
            if first.exists() { first } else { path()? }
        }
        Lookup::InnerEscapedThenPath => {
            if !valid::is_valid(json) {
                return Err(PropertyError::InvalidJson);
            }
            let inner = property.find('.').is_some_and(|at| at > 0);
            let first = if inner { escaped()? } else { Value::default() };
            if first.exists() { first } else { path()? }
        }
        Lookup::PathThenEscaped => {
            let first = path()?;
            if first.exists() || !property.contains('.') {
                first
            } else {
                escaped()?
            }
        }
        Lookup::KeyThenPathInValue => key_then_path(json, property)?,
    };
    Ok(value.exists().then_some(value))
}

/// Looks `property` up in the data of a Secret, which `entry` gives by key and which need not
/// be text: the entry of exactly that name; else, split at the first dot, a path inside the
/// JSON that an entry holds (kubernetes). `None` if it isn't there.
///
/// # Errors
/// [`PropertyError::Limit`] like [`property`].
pub fn property_in_data<'a>(
    entry: impl Fn(&str) -> Option<&'a [u8]>,
    property: &str,
) -> Result<Option<Text<'a>>, PropertyError> {
    if let Some(value) = entry(property) {
        return Ok(Some(Text::part(value)));
    }
    let split = property.split_once('.');
    let Some((value, path)) = split.and_then(|(key, path)| Some((entry(key)?, path))) else {
        return Ok(None);
    };
    let found = try_get(value, path)?;
    Ok(found.exists().then(|| found.into_text()))
}

/// Returns the member of the top-level object whose key is `name`: the last, as JSON decoders
/// do.
fn exact<'a>(json: &'a [u8], name: &str) -> Option<Value<'a>> {
    let start = json.iter().position(|b| *b > b' ')?;
    let object = json
        .get(start..)
        .filter(|json| json.first() == Some(&b'{'))?;
    let named = Members::of(object).filter(|member| *decoded(member.key) == *name.as_bytes());
    named.last().map(|member| member.value())
}

fn key_then_path<'a>(json: &'a [u8], property: &str) -> Result<Value<'a>, LimitError> {
    if let Some(value) = exact(json, property) {
        return Ok(value);
    }
    let Some((key, path)) = property.split_once('.') else {
        return Ok(Value::default());
    };
    let Some(value) = exact(json, key) else {
        return Ok(Value::default());
    };
    Ok(match value.into_text().split() {
        Ok(part) => try_get(part, path)?,
        Err(buf) => try_get(&buf, path)?.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = br#"{
        "a": {"b": "path", "c.d": "dotted"},
        "a.b": "name",
        ".a": "leading",
        "x.y": "only name",
        "n": null,
        "twice": 1, "twice": 2,
        "file": "{\"user\":{\"na.me\":1.50}}",
        "esc\u0061ped": "k"
    }"#;

    fn check(lookup: Lookup, name: &str, expected: Option<&str>) {
        let found = property(lookup, JSON, name);
        let found = found.expect("the document is valid and the property short");
        let text = found.map(|value| String::from_utf8(value.text().to_vec()).expect("UTF-8"));
        assert_eq!(text.as_deref(), expected, "{lookup:?} {name}");
    }

    #[test]
    fn each_order_finds_what_its_provider_finds() {
        use Lookup::*;
        check(Path, "a.b", Some("path"));
        check(Path, "x.y", None);
        check(Path, "n", Some(""));
        check(Path, "twice", Some("1"));

        check(ExactThenPath, "a.b", Some("name"));
        check(ExactThenPath, "x.y", Some("only name"));
        check(ExactThenPath, "a.c\\.d", Some("dotted"));
        check(ExactThenPath, "twice", Some("2"));
        check(ExactThenPath, "escaped", Some("k"));
        check(ExactThenPath, "tw*", Some("1"));

        check(EscapedThenPath, "a.b", Some("name"));
        check(EscapedThenPath, ".a", Some("leading"));
        check(EscapedThenPath, "twice", Some("1"));
        check(EscapedThenPath, "a.zz", None);

        check(InnerEscapedThenPath, "a.b", Some("name"));
        check(InnerEscapedThenPath, ".a", None);

        check(PathThenEscaped, "a.b", Some("path"));
        check(PathThenEscaped, "x.y", Some("only name"));
        check(PathThenEscaped, "zz", None);

        check(KeyThenPathInValue, "a.b", Some("name"));
        check(KeyThenPathInValue, "file.user.na\\.me", Some("1.5"));
        check(KeyThenPathInValue, "file.zz", None);
        check(
            KeyThenPathInValue,
            "file",
            Some(r#"{"user":{"na.me":1.50}}"#),
        );
        check(KeyThenPathInValue, "tw*", None);
        check(KeyThenPathInValue, "zz.user", None);
    }

    #[test]
    fn data_need_not_be_text() {
        let data = |key: &str| match key {
            "cert.der" => Some(b"\xff\x00\x01".as_slice()),
            "conf" => Some(br#"{"a":{"b":"\u0041"},"n":2.50}"#.as_slice()),
            _ => None,
        };
        let check = |name: &str, expected: Option<&[u8]>| {
            let found = property_in_data(data, name).expect("the property is short");
            assert_eq!(found.as_deref(), expected, "{name}");
        };
        check("cert.der", Some(b"\xff\x00\x01"));
        check("conf.a.b", Some(b"A"));
        check("conf.n", Some(b"2.5"));
        check("conf.zz", None);
        check("cert.zz", None);
        check("con*.n", None);
        check("zz", None);
    }

    #[test]
    fn one_order_needs_valid_json() {
        let broken = br#"{"a":1"#;
        let strict = property(Lookup::InnerEscapedThenPath, broken, "a");
        assert_eq!(strict.err(), Some(PropertyError::InvalidJson));
        let lenient = property(Lookup::Path, broken, "a");
        assert!(lenient.is_ok_and(|value| value.is_some()));
    }

    #[test]
    fn a_limit_is_not_an_absence() {
        let path = "[".repeat(1000) + &"]".repeat(1000);
        for lookup in [Lookup::Path, Lookup::ExactThenPath, Lookup::PathThenEscaped] {
            let found = property(lookup, b"{}", &path);
            assert_eq!(found.err(), Some(PropertyError::Limit(LimitError::Depth)));
        }
    }
}
