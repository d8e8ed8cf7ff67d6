//! Pure. Regular expressions in RE2 syntax, on bytes.
use regex::bytes::{Regex, RegexBuilder};

use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{List, Value};

type Answer = Result<Value, FuncError>;

const TWO: &[Ty] = &[Ty::Str, Ty::Str];
const THREE: &[Ty] = &[Ty::Str, Ty::Str, Ty::Str];
const COUNT: &[Ty] = &[Ty::Str, Ty::Str, Ty::INT];

pub(super) const TABLE: &[Function] = &[
    Function::new("regexMatch", TWO, |ctx, args| match compile(ctx, args) {
        Err(err) if err.limit().is_none() => Ok(Value::Bool(false)),
        Err(err) => Err(err),
        Ok(re) => Ok(Value::Bool(re.is_match(args[1].bytes()))),
    }),
    Function::new("mustRegexMatch", TWO, |ctx, args| {
        Ok(Value::Bool(compile(ctx, args)?.is_match(args[1].bytes())))
    }),
    Function::new("regexFind", TWO, find),
    Function::new("mustRegexFind", TWO, find),
    Function::new("regexFindAll", COUNT, find_all),
    Function::new("mustRegexFindAll", COUNT, find_all),
    Function::new("regexReplaceAll", THREE, |ctx, args| {
        replace(ctx, args, true)
    }),
    Function::new("mustRegexReplaceAll", THREE, |ctx, args| {
        replace(ctx, args, true)
    }),
    Function::new("regexReplaceAllLiteral", THREE, |ctx, args| {
        replace(ctx, args, false)
    }),
    Function::new("mustRegexReplaceAllLiteral", THREE, |ctx, args| {
        replace(ctx, args, false)
    }),
    Function::new("regexSplit", COUNT, split),
    Function::new("mustRegexSplit", COUNT, split),
    Function::new("regexQuoteMeta", &[Ty::Str], |ctx, args| {
        let mut out = ctx.buf();
        for &b in args[0].bytes() {
            if br"\.+*?()|[]{}^$".contains(&b) {
                out.byte(b'\\');
            }
            out.byte(b);
        }
        ctx.finish(out)
    }),
];

/// Bytes that a compiled expression, and its cache of states, may take.
const SIZE_LIMIT: usize = 1 << 20;

/// The expression of the first argument; the text to search is the second.
fn compile(ctx: &mut Ctx<'_>, args: &[Value]) -> Result<Regex, FuncError> {
    let pattern = args[0].bytes();
    // Compiling costs far more than reading, and searching at least one pass.
    ctx.step(100 + pattern.len() as u64)?;
    ctx.work(args[1].bytes().len())?;
    let text = std::str::from_utf8(pattern)
        .map_err(|_| FuncError::new("error parsing regexp: invalid UTF-8"))?;
    let built = RegexBuilder::new(&translated(text)?)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(100)
        .octal(false)
        .build();
    built.map_err(|_| {
        let mut text = b"error parsing regexp: `".to_vec();
        text.extend_from_slice(pattern);
        text.push(b'`');
        FuncError::new(text)
    })
}

/// RE2 has ASCII classes where the engine has Unicode ones, and no operators inside classes.
fn translated(pattern: &str) -> Result<String, FuncError> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class_start = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(escaped) = chars.next() else {
                    return Err("error parsing regexp: trailing backslash".into());
                };
                match escape(escaped, class_start.is_some(), &mut chars, &mut out) {
                    Some(()) => {}
                    None => return Err("error parsing regexp: invalid escape sequence".into()),
                }
            }
            '[' if class_start.is_none() => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
                class_start = Some(out.len());
            }
            '[' if chars.peek() == Some(&':') => out.push('['),
            '[' | '&' | '~' if class_start.is_some() => {
                out.push('\\');
                out.push(c);
            }
            ':' if class_start.is_some() && out.ends_with('[') => {
                out.push(':');
                // A named class ends at `:]`, whose bracket closes nothing else.
                for c in chars.by_ref() {
                    out.push(c);
                    if out.ends_with(":]") {
                        break;
                    }
                }
            }
            '-' if class_start.is_some() && chars.peek() == Some(&'-') => out.push_str(r"\-"),
            ']' if class_start.is_some() => {
                class_start = None;
                out.push(']');
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn escape(
    c: char,
    in_class: bool,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Option<()> {
    let (set, inner) = match c {
        'd' => ("[0-9]", "0-9"),
        'w' => ("[0-9A-Za-z_]", "0-9A-Za-z_"),
        's' => (r"[\t\n\f\r ]", r"\t\n\f\r "),
        'D' => ("[^0-9]", "[^0-9]"),
        'W' => ("[^0-9A-Za-z_]", "[^0-9A-Za-z_]"),
        'S' => (r"[^\t\n\f\r ]", r"[^\t\n\f\r ]"),
        'b' => (r"(?-u:\b)", ""),
        'B' => (r"(?-u:\B)", ""),
        'C' => ("(?s-u:.)", ""),
        'Q' => {
            let mut literal = String::new();
            for c in chars.by_ref() {
                literal.push(c);
                if literal.ends_with(r"\E") {
                    literal.truncate(literal.len() - 2);
                    break;
                }
            }
            out.push_str(&regex::escape(&literal));
            return Some(());
        }
        'Z' | '<' | '>' | 'h' | 'H' | 'R' | 'e' | 'u' | 'U' | 'E' => return None,
        c => {
            out.push('\\');
            out.push(c);
            return Some(());
        }
    };
    match (in_class, inner) {
        (false, _) => out.push_str(set),
        (true, "") => return None,
        (true, inner) => out.push_str(inner),
    }
    Some(())
}

fn find(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let re = compile(ctx, args)?;
    let text = args[1].bytes();
    ctx.str(re.find(text).map_or(&text[..0], |found| found.as_bytes()))
}

/// Matches that Go finds, as ranges: an empty one right after another does not count. Each
/// search may look at all that is left, so each is charged with it.
fn matches(
    ctx: &mut Ctx<'_>,
    re: &Regex,
    text: &[u8],
    limit: i64,
) -> Result<Vec<std::ops::Range<usize>>, FuncError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for range in re.find_iter(text).map(|m| m.range()).take(limit) {
        ctx.step(1)?;
        ctx.work(text.len() - range.end)?;
        found.push(range);
    }
    Ok(found)
}

fn find_all(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let re = compile(ctx, args)?;
    let text = args[1].bytes();
    let found = matches(ctx, &re, text, args[2].as_int())?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(&Ty::Str)));
    }
    ctx.strs(found.into_iter().map(|range| &text[range]).collect())
}

fn replace(ctx: &mut Ctx<'_>, args: &[Value], expand: bool) -> Answer {
    let re = compile(ctx, args)?;
    let (text, new) = (args[1].bytes(), args[2].bytes());
    let mut out = ctx.buf();
    let mut end = 0;
    let mut expanded = Vec::new();
    for captures in re.captures_iter(text) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        ctx.step(1)?;
        ctx.work(text.len() - whole.end())?;
        out.put(&text[end..whole.start()]);
        if expand {
            expanded.clear();
            captures.expand(new, &mut expanded);
            out.put(&expanded);
        } else {
            out.put(new);
        }
        end = whole.end();
        if out.overflowed() {
            break;
        }
    }
    out.put(&text[end..]);
    ctx.finish(out)
}

/// Go's `Regexp.Split`.
fn split(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let re = compile(ctx, args)?;
    let (text, limit) = (args[1].bytes(), args[2].as_int());
    if limit == 0 {
        return Ok(Value::List(List::nil(&Ty::Str)));
    }
    if !args[0].bytes().is_empty() && text.is_empty() {
        return ctx.strs(vec![""]);
    }
    let mut parts: Vec<Str> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for range in matches(ctx, &re, text, limit)? {
        if limit > 0 && parts.len() as i64 == limit - 1 {
            break;
        }
        end = range.start;
        if range.end != 0 {
            parts.push(Str::from(&text[start..end]));
        }
        start = range.end;
    }
    if end != text.len() {
        parts.push(Str::from(&text[start..]));
    }
    ctx.strs(parts)
}
