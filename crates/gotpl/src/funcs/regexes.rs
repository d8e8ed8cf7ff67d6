//! Pure. Regular expressions as Go reads and matches them, on bytes.
mod class;
mod count;
mod expand;
mod syntax;
mod text;

use regex::{Regex, RegexBuilder};

use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::limits::Limit;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{List, Value};
use text::Text;

type Answer = Result<Value, FuncError>;

const TWO: &[Ty] = &[Ty::Str, Ty::Str];
const THREE: &[Ty] = &[Ty::Str, Ty::Str, Ty::Str];
const COUNT: &[Ty] = &[Ty::Str, Ty::Str, Ty::INT];

pub(super) const TABLE: &[Function] = &[
    Function::new("regexMatch", TWO, |ctx, args| {
        match compile(ctx, args, true) {
            Err(err) if err.limit().is_none() => Ok(Value::Bool(false)),
            Err(err) => Err(err),
            Ok(found) => found.is_match(ctx, args),
        }
    }),
    Function::new("mustRegexMatch", TWO, |ctx, args| {
        compile(ctx, args, true)?.is_match(ctx, args)
    }),
    Function::new("regexFind", TWO, |ctx, args| find(ctx, args, false)),
    Function::new("mustRegexFind", TWO, |ctx, args| find(ctx, args, true)),
    Function::new("regexFindAll", COUNT, |ctx, args| {
        find_all(ctx, args, false)
    }),
    Function::new("mustRegexFindAll", COUNT, |ctx, args| {
        find_all(ctx, args, true)
    }),
    Function::new("regexReplaceAll", THREE, |ctx, args| {
        replace(ctx, args, true, false)
    }),
    Function::new("mustRegexReplaceAll", THREE, |ctx, args| {
        replace(ctx, args, true, true)
    }),
    Function::new("regexReplaceAllLiteral", THREE, |ctx, args| {
        replace(ctx, args, false, false)
    }),
    Function::new("mustRegexReplaceAllLiteral", THREE, |ctx, args| {
        replace(ctx, args, false, true)
    }),
    Function::new("regexSplit", COUNT, |ctx, args| split(ctx, args, false)),
    Function::new("mustRegexSplit", COUNT, |ctx, args| split(ctx, args, true)),
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

/// Steps that compiling even the smallest expression costs.
const LEAST_COST: u64 = 30;

struct Compiled {
    regex: Regex,
    names: Vec<Option<String>>,
}

impl Compiled {
    fn is_match(&self, ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
        let text = Text::new(ctx, args[1].bytes())?;
        Ok(Value::Bool(self.regex.is_match(text.text())))
    }
}

/// The expression of the first argument; the text to search is the second. Functions that have
/// no `must` say how they came by a mistake, as Go does.
fn compile(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Result<Compiled, FuncError> {
    let pattern = args[0].bytes();
    // Searching takes at least one pass.
    ctx.step(LEAST_COST + pattern.len() as u64)?;
    ctx.work(args[1].bytes().len())?;
    let failed = |what: &str, part: &[u8]| {
        let mut text = Vec::new();
        if !must {
            text.extend_from_slice(b"regexp: Compile(`");
            text.extend_from_slice(pattern);
            text.extend_from_slice(b"`): ");
        }
        text.extend_from_slice(format!("error parsing regexp: {what}: `").as_bytes());
        text.extend_from_slice(part);
        text.push(b'`');
        FuncError::new(text)
    };
    let valid = match std::str::from_utf8(pattern) {
        Ok(text) => text,
        Err(err) => return Err(failed("invalid UTF-8", &pattern[err.valid_up_to()..])),
    };
    let expression = syntax::parse(valid).map_err(|err| failed(err.what, err.part.as_bytes()))?;
    ctx.step(expression.cost)?;
    let built = RegexBuilder::new(&expression.source)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(400)
        .build();
    match built {
        Ok(regex) => Ok(Compiled {
            regex,
            names: expression.names,
        }),
        // Go would compile it: it is too large, and not malformed.
        Err(_) => Err(Limit::Memory.into()),
    }
}

fn find(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Answer {
    let compiled = compile(ctx, args, must)?;
    let text = Text::new(ctx, args[1].bytes())?;
    match compiled.regex.find(text.text()) {
        Some(found) => ctx.str(text.bytes(found.range())),
        None => Ok("".into()),
    }
}

/// Matches that Go finds, as ranges: an empty one right after another does not count. Each
/// search may look at all that is left, so each is charged with it.
fn matches(
    ctx: &mut Ctx<'_>,
    regex: &Regex,
    text: &str,
    limit: i64,
) -> Result<Vec<std::ops::Range<usize>>, FuncError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for range in regex.find_iter(text).map(|m| m.range()).take(limit) {
        ctx.step(1)?;
        ctx.work(text.len() - range.end)?;
        found.push(range);
    }
    Ok(found)
}

fn find_all(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Answer {
    let compiled = compile(ctx, args, must)?;
    let text = Text::new(ctx, args[1].bytes())?;
    let found = matches(ctx, &compiled.regex, text.text(), args[2].as_int())?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(&Ty::Str)));
    }
    ctx.strs(found.into_iter().map(|range| text.bytes(range)).collect())
}

fn replace(ctx: &mut Ctx<'_>, args: &[Value], expand: bool, must: bool) -> Answer {
    let compiled = compile(ctx, args, must)?;
    let (text, new) = (Text::new(ctx, args[1].bytes())?, args[2].bytes());
    let parts = if expand {
        expand::parts(new, &compiled.names)
    } else {
        vec![expand::Part::Text(new)]
    };
    ctx.alloc(parts.len() * size_of::<expand::Part<'_>>())?;
    let mut out = ctx.buf();
    let mut end = 0;
    for captures in compiled.regex.captures_iter(text.text()) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        ctx.step(1 + parts.len() as u64 / 8)?;
        ctx.work(text.text().len() - whole.end())?;
        out.put(text.bytes(end..whole.start()));
        expand::write(&mut out, &parts, |number| {
            let group = captures.get(number);
            group.map_or(b"", |group| text.bytes(group.range()))
        });
        end = whole.end();
        if out.overflowed() {
            break;
        }
    }
    out.put(text.bytes(end..text.text().len()));
    ctx.finish(out)
}

/// Go's `Regexp.Split`.
fn split(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Answer {
    let compiled = compile(ctx, args, must)?;
    let (text, limit) = (Text::new(ctx, args[1].bytes())?, args[2].as_int());
    if limit == 0 {
        return Ok(Value::List(List::nil(&Ty::Str)));
    }
    let len = text.text().len();
    if !args[0].bytes().is_empty() && len == 0 {
        return ctx.strs(vec![""]);
    }
    let mut parts: Vec<Str> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for range in matches(ctx, &compiled.regex, text.text(), limit)? {
        if limit > 0 && parts.len() as i64 == limit - 1 {
            break;
        }
        end = range.start;
        if range.end != 0 {
            parts.push(Str::from(text.bytes(start..end)));
        }
        start = range.end;
    }
    if end != len {
        parts.push(Str::from(text.bytes(start..len)));
    }
    ctx.strs(parts)
}
