//! Pure. Making values from Rust's types and reading them back.
use super::{List, Map, Value};
use crate::bytes::Str;
use crate::ty::Ty;

static ANY: Ty = Ty::Any;
static STR: Ty = Ty::Str;

impl Value {
    /// A `map[string]string`, which is what the root of a template's data is for ESO.
    pub fn strings<K: Into<Str>, V: Into<Str>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(k, v)| (k.into(), Self::Str(v.into())))
            .collect();
        Self::Map(Map::new(&STR, entries))
    }

    /// A `map[string]interface {}`.
    pub fn map<K: Into<Str>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(Map::new(
            &ANY,
            entries.into_iter().map(|(k, v)| (k.into(), v)).collect(),
        ))
    }

    /// A `[]interface {}`.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(List::new(&ANY, items.into_iter().collect()))
    }

    /// The bytes of a string; empty for every other kind.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Str(s) => s.as_bytes(),
            _ => &[],
        }
    }

    /// The number of a signed integer; 0 for every other kind.
    pub fn as_int(&self) -> i64 {
        match self {
            Self::Int(n, _) => *n,
            _ => 0,
        }
    }

    /// The text of a string, with U+FFFD for what is not UTF-8.
    pub(crate) fn to_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<f64> for Value {
    fn from(f: f64) -> Self {
        Self::Float(f)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}
