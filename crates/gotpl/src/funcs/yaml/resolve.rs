//! Pure. What a YAML 1.1 scalar means.
use std::borrow::Cow;

use jiff::tz::TimeZone;

use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::strconv::{parse_float, parse_int, parse_uint, shortest};
use crate::value::Value;

use super::super::encoding::BASE64;
use super::super::time;

/// The meaning of a scalar.
pub(super) enum Scalar<'t> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(Cow<'t, str>),
    Bytes(Vec<u8>),
}

impl Scalar<'_> {
    /// The value that JSON makes of it: every number is a float.
    pub(super) fn into_value(self, ctx: &mut Ctx<'_>) -> Result<Value, FuncError> {
        Ok(match self {
            Self::Null => Value::Nil,
            Self::Bool(b) => Value::Bool(b),
            Self::Int(n) => Value::Float(n as f64),
            Self::Uint(n) => Value::Float(n as f64),
            Self::Float(f) if f.is_finite() => Value::Float(f),
            Self::Float(f) => {
                let name = shortest(f);
                let context = "error converting YAML to JSON: json: unsupported value:";
                return Err(format!("{context} {name}").into());
            }
            Self::Str(text) => return ctx.str(&*text),
            Self::Bytes(bytes) => return ctx.str(crate::runes::map(&bytes, |c| c)),
        })
    }
}

/// Resolves a scalar by its tag if it has one, else by its looks if it is plain.
pub(super) fn resolve<'t>(
    text: &'t str,
    plain: bool,
    tag: Option<&str>,
) -> Result<Scalar<'t>, &'static str> {
    match tag {
        Some("str") => Ok(Scalar::Str(text.into())),
        Some("binary") => {
            let mut out = Buf::new();
            match BASE64.decode(text.as_bytes(), &mut out) {
                Ok(()) => Ok(Scalar::Bytes(out.as_bytes().to_vec())),
                Err(_) => Err("!!binary value contains invalid base64 data"),
            }
        }
        Some("float") => match by_looks(text) {
            Scalar::Int(n) => Ok(Scalar::Float(n as f64)),
            Scalar::Uint(n) => Ok(Scalar::Float(n as f64)),
            float @ Scalar::Float(_) => Ok(float),
            _ => Err("cannot decode !!str as a !!float"),
        },
        Some("int") => match by_looks(text) {
            int @ (Scalar::Int(_) | Scalar::Uint(_)) => Ok(int),
            _ => Err("cannot decode !!str as a !!int"),
        },
        Some("bool") => match by_looks(text) {
            bool @ Scalar::Bool(_) => Ok(bool),
            _ => Err("cannot decode !!str as a !!bool"),
        },
        Some("null") => match by_looks(text) {
            Scalar::Null => Ok(Scalar::Null),
            _ => Err("cannot decode !!str as a !!null"),
        },
        _ if plain => Ok(by_looks(text)),
        _ => Ok(Scalar::Str(text.into())),
    }
}

/// Whether a plain scalar of this text is a string.
pub(super) fn is_text(text: &str) -> bool {
    matches!(by_looks(text), Scalar::Str(_)) && !is_timestamp(text) && text != "<<"
}

fn by_looks(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    number(text).unwrap_or(Scalar::Str(text.into()))
}

fn number(text: &str) -> Option<Scalar<'static>> {
    match text.as_bytes().first()? {
        b'.' => return parse_float(text).map(Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => {}
        _ => return None,
    }
    let plain = text.replace('_', "");
    if let Ok(n) = parse_int(&plain, 0) {
        return Some(Scalar::Int(n));
    }
    if let Ok(n) = parse_uint(&plain, 0) {
        return Some(Scalar::Uint(n));
    }
    if is_float(&plain) {
        return parse_float(&plain).map(Scalar::Float);
    }
    None
}

/// Digits with a point and a decimal exponent, both optional; no hexadecimal, no names.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    let mantissa_ok = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    exponent_ok && mantissa_ok
}

/// Whether it looks like a number in base 60, which old parsers would read as one.
pub(super) fn is_base60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && digits(fraction)
        && !rest.is_empty()
        && rest.iter().all(|part| match part.as_bytes() {
            [b] => b.is_ascii_digit(),
            [b'0'..=b'5', b] => b.is_ascii_digit(),
            _ => false,
        })
}

/// The forms of a date, and of a date and a time.
const TIMESTAMPS: [&[u8]; 4] = [
    b"2006-1-2",
    b"2006-1-2 15:4:5.999999999",
    b"2006-1-2T15:4:5.999999999Z07:00",
    b"2006-1-2t15:4:5.999999999Z07:00",
];

/// Whether it is a date, or a date and a time.
fn is_timestamp(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    year == 4
        && text[year..].starts_with('-')
        && TIMESTAMPS
            .iter()
            .any(|layout| time::parse(layout, text.as_bytes(), &TimeZone::UTC).is_ok())
}
