//! Pure. Loose conversions between kinds, as the functions of sprig make them.
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::strconv::{parse_float, parse_int};
use crate::ty::Ty;
use crate::value::{List, Value};
use crate::{Str, fmt};

/// A value as an integer: numbers lose their fraction, text is parsed, all else is 0.
pub(super) fn to_i64(value: &Value) -> i64 {
    match value {
        Value::Int(n, _) => *n,
        Value::Uint(n, _) => *n as i64,
        Value::Float(f) => float_to_i64(*f),
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => std::str::from_utf8(s.as_bytes()).map_or(0, text_to_i64),
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit becomes the smallest integer.
pub(super) fn float_to_i64(f: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f) {
        f as i64
    } else {
        i64::MIN
    }
}

fn text_to_i64(text: &str) -> i64 {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => match whole {
            "" => "0",
            "-" | "+" => "0",
            whole => whole,
        },
        _ => text,
    };
    parse_int(whole, 0).unwrap_or(0)
}

/// A value as a float: text is parsed, what is no number is 0.
pub(super) fn to_f64(value: &Value) -> f64 {
    match value {
        Value::Int(n, _) => *n as f64,
        Value::Uint(n, _) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => std::str::from_utf8(s.as_bytes())
            .ok()
            .and_then(parse_float)
            .unwrap_or(0.0),
        _ => 0.0,
    }
}

/// A value as text, as `%v` prints it.
pub(super) fn to_str(ctx: &mut Ctx<'_>, value: &Value) -> Result<Str, FuncError> {
    fmt::to_str(ctx, value)
}

/// The items of a value as text: a list's without its nils, or the value alone.
pub(super) fn to_strs(ctx: &mut Ctx<'_>, value: &Value) -> Result<Vec<Str>, FuncError> {
    match value {
        Value::List(list) => {
            let items = list.items();
            let items = items.iter().filter(|item| !matches!(item, Value::Nil));
            items.map(|item| to_str(ctx, item)).collect()
        }
        Value::Nil => Ok(Vec::new()),
        other => Ok(vec![to_str(ctx, other)?]),
    }
}

/// The list, or Go's words for what cannot be done to anything else.
pub(super) fn list<'v>(value: &'v Value, failing: &str) -> Result<&'v List, FuncError> {
    value
        .as_list()
        .ok_or_else(|| FuncError::new(format!("{failing} {}", value.kind())))
}

/// Whether sprig takes a value for empty.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.truth()
}

/// A list of text.
pub(super) fn strs(ctx: &mut Ctx<'_>, items: Vec<Str>) -> Result<Value, FuncError> {
    ctx.list_of(&Ty::Str, items.into_iter().map(Value::Str).collect())
}
