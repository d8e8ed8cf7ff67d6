//! Pure. Iterates over the members of an object or the elements of an array.

use crate::{
    query::string_bool,
    scan::{Token, next_token, string_end, token_end},
    text::Text,
    value::{Kind, Value, decoded},
};

/// The members of a block, in order.
pub(crate) struct Members<'j> {
    json: &'j [u8],
    at: usize,
    keyed: bool,
}

/// A member of an object, or an element of an array.
pub(crate) struct Member<'j> {
    /// The key as it is written; empty in an array.
    pub(crate) key: &'j [u8],
    pub(crate) token: Token,
    /// The value as it is written.
    pub(crate) raw: &'j [u8],
}

impl<'j> Members<'j> {
    /// Iterates over the block that `json` begins with.
    pub(crate) fn of(json: &'j [u8]) -> Self {
        Self {
            json,
            at: 1,
            keyed: json.first() == Some(&b'{'),
        }
    }
}

impl<'j> Iterator for Members<'j> {
    type Item = Member<'j>;

    fn next(&mut self) -> Option<Member<'j>> {
        let mut key: &[u8] = b"";
        if self.keyed {
            let rest = self.json.get(self.at..)?;
            let start = self.at + rest.iter().position(|b| *b == b'"')?;
            let end = string_end(self.json, start + 1)?;
            key = self.json.get(start..end)?;
            self.at = end;
        }
        let (token, start) = next_token(self.json, self.at)?;
        let end = token_end(self.json, start, token)?;
        // The byte after a value is taken for a comma.
        self.at = end + 1;
        Some(Member {
            key,
            token,
            raw: self.json.get(start..end)?,
        })
    }
}

impl<'j> Member<'j> {
    /// Returns the value.
    pub(crate) fn value(&self) -> Value<'j> {
        Value::new(Kind::from(self.token), Text::part(self.raw))
    }

    pub(crate) fn is_array(&self) -> bool {
        self.raw.first() == Some(&b'[')
    }

    pub(crate) fn is_object(&self) -> bool {
        self.raw.first() == Some(&b'{')
    }
}

/// Returns the options in a modifier's argument: the members of an object.
pub(crate) fn options(argument: &[u8]) -> impl Iterator<Item = (Text<'_>, Value<'_>)> {
    let start = argument.iter().position(|b| *b > b' ').unwrap_or_default();
    let object = argument
        .get(start..)
        .filter(|json| json.first() == Some(&b'{'));
    let members = object.map(Members::of);
    members
        .into_iter()
        .flatten()
        .map(|member| (decoded(member.key), member.value()))
}

/// Says whether the option `name` is given and true, the last one counting.
pub(crate) fn flag(argument: &[u8], name: &[u8]) -> bool {
    options(argument)
        .filter(|(key, _)| **key == *name)
        .last()
        .is_some_and(|(_, v)| truth(&v))
}

/// Reads a value as a boolean, as Go's `Result.Bool()` does.
pub(crate) fn truth(value: &Value<'_>) -> bool {
    match value.kind() {
        Kind::True => true,
        Kind::String => string_bool(&value.text()) == Some(true),
        Kind::Number => value.number() != 0.0,
        Kind::Null | Kind::False | Kind::Json => false,
    }
}
