//! Pure. `html`, `js` and `urlquery`.
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::fmt;
use crate::runes;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

/// The arguments as one text, as `print` makes it, with nil as a template prints it.
fn text(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if let [Value::Str(s)] = args {
        return Ok(Value::Str(s.clone()));
    }
    let shown: Vec<Value> = args
        .iter()
        .map(|arg| {
            if matches!(arg, Value::Nil) {
                "<no value>".into()
            } else {
                arg.clone()
            }
        })
        .collect();
    fmt::sprint(ctx, &shown)
}

fn escaped(ctx: &mut Ctx<'_>, args: &[Value], escape: impl Fn(&[u8], &mut Buf)) -> Answer {
    let text = text(ctx, args)?;
    let mut out = ctx.buf();
    escape(text.bytes(), &mut out);
    ctx.finish(out)
}

pub(super) fn html(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    escaped(ctx, args, |text, out| {
        for &b in text {
            match b {
                0 => out.text("\u{fffd}"),
                b'"' => out.text("&#34;"),
                b'\'' => out.text("&#39;"),
                b'&' => out.text("&amp;"),
                b'<' => out.text("&lt;"),
                b'>' => out.text("&gt;"),
                b => out.byte(b),
            }
        }
    })
}

pub(super) fn js(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    escaped(ctx, args, |text, out| {
        for rune in runes::runes(text) {
            match rune.value() {
                c @ ('\\' | '\'' | '"') => {
                    out.byte(b'\\');
                    out.char(c);
                }
                c @ ('<' | '>' | '&' | '=') => out.text(&format!("\\u{:04X}", c as u32)),
                c if c < ' ' => out.text(&format!("\\u{:04X}", c as u32)),
                c if c.is_ascii() || runes::is_print(c) => {
                    out.put(&text[rune.at..rune.at + rune.width]);
                }
                c => out.text(&format!("\\u{:04X}", c as u32)),
            }
        }
    })
}

pub(super) fn urlquery(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    escaped(ctx, args, query_escape)
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &[u8], out: &mut Buf) {
    for &b in text {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.byte(b),
            b' ' => out.byte(b'+'),
            b => out.text(&format!("%{b:02X}")),
        }
    }
}
