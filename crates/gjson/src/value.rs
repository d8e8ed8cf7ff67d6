//! Pure. What a look-up finds, and how Go would print it.

use std::fmt;

use crate::{
    number,
    scan::{Token, quote_or_backslash, string_end, token_at, token_end},
    string,
    text::{Buf, Text},
};

/// The type of a value, as Go's `gjson.Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// `null`, or nothing at all: [`Value::exists`] tells them apart.
    #[default]
    Null,
    /// `false`.
    False,
    /// A number.
    Number,
    /// A string.
    String,
    /// `true`.
    True,
    /// An object or an array.
    Json,
}

impl From<Token> for Kind {
    fn from(token: Token) -> Self {
        match token {
            Token::Null => Self::Null,
            Token::False => Self::False,
            Token::True => Self::True,
            Token::Number => Self::Number,
            Token::String => Self::String,
            Token::Json => Self::Json,
        }
    }
}

/// The result of a look-up, by default nothing.
#[derive(Default)]
pub struct Value<'a> {
    kind: Kind,
    raw: Text<'a>,
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::part(b"")
    }
}

impl<'a> Value<'a> {
    pub(crate) fn new(kind: Kind, raw: Text<'a>) -> Self {
        Self { kind, raw }
    }

    pub(crate) fn json(buf: Buf) -> Self {
        Self::new(Kind::Json, Text::owned(buf))
    }

    /// Reads the value a document begins with. An object or array takes all that follows it.
    pub(crate) fn parse(json: &'a [u8]) -> Self {
        let Some(start) = json.iter().position(|b| *b > b' ') else {
            return Self::default();
        };
        let Some(token) = token_at(json, start) else {
            return Self::default();
        };
        let end = match token {
            Token::Json => json.len(),
            _ => token_end(json, start, token).unwrap_or(json.len()),
        };
        Self::new(
            token.into(),
            Text::part(json.get(start..end).unwrap_or_default()),
        )
    }

    /// Reads the value an owned document begins with.
    pub(crate) fn parse_owned(json: Buf) -> Self {
        let parsed = Value::parse(&json);
        let kind = parsed.kind;
        if parsed.raw.len() == json.len() {
            return Self::new(kind, Text::owned(json));
        }
        Self::new(kind, parsed.raw.into_owned())
    }

    /// Returns the type of the value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Says whether the path led anywhere; a `null` exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.kind != Kind::Null || !self.raw.is_empty()
    }

    /// Says whether the value is an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.kind == Kind::Json && self.raw.first() == Some(&b'[')
    }

    /// Says whether the value is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.kind == Kind::Json && self.raw.first() == Some(&b'{')
    }

    /// Returns the value as it is written in the document, quotes included.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Returns the value as Go's `Result.String()` does: strings decoded, integers as
    /// written, other numbers as the shortest decimal without an exponent, `null` empty,
    /// objects and arrays as written.
    #[must_use]
    pub fn text(&self) -> Text<'_> {
        match self.kind {
            Kind::Null => Text::default(),
            Kind::False => Text::part(b"false"),
            Kind::True => Text::part(b"true"),
            Kind::Json => Text::part(&self.raw),
            Kind::String => decoded(&self.raw),
            Kind::Number => number::normalised(&self.raw),
        }
    }

    /// Returns the text like [`Value::text`], without a copy where the value is part of the
    /// document or owned already.
    #[must_use]
    pub fn into_text(self) -> Text<'a> {
        match self.kind {
            Kind::Json => return self.raw,
            Kind::String => {
                if let Some(part) = self.raw.as_part() {
                    return decoded(part);
                }
            }
            Kind::Number => {
                if let Some(part) = self.raw.as_part() {
                    return number::normalised(part);
                }
            }
            Kind::Null => return Text::default(),
            Kind::False => return Text::part(b"false"),
            Kind::True => return Text::part(b"true"),
        }
        self.text().into_owned()
    }

    /// Returns the value as a number: 0 where it isn't one or isn't well formed.
    pub(crate) fn number(&self) -> f64 {
        if self.kind == Kind::Number {
            number::parse(&self.raw)
        } else {
            0.0
        }
    }

    pub(crate) fn into_raw(self) -> Text<'a> {
        self.raw
    }

    /// Copies what is part of the document, so that the document may go.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        Value {
            kind: self.kind,
            raw: self.raw.into_owned(),
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, {} bytes)", self.kind, self.raw.len())
    }
}

/// Returns the text of a string that is written as `raw`, which may lack its closing quote.
pub(crate) fn decoded(raw: &[u8]) -> Text<'_> {
    let rest = raw.get(1..).unwrap_or_default();
    let inner = match quote_or_backslash(rest) {
        None => return Text::part(rest),
        Some(end) if rest.get(end) == Some(&b'"') => {
            return Text::part(rest.get(..end).unwrap_or_default());
        }
        Some(_) => match string_end(raw, 1) {
            Some(end) => raw.get(1..end - 1),
            None => raw.get(1..),
        },
    };
    Text::owned(string::unescaped(inner.unwrap_or_default()))
}
