//! Pure. Regular expressions as Go reads and matches them, on bytes.
mod class;
mod count;
mod expand;
mod level;
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

/// States of an expression, at most: those of [`SIZE_LIMIT`], and a bound on what it takes to
/// read it.
const MOST_STATES: u64 = 50_000;

struct Compiled {
    regex: Regex,
    names: Vec<Option<String>>,
    /// About the number of states, each of which may look at each byte.
    states: u64,
    longest: Option<u64>,
}

impl Compiled {
    fn is_match(&self, ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
        let text = Text::new(ctx, args[1].bytes())?;
        self.search(ctx, text.text().len())?;
        Ok(Value::Bool(self.regex.is_match(text.text())))
    }

    /// Takes the steps of looking at so many bytes from the budget.
    fn search(&self, ctx: &mut Ctx<'_>, bytes: usize) -> Result<(), FuncError> {
        let each = 5 + self.states;
        ctx.step((bytes as u64).saturating_mul(each) / 320)
    }

    /// Takes the steps of the search behind a match: it may look at all that is left, or no
    /// further than the longest match would go.
    fn search_on(&self, ctx: &mut Ctx<'_>, left: usize) -> Result<(), FuncError> {
        let longest = self.longest.and_then(|longest| longest.try_into().ok());
        ctx.step(1)?;
        self.search(ctx, left.min(longest.unwrap_or(usize::MAX)))
    }
}

/// The expression of the first argument; the text to search is the second. Functions that have
/// no `must` say how they came by a mistake, as Go does.
fn compile(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Result<Compiled, FuncError> {
    let pattern = args[0].bytes();
    ctx.step(LEAST_COST + pattern.len() as u64)?;
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
    if expression.cost > MOST_STATES {
        return Err(Limit::Memory.into());
    }
    let built = RegexBuilder::new(&expression.source)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(400)
        .build();
    match built {
        Ok(regex) => Ok(Compiled {
            regex,
            names: expression.names,
            states: expression.cost,
            longest: expression.longest,
        }),
        // Go would compile it: it is too large, and not malformed.
        Err(_) => Err(Limit::Memory.into()),
    }
}

fn find(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Answer {
    let compiled = compile(ctx, args, must)?;
    let text = Text::new(ctx, args[1].bytes())?;
    compiled.search(ctx, text.text().len())?;
    match compiled.regex.find(text.text()) {
        Some(found) => ctx.str(text.bytes(found.range())),
        None => Ok("".into()),
    }
}

/// Matches that Go finds, as ranges: an empty one right after another does not count.
fn matches(
    ctx: &mut Ctx<'_>,
    compiled: &Compiled,
    text: &str,
    limit: i64,
) -> Result<Vec<std::ops::Range<usize>>, FuncError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    compiled.search(ctx, text.len())?;
    let all = compiled.regex.find_iter(text).map(|m| m.range());
    for range in all.take(limit) {
        compiled.search_on(ctx, text.len() - range.end)?;
        found.push(range);
    }
    Ok(found)
}

fn find_all(ctx: &mut Ctx<'_>, args: &[Value], must: bool) -> Answer {
    let compiled = compile(ctx, args, must)?;
    let text = Text::new(ctx, args[1].bytes())?;
    let found = matches(ctx, &compiled, text.text(), args[2].as_int())?;
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
    let group = |part: &expand::Part<'_>| matches!(part, expand::Part::Group(1..));
    let groups = parts.iter().any(group);
    compiled.search(ctx, text.text().len())?;
    let mut out = ctx.buf();
    let mut end = 0;
    for whole in compiled.regex.find_iter(text.text()) {
        ctx.step(parts.len() as u64 / 8)?;
        compiled.search_on(ctx, text.text().len() - whole.end())?;
        out.put(text.bytes(end..whole.start()));
        let captures = if groups {
            // Which group matched where is found out by going over the match once more.
            compiled.search(ctx, whole.len())?;
            compiled.regex.captures_at(text.text(), whole.start())
        } else {
            None
        };
        expand::write(&mut out, &parts, |number| {
            let range = match &captures {
                Some(captures) => captures.get(number).map(|group| group.range()),
                None => (number == 0).then(|| whole.range()),
            };
            range.map_or(b"", |range| text.bytes(range))
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
    for range in matches(ctx, &compiled, text.text(), limit)? {
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
