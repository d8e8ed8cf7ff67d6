//! Pure. JSON that holds secrets: taken apart without copies that stay behind, written as Go does.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidegate_contract::SecretValue;

use super::{Value, number};
use crate::buffer::Buffer;

/// Objects and arrays in each other, at most; it bounds the stack.
const MAX_DEPTH: usize = 256;

/// The entries of an object, sorted by key; their values still stand in the text.
#[derive(Default)]
pub(super) struct Object<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Object<'a> {
    /// Reads one object. A key that stands twice counts once, with its last value.
    ///
    /// # Errors
    /// When it is not JSON, or not an object; the text names the position only.
    pub(super) fn parse(value: &'a SecretValue) -> Result<Self, String> {
        Self::read(value.expose())
    }

    /// As [`Object::parse`]; `null` is an object without entries, as it is for Go.
    pub(super) fn parse_or_null(value: &'a SecretValue) -> Result<Self, String> {
        match value.expose().trim_ascii() {
            b"null" => Ok(Self::default()),
            _ => Self::parse(value),
        }
    }

    /// Takes over the entries of another; theirs win. Answers the first key that both have.
    pub(super) fn absorb(&mut self, other: Self) -> Option<String> {
        let mut both = None;
        for (key, raw) in other.0 {
            if both.is_none() && self.0.contains_key(&key) {
                both = Some(key.clone().into_owned());
            }
            self.0.insert(key, raw);
        }
        both
    }

    /// Written compactly and sorted, without HTML escapes.
    pub(super) fn plain(&self) -> Result<Value, String> {
        let written = |numbers| {
            let mut out = Buffer::with_capacity(256);
            object(
                self,
                Style {
                    numbers,
                    html: false,
                },
                MAX_DEPTH,
                &mut out,
            )?;
            Ok::<_, String>(out.into_value())
        };
        let (exact, legacy) = (written(Numbers::Exact)?, written(Numbers::Float)?);
        let legacy = (legacy != exact).then_some(legacy);
        Ok(Value { exact, legacy })
    }

    fn read(text: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| not_an_object(&error))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, raw)| (&**key, *raw))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.get(key).copied()
    }
}

/// Parser errors quote their input, so only kind and position are kept.
fn not_an_object(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Data => "a JSON object",
        Category::Io | Category::Syntax | Category::Eof => "JSON",
    };
    format!(
        "the value is not {what} (line {}, column {})",
        error.line(),
        error.column()
    )
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    entries.insert(key, raw);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// What a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

pub(super) fn kind(raw: &RawValue) -> Kind {
    match raw.get().as_bytes().first() {
        Some(b'"') => Kind::String,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// Elements of an array.
pub(super) fn elements(raw: &RawValue) -> Result<Vec<&RawValue>, String> {
    serde_json::from_str(raw.get()).map_err(|error| not_an_object(&error))
}

/// Members of an object.
pub(super) fn members(raw: &RawValue) -> Result<Object<'_>, String> {
    Object::read(raw.get().as_bytes())
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// As they stand.
    Literal,
    /// Integers as they stand, others as Go writes a float64.
    Exact,
    /// All as Go writes a float64, as ESO does.
    Float,
}

/// How JSON is written.
#[derive(Clone, Copy)]
struct Style {
    numbers: Numbers,
    /// Whether `<`, `>` and `&` are escaped.
    html: bool,
}

/// A whole object as Go writes it: sorted, compact, with `<`, `>` and `&` escaped.
///
/// # Errors
/// When it is no JSON object, or nested too deeply.
pub(super) fn canonical(value: &SecretValue) -> Result<SecretValue, String> {
    let mut out = Buffer::with_capacity(value.len());
    object(
        &Object::parse(value)?,
        Style {
            numbers: Numbers::Literal,
            html: true,
        },
        MAX_DEPTH,
        &mut out,
    )?;
    Ok(out.into_value())
}

/// One value of an object as ESO takes it out of Vault's: strings bare, null empty, objects and
/// arrays as Go writes them.
pub(super) fn bytes(raw: &RawValue) -> Result<Value, String> {
    let exact = text(raw, Numbers::Exact)?;
    let legacy = text(raw, Numbers::Float)?;
    let legacy = (legacy != exact).then_some(legacy);
    Ok(Value { exact, legacy })
}

/// One value, with numbers written as told.
pub(super) fn text(raw: &RawValue, numbers: Numbers) -> Result<SecretValue, String> {
    let mut out = Buffer::with_capacity(raw.get().len());
    match kind(raw) {
        Kind::Null => {}
        Kind::Bool => out.text(raw.get()),
        Kind::Number => match numbers {
            Numbers::Literal => out.text(raw.get()),
            Numbers::Exact if number::is_integer(raw.get()) => out.text(raw.get()),
            Numbers::Exact | Numbers::Float => out.text(&number::plain(raw.get())?),
        },
        Kind::String => unescape(raw.get(), &mut out),
        Kind::Array | Kind::Object => write(
            raw,
            Style {
                numbers,
                html: true,
            },
            MAX_DEPTH,
            &mut out,
        )?,
    }
    Ok(out.into_value())
}

/// One value as it stands: strings bare, null empty, everything else raw.
pub(super) fn raw_bytes(raw: &RawValue) -> Result<SecretValue, String> {
    let mut out = Buffer::with_capacity(raw.get().len());
    match kind(raw) {
        Kind::Null => {}
        Kind::String => unescape(raw.get(), &mut out),
        Kind::Bool | Kind::Number | Kind::Array | Kind::Object => out.text(raw.get()),
    }
    Ok(out.into_value())
}

fn write(raw: &RawValue, style: Style, depth: usize, out: &mut Buffer) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!(
            "the value is nested deeper than {MAX_DEPTH} levels"
        ));
    };
    match kind(raw) {
        Kind::Null | Kind::Bool => out.text(raw.get()),
        Kind::Number => match style.numbers {
            Numbers::Literal => out.text(raw.get()),
            Numbers::Exact if number::is_integer(raw.get()) => out.text(raw.get()),
            Numbers::Exact | Numbers::Float => out.text(&number::json(raw.get())?),
        },
        Kind::String => {
            let mut bare = Buffer::with_capacity(raw.get().len());
            unescape(raw.get(), &mut bare);
            escape(&bare.into_inner(), style.html, out);
        }
        Kind::Array => {
            out.text("[");
            for (position, element) in elements(raw)?.into_iter().enumerate() {
                if position > 0 {
                    out.text(",");
                }
                write(element, style, depth, out)?;
            }
            out.text("]");
        }
        Kind::Object => object(&members(raw)?, style, depth, out)?,
    }
    Ok(())
}

fn object(object: &Object<'_>, style: Style, depth: usize, out: &mut Buffer) -> Result<(), String> {
    out.text("{");
    for (position, (key, raw)) in object.entries().enumerate() {
        if position > 0 {
            out.text(",");
        }
        escape(key.as_bytes(), style.html, out);
        out.text(":");
        write(raw, style, depth, out)?;
    }
    out.text("}");
    Ok(())
}

/// Writes a string as Go does, with or without HTML escapes.
fn escape(text: &[u8], html: bool, out: &mut Buffer) {
    out.text("\"");
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => out.text("\\\""),
            b'\\' => out.text("\\\\"),
            b'\n' => out.text("\\n"),
            b'\r' => out.text("\\r"),
            b'\t' => out.text("\\t"),
            8 => out.text("\\b"),
            12 => out.text("\\f"),
            0..=31 => control(byte, out),
            b'<' | b'>' | b'&' if html => control(byte, out),
            // U+2028 and U+2029 end a line in JavaScript.
            0xe2 if matches!(tail, [0x80, 0xa8 | 0xa9, ..]) => {
                out.text(if tail[1] == 0xa8 {
                    "\\u2028"
                } else {
                    "\\u2029"
                });
                rest = &tail[2..];
            }
            _ => out.push(&[byte]),
        }
    }
    out.text("\"");
}

fn control(byte: u8, out: &mut Buffer) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.text("\\u00");
    out.push(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

/// Reads a JSON string that a parser has already accepted. Lone surrogates become U+FFFD, as in
/// Go.
fn unescape(quoted: &str, out: &mut Buffer) {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.text(&rest[..at]);
        let (code, length) = escaped(&rest[at + 1..]);
        out.char(code);
        rest = rest.get(at + 1 + length..).unwrap_or_default();
    }
    out.text(rest);
}

/// One escape after its backslash: the character and how many bytes it took.
fn escaped(text: &str) -> (char, usize) {
    match text.as_bytes().first() {
        Some(b'n') => ('\n', 1),
        Some(b'r') => ('\r', 1),
        Some(b't') => ('\t', 1),
        Some(b'b') => ('\u{8}', 1),
        Some(b'f') => ('\u{c}', 1),
        Some(b'u') => {
            let Some(high) = hex(text.get(1..5)) else {
                return (char::REPLACEMENT_CHARACTER, 5);
            };
            let low = (text.get(5..7) == Some("\\u")).then(|| hex(text.get(7..11)));
            match (high, low.flatten()) {
                (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (
                        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                        11,
                    )
                }
                _ => (
                    char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER),
                    5,
                ),
            }
        }
        // `"`, `\` and `/` stand for themselves.
        Some(other) => (char::from(*other), 1),
        None => (char::REPLACEMENT_CHARACTER, 0),
    }
}

fn hex(digits: Option<&str>) -> Option<u32> {
    u32::from_str_radix(digits?, 16).ok()
}
