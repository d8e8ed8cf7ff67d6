//! Pure. Text functions that look at words and cases, and random text.
mod cases;

use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::runes::{
    self, Rune, is_digit, is_letter, is_space, is_upper, to_lower, to_title, to_upper,
};
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("title", &[Ty::Str], |ctx, args| {
        let mut last = ' ';
        mapped(ctx, args, move |c| {
            let start = separates(last);
            last = c;
            if start { to_title(c) } else { c }
        })
    }),
    Function::new("untitle", &[Ty::Str], |ctx, args| {
        let mut last = ' ';
        mapped(ctx, args, move |c| {
            let start = is_space(last);
            last = c;
            if start { to_lower(c) } else { c }
        })
    }),
    Function::new("swapcase", &[Ty::Str], |ctx, args| {
        let mut last = ' ';
        mapped(ctx, args, move |c| {
            let start = is_space(last);
            last = c;
            match c {
                c if is_upper(c) || (to_title(c) == c && to_lower(c) != c) => to_lower(c),
                c if start => to_title(c),
                c => to_upper(c),
            }
        })
    }),
    Function::new("nospace", &[Ty::Str], nospace),
    Function::new("initials", &[Ty::Str], initials),
    Function::new("snakecase", &[Ty::Str], |ctx, args| {
        cases::separated(ctx, args, '_')
    }),
    Function::new("kebabcase", &[Ty::Str], |ctx, args| {
        cases::separated(ctx, args, '-')
    }),
    Function::new("camelcase", &[Ty::Str], pascal),
    Function::new("wrap", &[Ty::INT, Ty::Str], |ctx, args| {
        wrap(ctx, args[1].bytes(), args[0].as_int(), b"\n", false)
    }),
    Function::new("wrapWith", &[Ty::INT, Ty::Str, Ty::Str], |ctx, args| {
        let sep = if args[1].bytes().is_empty() {
            b"\n"
        } else {
            args[1].bytes()
        };
        wrap(ctx, args[2].bytes(), args[0].as_int(), sep, true)
    }),
    Function::new("randAlphaNum", &[Ty::INT], |ctx, args| {
        random(ctx, args, |c| c.is_ascii_alphanumeric())
    })
    .volatile(),
    Function::new("randAlpha", &[Ty::INT], |ctx, args| {
        random(ctx, args, |c| c.is_ascii_alphabetic())
    })
    .volatile(),
    Function::new("randNumeric", &[Ty::INT], |ctx, args| {
        random(ctx, args, |c| c.is_ascii_digit())
    })
    .volatile(),
    Function::new("randAscii", &[Ty::INT], |ctx, args| {
        random(ctx, args, |c| (b' '..=b'~').contains(c))
    })
    .volatile(),
    Function::new("shuffle", &[Ty::Str], shuffle).volatile(),
];

fn mapped(ctx: &mut Ctx<'_>, args: &[Value], f: impl FnMut(char) -> char) -> Answer {
    ctx.work(args[0].bytes().len())?;
    ctx.str(runes::map(args[0].bytes(), f))
}

/// Whether a character ends a word for `title`.
fn separates(c: char) -> bool {
    if c.is_ascii() {
        !(c.is_ascii_alphanumeric() || c == '_')
    } else {
        !is_letter(c) && !is_digit(c) && is_space(c)
    }
}

/// goutils takes every byte for a character of its own, unless there is no space to remove.
fn nospace(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let text = args[0].bytes();
    if !text.iter().any(|&b| is_space(char::from(b))) {
        return Ok(args[0].clone());
    }
    let mut out = ctx.buf();
    text.iter()
        .map(|&b| char::from(b))
        .filter(|&c| !is_space(c))
        .for_each(|c| out.char(c));
    ctx.finish(out)
}

/// The first byte of every word, as a character of its own, as goutils takes it.
fn initials(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut out = ctx.buf();
    let mut start = true;
    for c in args[0].bytes().iter().map(|&b| char::from(b)) {
        let space = is_space(c);
        if start && !space {
            out.char(c);
        }
        start = space;
    }
    ctx.finish(out)
}

fn connects(c: char) -> bool {
    c == '_' || c == '-' || is_space(c)
}

/// Words capitalized and put together. Of connectors between words one goes.
fn pascal(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let text: Vec<char> = runes::runes(args[0].bytes()).map(Rune::value).collect();
    ctx.work(text.len())?;
    let mut out = ctx.buf();
    let lead = text.iter().take_while(|&&c| connects(c)).count();
    text[..lead].iter().for_each(|&c| out.char(c));
    let mut rest = &text[lead..];
    if let (true, Some(&c)) = (rest.is_empty(), text.last()) {
        // xstrings writes the last of nothing but connectors twice.
        out.char(c);
    }
    while !rest.is_empty() {
        let len = rest.iter().take_while(|&&c| !connects(c)).count();
        capitalize(&rest[..len], &mut out);
        rest = &rest[len..];
        let gap = rest.iter().take_while(|&&c| connects(c)).count();
        let kept = if gap == rest.len() { gap } else { gap - 1 };
        rest[..kept].iter().for_each(|&c| out.char(c));
        rest = &rest[gap..];
    }
    ctx.finish(out)
}

/// A run of capitals at the start of a word is an acronym: `HTTP` becomes `Http`.
fn capitalize(word: &[char], out: &mut Buf) {
    let Some((&first, rest)) = word.split_first() else {
        return;
    };
    out.char(to_upper(first));
    let capitals = if is_upper(first) {
        rest.iter().take_while(|&&c| is_upper(c)).count()
    } else {
        0
    };
    rest[..capitals].iter().for_each(|&c| out.char(to_lower(c)));
    rest[capitals..].iter().for_each(|&c| out.char(c));
}

/// Breaks lines at the last space before the width; a longer word is broken only if wanted.
fn wrap(ctx: &mut Ctx<'_>, text: &[u8], width: i64, sep: &[u8], break_words: bool) -> Answer {
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let mut out = ctx.buf();
    let mut rest = text;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        ctx.step(1)?;
        let space = |b: &u8| *b == b' ';
        if let Some(at) = rest[..=width].iter().rposition(space) {
            out.put(&rest[..at]);
            out.put(sep);
            rest = &rest[at + 1..];
        } else if break_words {
            out.put(&rest[..width]);
            out.put(sep);
            rest = &rest[width..];
        } else if let Some(at) = rest[width..].iter().position(space) {
            out.put(&rest[..width + at]);
            out.put(sep);
            rest = &rest[width + at + 1..];
        } else {
            break;
        }
    }
    out.put(rest);
    ctx.finish(out)
}

fn random(ctx: &mut Ctx<'_>, args: &[Value], allowed: fn(&u8) -> bool) -> Answer {
    let count = usize::try_from(args[0].as_int()).unwrap_or(0);
    ctx.alloc(count)?;
    let set: Vec<u8> = (0..128).filter(allowed).collect();
    let mut out = Buf::new();
    for _ in 0..count {
        let at = ctx.random_below(set.len() as u64) as usize;
        out.byte(set[at]);
    }
    ctx.str(out)
}

fn shuffle(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut text: Vec<char> = runes::runes(args[0].bytes()).map(Rune::value).collect();
    ctx.alloc(text.len() * 4)?;
    for i in (1..text.len()).rev() {
        let j = ctx.random_below(i as u64 + 1) as usize;
        text.swap(i, j);
    }
    let mut out = ctx.buf();
    text.iter().for_each(|&c| out.char(c));
    ctx.finish(out)
}
