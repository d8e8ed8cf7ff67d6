//! Pure. JSON in and out as Go's `encoding/json` does it.
mod decode;

pub(super) use decode::decode;

use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::limits::Limit;
use crate::registry::Function;
use crate::runes;
use crate::strconv::{self, FloatVerb};
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("fromJson", &[Ty::Str], |ctx, args| {
        decode::decode_leniently(ctx, args[0].bytes())
            .map(|(value, _)| value)
            .or_else(unless_limit)
    }),
    Function::new("mustFromJson", &[Ty::Str], |ctx, args| {
        decode(ctx, args[0].bytes())
    }),
    Function::new("toJson", &[Ty::Any], |ctx, args| {
        lenient(ctx, args, Style::COMPACT)
    }),
    Function::new("mustToJson", &[Ty::Any], |ctx, args| {
        encode(ctx, &args[0], Style::COMPACT)
    }),
    Function::new("toPrettyJson", &[Ty::Any], |ctx, args| {
        lenient(ctx, args, Style::PRETTY)
    }),
    Function::new("mustToPrettyJson", &[Ty::Any], |ctx, args| {
        encode(ctx, &args[0], Style::PRETTY)
    }),
    Function::new("toRawJson", &[Ty::Any], |ctx, args| {
        encode(ctx, &args[0], Style::RAW)
    }),
    Function::new("mustToRawJson", &[Ty::Any], |ctx, args| {
        encode(ctx, &args[0], Style::RAW)
    }),
];

/// Nil instead of a mistake; a limit stays an error.
fn unless_limit(err: FuncError) -> Answer {
    if err.limit().is_some() {
        Err(err)
    } else {
        Ok(Value::Nil)
    }
}

fn lenient(ctx: &mut Ctx<'_>, args: &[Value], style: Style) -> Answer {
    encode(ctx, &args[0], style).or_else(|err| match unless_limit(err) {
        Ok(_) => Ok("".into()),
        Err(err) => Err(err),
    })
}

/// How JSON is written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    escape_html: bool,
    pretty: bool,
}

impl Style {
    const COMPACT: Self = Self {
        escape_html: true,
        pretty: false,
    };
    const PRETTY: Self = Self {
        escape_html: true,
        pretty: true,
    };
    const RAW: Self = Self {
        escape_html: false,
        pretty: false,
    };
}

/// The JSON of a value.
fn encode(ctx: &mut Ctx<'_>, value: &Value, style: Style) -> Answer {
    let mut out = ctx.buf();
    write(ctx, &mut out, value, style, 0)?;
    ctx.finish(out)
}

fn write(
    ctx: &mut Ctx<'_>,
    out: &mut Buf,
    value: &Value,
    style: Style,
    level: usize,
) -> Result<(), FuncError> {
    ctx.step(1)?;
    if out.overflowed() {
        return Err(Limit::Memory.into());
    }
    match value {
        Value::Nil => out.text("null"),
        Value::Bool(b) => out.text(if *b { "true" } else { "false" }),
        Value::Int(n, _) => out.text(&n.to_string()),
        Value::Uint(n, _) => out.text(&n.to_string()),
        Value::Float(f) => out.text(&number(*f)?),
        Value::Complex(..) => return Err("json: unsupported type: complex128".into()),
        Value::Str(s) => {
            ctx.work(s.len())?;
            string(out, s.as_bytes(), style.escape_html);
        }
        Value::Object(object) => write(ctx, out, &object.data(), style, level)?,
        Value::List(list) if list.is_nil() => out.text("null"),
        Value::Map(map) if map.is_nil() => out.text("null"),
        Value::List(list) => {
            let depth = ctx.deeper()?;
            out.byte(b'[');
            for (i, item) in list.items().iter().enumerate() {
                separate(out, style, i, level + 1);
                write(ctx, out, item, style, level + 1)?;
            }
            close(out, style, list.is_empty(), level, b']');
            ctx.leave(depth);
        }
        Value::Map(map) => {
            let depth = ctx.deeper()?;
            out.byte(b'{');
            for (i, (key, value)) in map.entries().iter().enumerate() {
                separate(out, style, i, level + 1);
                ctx.work(key.len())?;
                string(out, key.as_bytes(), style.escape_html);
                out.text(if style.pretty { ": " } else { ":" });
                write(ctx, out, value, style, level + 1)?;
            }
            close(out, style, map.is_empty(), level, b'}');
            ctx.leave(depth);
        }
    }
    Ok(())
}

fn separate(out: &mut Buf, style: Style, index: usize, level: usize) {
    if index > 0 {
        out.byte(b',');
    }
    if style.pretty {
        out.byte(b'\n');
        out.fill(b"  ", level);
    }
}

fn close(out: &mut Buf, style: Style, empty: bool, level: usize, bracket: u8) {
    if style.pretty && !empty {
        out.byte(b'\n');
        out.fill(b"  ", level);
    }
    out.byte(bracket);
}

/// A float as JSON: an exponent only for very small and very large numbers.
pub(super) fn number(f: f64) -> Result<String, FuncError> {
    if !f.is_finite() {
        let name = strconv::shortest(f);
        return Err(format!("json: unsupported value: {name}").into());
    }
    let size = f.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // A one-digit exponent is written without its zero.
        return Ok(strconv::format_float(f, FloatVerb::Exponent, None).replace("e-0", "e-"));
    }
    Ok(strconv::format_float(f, FloatVerb::Fixed, None))
}

fn string(out: &mut Buf, text: &[u8], escape_html: bool) {
    out.byte(b'"');
    for rune in runes::runes(text) {
        match rune.char {
            None => out.text("\\ufffd"),
            Some('"') => out.text("\\\""),
            Some('\\') => out.text("\\\\"),
            Some('\n') => out.text("\\n"),
            Some('\r') => out.text("\\r"),
            Some('\t') => out.text("\\t"),
            Some('\u{8}') => out.text("\\b"),
            Some('\u{c}') => out.text("\\f"),
            Some(c @ ('\0'..' ' | '\u{2028}' | '\u{2029}')) => {
                out.text(&format!("\\u{:04x}", c as u32));
            }
            Some(c @ ('<' | '>' | '&')) if escape_html => {
                out.text(&format!("\\u{:04x}", c as u32));
            }
            Some(c) => out.char(c),
        }
    }
    out.byte(b'"');
}
