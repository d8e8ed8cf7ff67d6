//! Pure. The common look-up, keys inside objects, without the machinery of the whole language.

use crate::{
    budget::LimitError,
    eval::Eval,
    scan::{Token, next_token, string_end, token_at, token_end},
    string,
    text::Text,
    value::{Kind, Value},
    walk,
};

/// Components that are followed here; a longer path takes the long way.
const DEPTH: usize = 4;

/// Documents above this are left to the budget of the long way.
const LONGEST: usize = 16 << 20;

/// Bytes that make a component more than the name of a key, or end it with a pipe.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"*?\\|[{@!";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// Looks `path` up if all its components are names of keys, with the result that the long way
/// would have; `None` leaves it to that one.
#[inline]
pub(crate) fn get<'j>(
    eval: &mut Eval,
    json: &'j [u8],
    path: &[u8],
) -> Option<Result<Value<'j>, LimitError>> {
    if json.first() != Some(&b'{') || json.len() > LONGEST {
        return None;
    }
    if path.iter().any(|b| SPECIAL[usize::from(*b)]) || path.starts_with(b"..") {
        return None;
    }
    let mut quick = Quick {
        json,
        at: 1,
        around: [b""; DEPTH],
        depth: 0,
    };
    let found = match quick.walk(path)? {
        Walked::Found(value) => value,
        Walked::Array(start, rest) => return Some(quick.array(eval, start, rest)),
    };
    Some(eval.budget.scan(quick.at + path.len()).map(|()| found))
}

/// How a walk ended.
enum Walked<'j, 'p> {
    /// With a value, or with none.
    Found(Value<'j>),
    /// At an array, with the rest of the path.
    Array(usize, &'p [u8]),
}

struct Quick<'j, 'p> {
    json: &'j [u8],
    at: usize,
    /// The paths of the objects around the innermost one: a path that leads nowhere inside one
    /// member may lead somewhere in a later member of the same name.
    around: [&'p [u8]; DEPTH],
    depth: usize,
}

/// Where a member leads.
enum Member<'j> {
    /// To the value that is looked for.
    Found(Value<'j>),
    /// Into the object or array that begins here.
    Inside(usize),
    /// The object ends, or nothing more can be read.
    End,
}

impl<'j, 'p> Quick<'j, 'p> {
    fn walk(&mut self, mut path: &'p [u8]) -> Option<Walked<'j, 'p>> {
        loop {
            let (name, rest) = match path.iter().position(|b| *b == b'.') {
                Some(dot) => (&path[..dot], Some(&path[dot + 1..])),
                None => (path, None),
            };
            match (self.member(name, rest.is_none()), rest) {
                (Member::Found(value), _) => return Some(Walked::Found(value)),
                (Member::Inside(start), Some(rest)) => {
                    *self.around.get_mut(self.depth)? = path;
                    self.depth += 1;
                    if self.json.get(start) == Some(&b'[') {
                        return Some(Walked::Array(start, rest));
                    }
                    self.at = start + 1;
                    path = rest;
                }
                (Member::Inside(_) | Member::End, _) => {
                    let Some(depth) = self.depth.checked_sub(1) else {
                        return Some(Walked::Found(Value::default()));
                    };
                    self.depth = depth;
                    path = self.around[depth];
                }
            }
        }
    }

    /// Goes on with the whole language at the array that begins at `start`.
    #[inline(never)]
    fn array(
        &self,
        eval: &mut Eval,
        start: usize,
        rest: &'p [u8],
    ) -> Result<Value<'j>, LimitError> {
        let around = self.around.get(..self.depth).unwrap_or_default();
        walk::resume(eval, self.json, around, start, rest)
    }

    /// Looks for a key among the members from `self.at` on, as the long way does.
    fn member(&mut self, name: &[u8], last: bool) -> Member<'j> {
        let json = self.json;
        loop {
            let rest = json.get(self.at..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(|b| matches!(b, b'"' | b'}')) else {
                return self.broken();
            };
            let start = self.at + skipped + 1;
            if rest.get(skipped) == Some(&b'}') {
                self.at = start;
                return Member::End;
            }
            let Some(end) = string_end(json, start) else {
                return self.broken();
            };
            let named = is_named(json.get(start..end - 1).unwrap_or_default(), name);
            // In a valid document a colon and the value are next, mostly without space.
            let next = token_at(json, end + 1).filter(|_| json.get(end) == Some(&b':'));
            let next = next.map(|token| (token, end + 1));
            let Some((token, start)) = next.or_else(|| next_token(json, end)) else {
                return self.broken();
            };
            if named && !last && token == Token::Json {
                return Member::Inside(start);
            }
            let Some(end) = token_end(json, start, token) else {
                return self.broken();
            };
            self.at = end;
            if named && last {
                let raw = json.get(start..end).unwrap_or_default();
                return Member::Found(Value::new(Kind::from(token), Text::part(raw)));
            }
        }
    }

    fn broken(&mut self) -> Member<'j> {
        self.at = self.json.len();
        Member::End
    }
}

/// Says whether the key of a member, as it is written, is the one that is looked for. Escapes
/// make a key longer: only a longer one needs to be decoded.
#[inline]
fn is_named(written: &[u8], name: &[u8]) -> bool {
    if written.len() <= name.len() {
        return written == name;
    }
    written.contains(&b'\\') && *string::unescaped(written) == *name
}
