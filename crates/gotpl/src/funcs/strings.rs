//! Pure. Text functions that count bytes and know nothing of words.
use super::cast::{self, to_str, to_strs};
use crate::bytes::{Buf, Str};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::fmt::{self, quote};
use crate::registry::Function;
use crate::runes;
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("abbrev", &[Ty::INT, Ty::Str], |ctx, args| {
        let width = args[0].as_int();
        let short = if width < 4 {
            args[1].bytes().into()
        } else {
            abbreviate(&args[1], width)
        };
        ctx.str(short)
    }),
    Function::new("abbrevboth", &[Ty::INT, Ty::INT, Ty::Str], abbrevboth),
    Function::new("trunc", &[Ty::INT, Ty::Str], trunc),
    Function::new("trim", &[Ty::Str], |ctx, args| {
        ctx.str(trim_space(args[0].bytes()))
    }),
    Function::new("trimall", &[Ty::Str, Ty::Str], trim_all),
    Function::new("trimAll", &[Ty::Str, Ty::Str], trim_all),
    Function::new("trimSuffix", &[Ty::Str, Ty::Str], |ctx, args| {
        let text = args[1].bytes();
        ctx.str(text.strip_suffix(args[0].bytes()).unwrap_or(text))
    }),
    Function::new("trimPrefix", &[Ty::Str, Ty::Str], |ctx, args| {
        let text = args[1].bytes();
        ctx.str(text.strip_prefix(args[0].bytes()).unwrap_or(text))
    }),
    Function::new("upper", &[Ty::Str], |ctx, args| {
        mapped(ctx, args, <[u8]>::to_ascii_uppercase, runes::to_upper)
    }),
    Function::new("lower", &[Ty::Str], |ctx, args| {
        mapped(ctx, args, <[u8]>::to_ascii_lowercase, runes::to_lower)
    }),
    Function::new("substr", &[Ty::INT, Ty::INT, Ty::Str], substr),
    Function::new("repeat", &[Ty::INT, Ty::Str], |ctx, args| {
        let count = times(args[0].as_int())?;
        let mut out = ctx.buf();
        out.fill(
            args[1].bytes(),
            if args[1].bytes().is_empty() { 0 } else { count },
        );
        ctx.finish(out)
    }),
    Function::new("contains", &[Ty::Str, Ty::Str], |ctx, args| {
        ctx.work(args[1].bytes().len())?;
        Ok(Value::Bool(
            find(args[1].bytes(), args[0].bytes()).is_some(),
        ))
    }),
    Function::new("hasPrefix", &[Ty::Str, Ty::Str], |ctx, args| {
        ctx.work(args[0].bytes().len())?;
        Ok(Value::Bool(args[1].bytes().starts_with(args[0].bytes())))
    }),
    Function::new("hasSuffix", &[Ty::Str, Ty::Str], |ctx, args| {
        ctx.work(args[0].bytes().len())?;
        Ok(Value::Bool(args[1].bytes().ends_with(args[0].bytes())))
    }),
    Function::variadic("quote", &[Ty::Any], |ctx, args| {
        quoted(ctx, args, |out, s| {
            quote::quote(out, s, b'"', quote::Charset::Printable)
        })
    }),
    Function::variadic("squote", &[Ty::Any], |ctx, args| {
        quoted(ctx, args, |out, s| {
            out.byte(b'\'');
            out.put(s);
            out.byte(b'\'');
        })
    }),
    Function::variadic("cat", &[Ty::Any], cat),
    Function::new("indent", &[Ty::INT, Ty::Str], |ctx, args| {
        indent(ctx, args, "")
    }),
    Function::new("nindent", &[Ty::INT, Ty::Str], |ctx, args| {
        indent(ctx, args, "\n")
    }),
    Function::new("replace", &[Ty::Str, Ty::Str, Ty::Str], |ctx, args| {
        let mut out = ctx.buf();
        replace(&mut out, args[2].bytes(), args[0].bytes(), args[1].bytes());
        ctx.finish(out)
    }),
    Function::new("plural", &[Ty::Str, Ty::Str, Ty::INT], |_, args| {
        Ok(if args[2].as_int() == 1 {
            args[0].clone()
        } else {
            args[1].clone()
        })
    }),
    Function::new("toString", &[Ty::Any], |ctx, args| {
        to_str(ctx, &args[0]).map(Value::Str)
    }),
    Function::new("split", &[Ty::Str, Ty::Str], |ctx, args| {
        let parts = split(ctx, args[1].bytes(), args[0].bytes(), -1)?;
        numbered(ctx, parts)
    }),
    Function::new("splitList", &[Ty::Str, Ty::Str], |ctx, args| {
        let parts = split(ctx, args[1].bytes(), args[0].bytes(), -1)?;
        cast::strs(ctx, parts)
    }),
    Function::new("splitn", &[Ty::Str, Ty::INT, Ty::Str], |ctx, args| {
        let parts = split(ctx, args[2].bytes(), args[0].bytes(), args[1].as_int())?;
        numbered(ctx, parts)
    }),
    Function::new("toStrings", &[Ty::Any], |ctx, args| {
        let items = to_strs(ctx, &args[0])?;
        cast::strs(ctx, items)
    }),
    Function::new("join", &[Ty::Str, Ty::Any], join),
    Function::new("sortAlpha", &[Ty::Any], |ctx, args| {
        let mut items = match &args[0] {
            Value::Nil => vec![to_str(ctx, &args[0])?],
            other => to_strs(ctx, other)?,
        };
        ctx.step(items.len() as u64 / 4)?;
        ctx.work(items.iter().map(|item| 4 * item.len()).sum())?;
        items.sort();
        cast::strs(ctx, items)
    }),
];

/// A count of repetitions; a negative one is what Go panics about.
fn times(count: i64) -> Result<usize, FuncError> {
    usize::try_from(count).map_err(|_| "strings: negative Repeat count".into())
}

fn mapped(
    ctx: &mut Ctx<'_>,
    args: &[Value],
    ascii: fn(&[u8]) -> Vec<u8>,
    other: fn(char) -> char,
) -> Answer {
    let text = args[0].bytes();
    ctx.work(text.len())?;
    if text.is_ascii() {
        ctx.str(ascii(text))
    } else {
        ctx.str(runes::map(text, other))
    }
}

/// At most `width` bytes, the last three of which are dots if anything is missing.
fn abbreviate(text: &Value, width: i64) -> Vec<u8> {
    shortened(text.bytes(), width as usize)
}

fn shortened(text: &[u8], width: usize) -> Vec<u8> {
    if text.len() <= width {
        return text.to_vec();
    }
    [&text[..width.saturating_sub(3)], b"..."].concat()
}

fn abbrevboth(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (left, right, text) = (args[0].as_int(), args[1].as_int(), args[2].bytes());
    if right < 4 || (left > 0 && right < 7) || text.len() as i64 <= right {
        return ctx.str(text);
    }
    let width = right as usize;
    let kept = width - 3;
    let offset = usize::try_from(left).unwrap_or(0).min(text.len());
    let offset = if text.len() - offset < kept {
        text.len() - kept
    } else {
        offset
    };
    if offset <= 4 {
        return ctx.str([&text[..kept], b"..."].concat());
    }
    if offset + kept < text.len() {
        return ctx.str([b"...".as_slice(), &shortened(&text[offset..], kept)].concat());
    }
    ctx.str([b"...", &text[text.len() - kept..]].concat())
}

fn trunc(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (count, text) = (args[0].as_int(), args[1].bytes());
    let len = text.len() as i64;
    let kept = if count < 0 && len.saturating_add(count) > 0 {
        &text[(len + count) as usize..]
    } else if (0..len).contains(&count) {
        &text[..count as usize]
    } else {
        text
    };
    ctx.str(kept)
}

/// Go's `strings.TrimSpace`.
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    trim_by(text, runes::is_space)
}

/// Cuts runes off both ends for which the test holds.
pub(super) fn trim_by(mut text: &[u8], test: impl Fn(char) -> bool) -> &[u8] {
    while !text.is_empty() {
        let (c, width) = runes::decode(text);
        if !test(c.unwrap_or(runes::RUNE_ERROR)) {
            break;
        }
        text = &text[width..];
    }
    while !text.is_empty() {
        let (c, width) = runes::decode_last(text);
        if !test(c.unwrap_or(runes::RUNE_ERROR)) {
            break;
        }
        text = &text[..text.len() - width];
    }
    text
}

fn trim_all(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let set: Vec<char> = runes::runes(args[0].bytes())
        .map(runes::Rune::value)
        .collect();
    ctx.work(set.len().saturating_mul(args[1].bytes().len()))?;
    ctx.str(trim_by(args[1].bytes(), |c| set.contains(&c)))
}

fn substr(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (start, end, text) = (args[0].as_int(), args[1].as_int(), args[2].bytes());
    let len = text.len() as i64;
    let (from, to) = if start < 0 {
        (0, end)
    } else if end < 0 || end > len {
        (start, len)
    } else {
        (start, end)
    };
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(from), Ok(to)) if from <= to && to <= text.len() => ctx.str(&text[from..to]),
        _ => {
            let range = format!("[{from}:{to}]");
            Err(format!("runtime error: slice bounds out of range {range}").into())
        }
    }
}

/// The arguments that are not nil, each written by `write`, with spaces between them.
fn quoted(ctx: &mut Ctx<'_>, args: &[Value], write: fn(&mut Buf, &[u8])) -> Answer {
    let mut out = ctx.buf();
    for arg in args.iter().filter(|arg| !matches!(arg, Value::Nil)) {
        if !out.is_empty() {
            out.byte(b' ');
        }
        match arg {
            Value::Str(text) => write(&mut out, text.as_bytes()),
            other => write(&mut out, to_str(ctx, other)?.as_bytes()),
        }
    }
    ctx.finish(out)
}

fn cat(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut out = ctx.buf();
    for (i, arg) in args
        .iter()
        .filter(|arg| !matches!(arg, Value::Nil))
        .enumerate()
    {
        if i > 0 {
            out.byte(b' ');
        }
        out.put(fmt::to_str(ctx, arg)?.as_bytes());
    }
    ctx.finish(out)
}

fn indent(ctx: &mut Ctx<'_>, args: &[Value], before: &str) -> Answer {
    let count = times(args[0].as_int())?;
    let mut out = ctx.buf();
    out.text(before);
    out.fill(b" ", count);
    for line in args[1].bytes().split_inclusive(|&b| b == b'\n') {
        out.put(line);
        if line.ends_with(b"\n") {
            out.fill(b" ", count);
        }
    }
    ctx.finish(out)
}

/// The offset of the first occurrence, in time that grows with the text alone.
pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

/// Go's `strings.ReplaceAll`: an empty old text stands before every rune and at the end.
fn replace(out: &mut Buf, text: &[u8], old: &[u8], new: &[u8]) {
    if old.is_empty() {
        for rune in runes::runes(text) {
            out.put(new);
            out.put(&text[rune.at..rune.at + rune.width]);
        }
        out.put(new);
        return;
    }
    let mut rest = text;
    while let Some(at) = find(rest, old) {
        out.put(&rest[..at]);
        out.put(new);
        rest = &rest[at + old.len()..];
    }
    out.put(rest);
}

/// Go's `strings.SplitN`: no limit below 0; an empty separator splits after every rune.
pub(super) fn split(
    ctx: &mut Ctx<'_>,
    text: &[u8],
    sep: &[u8],
    limit: i64,
) -> Result<Vec<Str>, FuncError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() + 1 < limit {
        let (at, skip) = match sep {
            [] if rest.is_empty() => return Ok(parts),
            [] => match runes::decode(rest).1 {
                width if width == rest.len() => break,
                width => (width, 0),
            },
            sep => match find(rest, sep) {
                Some(at) => (at, sep.len()),
                None => break,
            },
        };
        ctx.alloc(at + 64)?;
        parts.push(Str::from(&rest[..at]));
        rest = &rest[at + skip..];
    }
    if limit > 0 && !(sep.is_empty() && rest.is_empty()) {
        ctx.alloc(rest.len() + 64)?;
        parts.push(Str::from(rest));
    }
    Ok(parts)
}

/// A `map[string]string` from `_0` on.
fn numbered(ctx: &mut Ctx<'_>, parts: Vec<Str>) -> Answer {
    let entries = parts.into_iter().enumerate();
    let entries = entries.map(|(i, part)| (Str::from(format!("_{i}")), Value::Str(part)));
    ctx.map_of(&Ty::Str, entries.collect())
}

fn join(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = to_strs(ctx, &args[1])?;
    let mut out = ctx.buf();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.put(args[0].bytes());
        }
        out.put(item.as_bytes());
    }
    ctx.finish(out)
}
