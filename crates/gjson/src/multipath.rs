//! Pure. Multipaths: `[a,b]` and `{a,"name":b}` make new documents of several look-ups.

use crate::{
    budget::LimitError,
    eval::Eval,
    string,
    text::Buf,
    valid,
    value::{Kind, Value},
};

/// One of the paths of a multipath, with the name it was given.
pub(crate) struct Selector<'p> {
    name: &'p [u8],
    path: &'p [u8],
}

/// Splits a multipath into its selectors and the path that follows; nothing if it is never
/// closed.
pub(crate) fn selectors(path: &[u8]) -> Option<(Vec<Selector<'_>>, &[u8])> {
    let mut found = Vec::new();
    let mut depth = 1_usize;
    let mut start = 1;
    let mut colon = None;
    // Inside a modifier a colon begins its argument, not a selector's path.
    let mut modifier = false;
    let mut at = 1;
    while let Some(&byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'@' => modifier |= at > 0 && matches!(path.get(at - 1), Some(b'.' | b'|')),
            b':' if !modifier && depth == 1 && colon.is_none() => colon = Some(at),
            b'"' => {
                at += 1;
                while let Some(&byte) = path.get(at).filter(|b| **b != b'"') {
                    at += if byte == b'\\' { 2 } else { 1 };
                }
            }
            b'[' | b'(' | b'{' => depth += 1,
            b',' if depth == 1 => {
                found.push(selector(path, start, colon.take(), at));
                modifier = false;
                start = at + 1;
            }
            b']' | b')' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    found.push(selector(path, start, colon, at));
                    return Some((found, path.get(at + 1..)?));
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn selector(path: &[u8], start: usize, colon: Option<usize>, end: usize) -> Selector<'_> {
    let part = |from: usize, to: usize| path.get(from..to).unwrap_or_default();
    match colon {
        Some(colon) => Selector {
            name: part(start, colon),
            path: part(colon + 1, end),
        },
        None => Selector {
            name: b"",
            path: part(start, end),
        },
    }
}

/// Looks all selectors up and puts what they find into one document.
pub(crate) fn build(
    eval: &mut Eval,
    json: &[u8],
    selectors: &[Selector<'_>],
    object: bool,
) -> Result<Value<'static>, LimitError> {
    let (open, close): (&[u8], &[u8]) = if object { (b"{", b"}") } else { (b"[", b"]") };
    let mut out = Buf::new();
    out.put(open, &mut eval.budget)?;
    for selector in selectors {
        let value = eval.get(json, selector.path)?;
        if !value.exists() {
            continue;
        }
        if out.len() > 1 {
            out.put(b",", &mut eval.budget)?;
        }
        if object {
            put_name(selector, &mut out, eval)?;
            out.put(b":", &mut eval.budget)?;
        }
        out.put(value.raw(), &mut eval.budget)?;
    }
    out.put(close, &mut eval.budget)?;
    debug_assert_eq!(Value::parse(&out).kind(), Kind::Json);
    Ok(Value::json(out))
}

fn put_name(selector: &Selector<'_>, out: &mut Buf, eval: &mut Eval) -> Result<(), LimitError> {
    let given = selector.name;
    if given.first() == Some(&b'"') && valid::is_valid(given) {
        return out.put(given, &mut eval.budget);
    }
    let name = if given.is_empty() {
        last_component(selector.path)
    } else {
        given
    };
    let name = if given.is_empty() && !is_simple(name) {
        b"_"
    } else {
        name
    };
    string::quote(name, out, &mut eval.budget)
}

/// Returns what follows the last separator that isn't escaped.
fn last_component(path: &[u8]) -> &[u8] {
    let escaped = |at: usize| at > 0 && path.get(at - 1) == Some(&b'\\');
    let separates = |at: &usize| matches!(path.get(*at), Some(b'|' | b'.')) && !escaped(*at);
    match (0..path.len()).rev().find(separates) {
        Some(at) => path.get(at + 1..).unwrap_or_default(),
        None => path,
    }
}

fn is_simple(name: &[u8]) -> bool {
    !name.iter().any(|b| {
        *b < b' '
            || matches!(
                b,
                b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'#' | b'|' | b'!'
            )
    })
}
