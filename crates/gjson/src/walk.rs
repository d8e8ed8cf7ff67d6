//! Pure. Walks a document along a path: one pass, no tree, no recursion into the document.

use crate::{
    budget::{DESCENT_MAX, LimitError},
    eval::Eval,
    glob,
    path::{self, Key, Then},
    scan::{Token, next_token, string_end, token_end},
    string,
    text::Text,
    value::{Kind, Value},
};

mod array;

/// What a walk found, and the path that is still to be applied to it.
pub(crate) struct Walked<'j, 'p> {
    pub(crate) value: Value<'j>,
    pub(crate) rest: Option<&'p [u8]>,
}

/// Walks `json` along `path` up to its first pipe.
pub(crate) fn walk<'j, 'p>(
    eval: &mut Eval,
    json: &'j [u8],
    path: &'p [u8],
) -> Result<Walked<'j, 'p>, LimitError> {
    let mut walk = Walk {
        json,
        at: 0,
        level: None,
        way: Way::default(),
        found: None,
        rest: None,
    };
    if let Some(path) = path.strip_prefix(b"..") {
        walk.level = Some(Level {
            path,
            object: false,
            next: 0,
        });
    } else if let Some(start) = json.iter().position(|b| matches!(b, b'{' | b'[')) {
        walk.at = start + 1;
        walk.level = Some(Level {
            path,
            object: json.get(start) == Some(&b'{'),
            next: 0,
        });
    } else {
        walk.at = json.len();
    }
    walk.finish(eval)
}

/// Goes on with a walk that has come into the array at `start`, through objects where the paths
/// in `around` were looked up. The path has no pipe.
pub(crate) fn resume<'j, 'p>(
    eval: &mut Eval,
    json: &'j [u8],
    around: &[&'p [u8]],
    start: usize,
    path: &'p [u8],
) -> Result<Value<'j>, LimitError> {
    let mut way = Way::default();
    for path in around {
        way.push(Level {
            path,
            object: true,
            next: 0,
        })?;
    }
    let walk = Walk {
        json,
        at: start + 1,
        level: Some(Level {
            path,
            object: false,
            next: 0,
        }),
        way,
        found: None,
        rest: None,
    };
    Ok(walk.finish(eval)?.value)
}

/// An object or array the walk is in.
#[derive(Clone, Copy, Default)]
struct Level<'p> {
    /// The path from here on.
    path: &'p [u8],
    object: bool,
    /// The position of the next element of an array.
    next: usize,
}

/// The levels around the innermost one: a path that leads nowhere inside one member may lead
/// somewhere in a later member.
#[derive(Default)]
struct Way<'p> {
    /// The outermost levels, as many as most documents have.
    first: [Level<'p>; 2],
    more: Vec<Level<'p>>,
    depth: usize,
}

impl<'p> Way<'p> {
    fn push(&mut self, level: Level<'p>) -> Result<(), LimitError> {
        if self.depth >= DESCENT_MAX {
            return Err(LimitError::Depth);
        }
        match self.first.get_mut(self.depth) {
            Some(place) => *place = level,
            None => self.more.push(level),
        }
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<Level<'p>> {
        self.depth = self.depth.checked_sub(1)?;
        self.first
            .get(self.depth)
            .copied()
            .or_else(|| self.more.pop())
    }
}

struct Walk<'j, 'p> {
    json: &'j [u8],
    at: usize,
    /// The innermost level; without one the walk is over.
    level: Option<Level<'p>>,
    way: Way<'p>,
    found: Option<Value<'j>>,
    /// The piped path. It counts once its level is entered, found or not.
    rest: Option<&'p [u8]>,
}

impl<'j, 'p> Walk<'j, 'p> {
    /// Walks until something is found, or nothing is left.
    fn finish(mut self, eval: &mut Eval) -> Result<Walked<'j, 'p>, LimitError> {
        while let Some(level) = self.level.take() {
            if level.object {
                self.object(eval, level)?;
            } else {
                self.array(eval, level)?;
            }
        }
        eval.budget.scan(self.at.min(self.json.len()))?;
        Ok(Walked {
            value: self.found.unwrap_or_default(),
            rest: self.rest,
        })
    }

    /// Descends from `level` into the block at `start`.
    fn descend(
        &mut self,
        level: Level<'p>,
        start: usize,
        path: &'p [u8],
    ) -> Result<(), LimitError> {
        self.way.push(level)?;
        self.at = start + 1;
        let object = self.json.get(start) == Some(&b'{');
        self.level = Some(Level {
            path,
            object,
            next: 0,
        });
        Ok(())
    }

    /// Leaves the innermost level at `at` without a hit.
    fn leave(&mut self, at: usize) {
        self.at = at;
        self.level = self.way.pop();
    }

    /// Notes what follows the component of the innermost level, which begins `path`.
    fn follow(&mut self, eval: &mut Eval, path: &[u8], then: Then<'p>) -> Result<(), LimitError> {
        let after = match then {
            Then::End => 0,
            Then::Dot(rest) => rest.len(),
            Then::Pipe(rest) => {
                self.rest = Some(rest);
                rest.len()
            }
        };
        eval.budget.scan(path.len() - after)
    }

    fn value(&self, token: Token, start: usize, end: usize) -> Value<'j> {
        Value::new(
            Kind::from(token),
            Text::part(self.json.get(start..end).unwrap_or_default()),
        )
    }

    /// Looks for a key among the members from `self.at` on.
    fn object(&mut self, eval: &mut Eval, level: Level<'p>) -> Result<(), LimitError> {
        let key = path::key(level.path);
        self.follow(eval, level.path, key.then)?;
        loop {
            let rest = self.json.get(self.at..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(|b| matches!(b, b'"' | b'}')) else {
                self.leave(self.json.len());
                return Ok(());
            };
            let start = self.at + skipped + 1;
            if rest.get(skipped) == Some(&b'}') {
                self.leave(start);
                return Ok(());
            }
            let Some(end) = string_end(self.json, start) else {
                self.leave(self.json.len());
                return Ok(());
            };
            let name = self.json.get(start..end - 1).unwrap_or_default();
            let named = is_named(name, &key, eval)?;
            let Some((token, start)) = next_token(self.json, end) else {
                self.leave(self.json.len());
                return Ok(());
            };
            match key.then {
                Then::Dot(path) if named && token == Token::Json => {
                    return self.descend(level, start, path);
                }
                _ => {}
            }
            let Some(end) = token_end(self.json, start, token) else {
                self.leave(self.json.len());
                return Ok(());
            };
            self.at = end;
            if named && !matches!(key.then, Then::Dot(_)) {
                self.found = Some(self.value(token, start, end));
                return Ok(());
            }
        }
    }
}

/// Says whether the key of a member, as it is written, is the one the path means.
#[inline]
fn is_named(written: &[u8], key: &Key<'_>, eval: &mut Eval) -> Result<bool, LimitError> {
    // Escapes make a key longer: only a longer one needs to be decoded.
    if !key.wild && written.len() <= key.name.len() {
        return Ok(written == &*key.name && !written.contains(&b'\\'));
    }
    if !written.contains(&b'\\') {
        return Ok(key.wild && glob::matches(written, &key.name, &mut eval.budget)?);
    }
    let name = string::unescaped(written);
    if key.wild {
        return glob::matches(&name, &key.name, &mut eval.budget);
    }
    Ok(*name == *key.name)
}
