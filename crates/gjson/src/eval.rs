//! Pure. Applies a path stage by stage: modifiers, literals, multipaths, and walks between pipes.

use crate::{
    budget::{Budget, LimitError},
    modifiers, multipath, path, quick,
    scan::{block_end, quoted_or_block_end},
    text::{Buf, Text},
    value::Value,
    walk::{self, Walked},
};

/// One look-up with everything it still may spend.
pub(crate) struct Eval {
    pub(crate) budget: Budget,
}

/// What a stage gives to the next one.
struct Stage<'j, 'p> {
    out: Out<'j>,
    rest: Option<&'p [u8]>,
}

enum Out<'j> {
    /// A value; its raw text is what the next stage reads.
    Value(Value<'j>),
    /// A document, which is parsed only if it is the last.
    Document(Text<'j>),
}

impl Eval {
    pub(crate) fn new() -> Self {
        Self {
            budget: Budget::new(),
        }
    }

    /// Looks `path` up in `json`.
    pub(crate) fn get<'j>(&mut self, json: &'j [u8], path: &[u8]) -> Result<Value<'j>, LimitError> {
        self.budget.enter()?;
        let value = match quick::get(self, json, path) {
            Some(found) => found,
            None => self.stages(json, path),
        };
        self.budget.leave();
        value
    }

    fn stages<'j>(&mut self, json: &'j [u8], path: &[u8]) -> Result<Value<'j>, LimitError> {
        let mut stage = self.stage(json, path)?;
        while let Some(rest) = stage.rest {
            let input = match stage.out {
                Out::Value(value) => value.into_raw(),
                Out::Document(text) => text,
            };
            stage = match input.split() {
                Ok(part) => self.stage(part, rest)?,
                Err(buf) => self.stage_on(buf, rest)?,
            };
        }
        Ok(match stage.out {
            Out::Value(value) => value,
            Out::Document(text) => match text.split() {
                Ok(part) => Value::parse(part),
                Err(buf) => Value::parse_owned(buf),
            },
        })
    }

    /// Applies a stage to an owned document, which goes when the stage is done.
    fn stage_on<'p>(
        &mut self,
        json: Buf,
        path: &'p [u8],
    ) -> Result<Stage<'static, 'p>, LimitError> {
        let Stage { out, rest } = self.stage(&json, path)?;
        let untouched = match &out {
            Out::Document(text) => text
                .as_part()
                .is_some_and(|part| std::ptr::eq(part, &*json)),
            Out::Value(_) => false,
        };
        if untouched {
            drop(out);
            return Ok(Stage {
                out: Out::Document(Text::owned(json)),
                rest,
            });
        }
        let out = match out {
            Out::Value(value) => {
                self.budget.produce(value.raw().len())?;
                Out::Value(value.into_owned())
            }
            Out::Document(text) => {
                self.budget.produce(text.len())?;
                Out::Document(text.into_owned())
            }
        };
        Ok(Stage { out, rest })
    }

    fn stage<'j, 'p>(
        &mut self,
        json: &'j [u8],
        path: &'p [u8],
    ) -> Result<Stage<'j, 'p>, LimitError> {
        if path.len() > 1 {
            let special = match path.first() {
                Some(b'@') => self.modifier(json, path)?,
                Some(b'!') => self.literal(path)?,
                Some(b'[' | b'{') => self.multipath(json, path)?,
                _ => None,
            };
            if let Some(stage) = special {
                return Ok(stage);
            }
        }
        self.walked(json, path)
    }

    fn walked<'j, 'p>(
        &mut self,
        json: &'j [u8],
        path: &'p [u8],
    ) -> Result<Stage<'j, 'p>, LimitError> {
        let Walked { value, rest } = walk::walk(self, json, path)?;
        Ok(Stage {
            out: Out::Value(value),
            rest,
        })
    }

    fn modifier<'j, 'p>(
        &mut self,
        json: &'j [u8],
        path: &'p [u8],
    ) -> Result<Option<Stage<'j, 'p>>, LimitError> {
        let name = path::modifier_name(path);
        let Some(modifier) = modifiers::named(name) else {
            return Ok(None);
        };
        let rest = path.get(name.len() + 1..).unwrap_or_default();
        let (argument, rest) = match rest {
            [b':', rest @ ..] => split_argument(rest),
            _ => (b"".as_slice(), rest),
        };
        self.budget.scan(argument.len() + json.len())?;
        let out = Out::Document(modifier(self, json, argument)?);
        Ok(Some(Stage {
            out,
            rest: after_separator(rest),
        }))
    }

    fn literal<'j, 'p>(&mut self, path: &'p [u8]) -> Result<Option<Stage<'j, 'p>>, LimitError> {
        let name = path.get(1..).unwrap_or_default();
        let end = match name.first() {
            // A quoted literal takes what follows it too, unless a closing bracket ends it.
            Some(b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9') => block_end(name, 0),
            _ => {
                let end = name
                    .iter()
                    .position(|b| matches!(b, b'.' | b'|'))
                    .unwrap_or(name.len());
                let word = name.get(..end).unwrap_or_default();
                let words: [&[u8]; 5] = [b"true", b"false", b"null", b"nan", b"inf"];
                if !words.iter().any(|known| word.eq_ignore_ascii_case(known)) {
                    return Ok(None);
                }
                end
            }
        };
        self.budget.produce(end)?;
        let text = Text::owned(Buf::copy_of(name.get(..end).unwrap_or_default()));
        let rest = after_separator(name.get(end..).unwrap_or_default());
        Ok(Some(Stage {
            out: Out::Document(text),
            rest,
        }))
    }

    fn multipath<'j, 'p>(
        &mut self,
        json: &'j [u8],
        path: &'p [u8],
    ) -> Result<Option<Stage<'j, 'p>>, LimitError> {
        self.budget.scan(path.len())?;
        // One that is never closed leaves an empty path: the key without a name.
        let Some((selectors, rest)) = multipath::selectors(path) else {
            return self.walked(json, b"").map(Some);
        };
        if !matches!(rest.first(), None | Some(b'|' | b'.')) {
            // A multipath with something else behind it counts as if it weren't there.
            return self.walked(json, rest).map(Some);
        }
        let object = path.first() == Some(&b'{');
        let value = multipath::build(self, json, &selectors, object)?;
        Ok(Some(Stage {
            out: Out::Value(value),
            rest: rest.get(1..),
        }))
    }
}

/// Returns what follows a `|` or `.`; anything else after a modifier or literal is dropped.
fn after_separator(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'|' | b'.', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Splits a modifier's argument off: a JSON value, or everything up to a pipe that isn't
/// inside brackets or quotes.
fn split_argument(path: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    if matches!(path.first(), Some(b'{' | b'[' | b'"')) {
        end = quoted_or_block_end(path);
    } else {
        while let Some(&byte) = path.get(end).filter(|b| **b != b'|') {
            end += match byte {
                b'{' | b'[' | b'"' | b'(' => {
                    quoted_or_block_end(path.get(end..).unwrap_or_default())
                }
                _ => 1,
            };
        }
    }
    path.split_at(end.min(path.len()))
}
