//! Pure. JSON in: strict as Go is, with its words for mistakes.
use std::collections::BTreeMap;

use crate::bytes::{Buf, Str};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::runes;
use crate::strconv;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

/// The value of a JSON text.
pub(in crate::funcs) fn decode(ctx: &mut Ctx<'_>, text: &[u8]) -> Answer {
    match decode_leniently(ctx, text)? {
        (_, Some(err)) => Err(err),
        (value, None) => Ok(value),
    }
}

/// The value of a JSON text with nil for each number that no float holds, and what is wrong with
/// the first of those.
pub(super) fn decode_leniently(
    ctx: &mut Ctx<'_>,
    text: &[u8],
) -> Result<(Value, Option<FuncError>), FuncError> {
    ctx.work(text.len())?;
    let mut decoder = Decoder {
        text,
        at: 0,
        misfit: None,
    };
    let value = decoder.value(ctx)?;
    match decoder.peek() {
        None => Ok((value, decoder.misfit)),
        Some(b) => Err(invalid(b, "after top-level value")),
    }
}

struct Decoder<'t> {
    text: &'t [u8],
    at: usize,
    misfit: Option<FuncError>,
}

fn invalid(b: u8, place: &str) -> FuncError {
    let shown = match b {
        b'\'' => "'\\''".to_owned(),
        b => format!("'{}'", b.escape_ascii()),
    };
    FuncError::new(format!("invalid character {shown} {place}"))
}

impl Decoder<'_> {
    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn expect(&mut self) -> Result<u8, FuncError> {
        self.peek()
            .ok_or_else(|| "unexpected end of JSON input".into())
    }

    fn value(&mut self, ctx: &mut Ctx<'_>) -> Answer {
        ctx.step(1)?;
        match self.expect()? {
            b'{' => self.nested(ctx, Self::object),
            b'[' => self.nested(ctx, Self::array),
            b'"' => {
                let text = self.string()?;
                ctx.str(text)
            }
            b't' => self.word(b"true", Value::Bool(true)),
            b'f' => self.word(b"false", Value::Bool(false)),
            b'n' => self.word(b"null", Value::Nil),
            b'-' | b'0'..=b'9' => self.number(),
            b => Err(invalid(b, "looking for beginning of value")),
        }
    }

    fn nested(&mut self, ctx: &mut Ctx<'_>, read: fn(&mut Self, &mut Ctx<'_>) -> Answer) -> Answer {
        let depth = ctx.deeper()?;
        self.at += 1;
        let value = read(self, ctx);
        ctx.leave(depth);
        value
    }

    fn object(&mut self, ctx: &mut Ctx<'_>) -> Answer {
        let mut entries = BTreeMap::new();
        if self.expect()? == b'}' {
            self.at += 1;
            return ctx.map(entries);
        }
        loop {
            match self.expect()? {
                b'"' => {}
                b => return Err(invalid(b, "looking for beginning of object key string")),
            }
            let key = Str::from(self.string()?);
            ctx.alloc(key.len() + 64)?;
            match self.expect()? {
                b':' => self.at += 1,
                b => return Err(invalid(b, "after object key")),
            }
            let value = self.value(ctx)?;
            entries.insert(key, value);
            match self.expect()? {
                b',' => self.at += 1,
                b'}' => break,
                b => return Err(invalid(b, "after object key:value pair")),
            }
        }
        self.at += 1;
        ctx.map(entries)
    }

    fn array(&mut self, ctx: &mut Ctx<'_>) -> Answer {
        let mut items = Vec::new();
        if self.expect()? == b']' {
            self.at += 1;
            return ctx.list(items);
        }
        loop {
            items.push(self.value(ctx)?);
            match self.expect()? {
                b',' => self.at += 1,
                b']' => break,
                b => return Err(invalid(b, "after array element")),
            }
        }
        self.at += 1;
        ctx.list(items)
    }

    fn word(&mut self, word: &[u8], value: Value) -> Answer {
        for &expected in word {
            match self.text.get(self.at) {
                Some(&b) if b == expected => self.at += 1,
                Some(&b) => {
                    let name = String::from_utf8_lossy(word).into_owned();
                    return Err(invalid(b, &format!("in literal {name}")));
                }
                None => return Err("unexpected end of JSON input".into()),
            }
        }
        Ok(value)
    }

    fn digits(&mut self) -> Result<(), FuncError> {
        let start = self.at;
        while matches!(self.text.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.text.get(self.at) {
            _ if self.at > start => Ok(()),
            Some(&b) => Err(invalid(b, "in numeric literal")),
            None => Err("unexpected end of JSON input".into()),
        }
    }

    fn number(&mut self) -> Answer {
        let start = self.at;
        if self.text[self.at] == b'-' {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        let number = strconv::parse_float(text);
        if number.is_none() {
            let what = "into Go value of type float64";
            let told = || format!("json: cannot unmarshal number {text} {what}").into();
            self.misfit.get_or_insert_with(told);
        }
        Ok(number.map_or(Value::Nil, Value::Float))
    }

    /// A string; its quote is next.
    fn string(&mut self) -> Result<Buf, FuncError> {
        self.at += 1;
        let mut out = Buf::new();
        loop {
            let rest = &self.text[self.at.min(self.text.len())..];
            match rest.first() {
                None => return Err("unexpected end of JSON input".into()),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.char(c);
                }
                Some(&b) if b < 0x20 => return Err(invalid(b, "in string literal")),
                Some(_) => {
                    let (c, width) = runes::decode(rest);
                    out.char(c.unwrap_or(runes::RUNE_ERROR));
                    self.at += width;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, FuncError> {
        let Some(&b) = self.text.get(self.at) else {
            return Err("unexpected end of JSON input".into());
        };
        self.at += 1;
        Ok(match b {
            b'"' | b'\\' | b'/' => char::from(b),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex4()?;
                if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with(b"\\u") {
                    let before = self.at;
                    self.at += 2;
                    let low = self.hex4()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
                        return Ok(char::from_u32(code).unwrap_or(runes::RUNE_ERROR));
                    }
                    self.at = before;
                }
                char::from_u32(unit).unwrap_or(runes::RUNE_ERROR)
            }
            b => return Err(invalid(b, "in string escape code")),
        })
    }

    fn hex4(&mut self) -> Result<u32, FuncError> {
        let mut unit = 0;
        for _ in 0..4 {
            match self.text.get(self.at) {
                None => return Err("unexpected end of JSON input".into()),
                Some(&b) => match char::from(b).to_digit(16) {
                    Some(digit) => unit = unit << 4 | digit,
                    None => return Err(invalid(b, "in \\u hexadecimal character escape")),
                },
            }
            self.at += 1;
        }
        Ok(unit)
    }
}
