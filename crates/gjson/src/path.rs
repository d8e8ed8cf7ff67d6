//! Pure. Splits a path into the component to look for now and what follows it.

use std::borrow::Cow;

use crate::{
    modifiers,
    query::Query,
    scan::{quoted_or_block_end, string_end},
};

/// What follows a component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Then<'p> {
    /// The path ends.
    End,
    /// `.`: the rest is looked up inside what the component finds.
    Dot(&'p [u8]),
    /// `|`: the rest is looked up in the result.
    Pipe(&'p [u8]),
}

/// A component as an object reads it.
pub(crate) struct Key<'p> {
    /// The key, or the pattern where `wild`.
    pub(crate) name: Cow<'p, [u8]>,
    pub(crate) wild: bool,
    pub(crate) then: Then<'p>,
}

/// A component as an array reads it.
pub(crate) struct Item<'p> {
    pub(crate) pick: Pick<'p>,
    pub(crate) then: Then<'p>,
}

/// Which elements of an array a component means.
pub(crate) enum Pick<'p> {
    /// The element at this position.
    Index(usize),
    /// Nothing that an array has.
    Never,
    /// `#`: the number of elements.
    Count,
    /// `#.path`: the path in each element.
    Each(&'p [u8]),
    /// `#(…)` or `#(…)#`: the first or every element that matches.
    Query(Query<'p>),
}

/// Reads the first component of `path` as a key.
#[inline]
pub(crate) fn key(path: &[u8]) -> Key<'_> {
    let mut wild = false;
    for (at, byte) in path.iter().enumerate() {
        match byte {
            b'.' | b'|' => {
                return Key {
                    name: Cow::Borrowed(&path[..at]),
                    wild,
                    then: follow(path, at),
                };
            }
            b'*' | b'?' => wild = true,
            b'\\' => return escaped_key(path, at, wild),
            _ => {}
        }
    }
    Key {
        name: Cow::Borrowed(path),
        wild,
        then: Then::End,
    }
}

/// Reads a component whose first backslash is at `at`.
fn escaped_key(path: &[u8], mut at: usize, mut wild: bool) -> Key<'_> {
    let mut name = path.get(..at).unwrap_or_default().to_vec();
    while let Some(&byte) = path.get(at) {
        match byte {
            b'.' | b'|' => {
                return Key {
                    name: Cow::Owned(name),
                    wild,
                    then: follow(path, at),
                };
            }
            b'*' | b'?' => wild = true,
            b'\\' => {
                at += 1;
                name.extend(path.get(at));
                at += 1;
                continue;
            }
            _ => {}
        }
        name.push(byte);
        at += 1;
    }
    Key {
        name: Cow::Owned(name),
        wild,
        then: Then::End,
    }
}

/// Reads the first component of `path` as an array does.
pub(crate) fn item(path: &[u8]) -> Item<'_> {
    let mut hash = false;
    let mut query = None;
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        match byte {
            b'|' => {
                return Item {
                    pick: pick(path, at, hash, query),
                    then: follow(path, at),
                };
            }
            b'.' => {
                let then = if hash {
                    Then::Dot(tail(path, at))
                } else {
                    follow(path, at)
                };
                return Item {
                    pick: pick(path, at, hash, query),
                    then,
                };
            }
            b'#' => {
                hash = true;
                match path.get(1) {
                    Some(b'.') if at == 0 => {
                        return Item {
                            pick: Pick::Each(tail(path, 1)),
                            then: Then::End,
                        };
                    }
                    Some(b'[' | b'(') if at == 0 => {
                        let (read, end) = Query::read(path);
                        query = Some(read);
                        at = end;
                        continue;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        at += 1;
    }
    Item {
        pick: pick(path, path.len(), hash, query),
        then: Then::End,
    }
}

fn pick<'p>(path: &'p [u8], end: usize, hash: bool, query: Option<Query<'p>>) -> Pick<'p> {
    let name = path.get(..end).unwrap_or_default();
    match query {
        Some(query) => Pick::Query(query),
        None if hash && name == b"#" => Pick::Count,
        None if hash => Pick::Never,
        None => index(name).map_or(Pick::Never, Pick::Index),
    }
}

/// Reads an array index, which wraps around at 64 bits as Go's does.
fn index(name: &[u8]) -> Option<usize> {
    if name.is_empty() || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let wrapped = name.iter().fold(0_u64, |n, digit| {
        n.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    });
    usize::try_from(wrapped).ok()
}

fn tail(path: &[u8], at: usize) -> &[u8] {
    path.get(at + 1..).unwrap_or_default()
}

/// Says how the path goes on after the separator at `at`. A dot before a modifier or a
/// multipath is a pipe.
fn follow(path: &[u8], at: usize) -> Then<'_> {
    let rest = tail(path, at);
    let piped = path.get(at) == Some(&b'|')
        || match rest.first() {
            Some(b'[' | b'{') => true,
            Some(b'@') => modifiers::named(modifier_name(rest)).is_some(),
            _ => false,
        };
    if piped {
        Then::Pipe(rest)
    } else {
        Then::Dot(rest)
    }
}

/// Returns the name of the modifier that `path` begins with, without the `@`.
pub(crate) fn modifier_name(path: &[u8]) -> &[u8] {
    let name = path.get(1..).unwrap_or_default();
    name.split(|b| matches!(b, b'.' | b'|' | b':'))
        .next()
        .unwrap_or_default()
}

/// Splits the path behind a `#.` or a query at the first pipe that isn't inside a query or
/// an object multipath.
pub(crate) fn split_at_pipe(path: &[u8]) -> Option<(&[u8], &[u8])> {
    path.contains(&b'|').then_some(())?;
    if path.first() == Some(&b'{') {
        // The block is taken to begin after the brace, whatever stands there.
        let end = quoted_or_block_end(path.get(1..)?) + 1;
        return (path.get(end) == Some(&b'|')).then(|| (&path[..end], tail(path, end)));
    }
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'|' => return Some((path.get(..at)?, tail(path, at))),
            b'.' if at + 1 == path.len() => return None,
            b'.' if path.get(at + 1) == Some(&b'#') => {
                at += 2;
                match path.get(at) {
                    Some(open @ (b'[' | b'(')) => {
                        let close = if *open == b'[' { b']' } else { b')' };
                        at = selector_end(path, at, *open, close);
                    }
                    Some(_) => {}
                    None => return None,
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns the position of the byte that closes the selector opened at `at`.
fn selector_end(path: &[u8], at: usize, open: u8, close: u8) -> usize {
    let mut depth = 1_usize;
    let mut at = at + 1;
    while let Some(&byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => at = string_end(path, at + 1).unwrap_or(path.len()) - 1,
            _ if byte == open => depth += 1,
            _ if byte == close => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}
