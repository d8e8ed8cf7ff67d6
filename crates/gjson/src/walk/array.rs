//! Pure. The array's part of a walk: positions, counts, `#.path`, queries.

use super::{Level, Walk};
use crate::{
    budget::LimitError,
    eval::Eval,
    list::List,
    path::{self, Pick, Then},
    query::Query,
    scan::{Token, block_end_or_beyond, next_token, token_at, token_end},
    text::{Buf, Text},
    value::{Kind, Value},
};

impl<'j, 'p> Walk<'j, 'p> {
    /// Looks for elements from `self.at` on.
    pub(super) fn array(&mut self, eval: &mut Eval, level: Level<'p>) -> Result<(), LimitError> {
        let item = path::item(level.path);
        self.follow(eval, level.path, item.then)?;
        match item.pick {
            Pick::Index(index) => self.indexed(level, item.then, index),
            Pick::Never => {
                while let Step::Value(..) = self.step() {}
                self.leave(self.at);
                Ok(())
            }
            Pick::Count => {
                self.count();
                Ok(())
            }
            Pick::Each(path) => self.each(eval, path),
            Pick::Query(ref query) => self.query(eval, query, item.then),
        }
    }

    /// Passes over one element.
    fn step(&mut self) -> Step {
        match self.begin() {
            Step::Value(token, start, _) => self.pass(token, start),
            other => other,
        }
    }

    /// Goes to the beginning of the next element, whose end isn't looked for.
    fn begin(&mut self) -> Step {
        let json = self.json;
        while self.at < json.len() {
            if json[self.at] == b']' {
                self.at += 1;
                return Step::Close;
            }
            if let Some(token) = token_at(json, self.at) {
                return Step::Value(token, self.at, self.at);
            }
            self.at += 1;
        }
        if self.at > json.len() {
            return Step::Broken;
        }
        // An array that is never closed closes where the document ends, but only once.
        self.at = json.len() + 1;
        Step::Close
    }

    /// Passes over the element that begins at `start`.
    fn pass(&mut self, token: Token, start: usize) -> Step {
        let end = match token {
            Token::Json => Some(block_end_or_beyond(self.json, start)),
            _ => token_end(self.json, start, token),
        };
        let Some(end) = end else {
            self.at = self.json.len();
            return Step::Broken;
        };
        self.at = end;
        Step::Value(token, start, end.min(self.json.len()))
    }

    fn indexed(
        &mut self,
        mut level: Level<'p>,
        then: Then<'p>,
        index: usize,
    ) -> Result<(), LimitError> {
        while let Step::Value(token, start, _) = self.begin() {
            let hit = level.next == index;
            level.next += 1;
            match then {
                Then::Dot(path) if hit && token == Token::Json => {
                    return self.descend(level, start, path);
                }
                _ => {}
            }
            let Step::Value(_, _, end) = self.pass(token, start) else {
                break;
            };
            if hit && !matches!(then, Then::Dot(_)) {
                self.found = Some(self.value(token, start, end));
                return Ok(());
            }
        }
        self.leave(self.at);
        Ok(())
    }

    fn count(&mut self) {
        let mut count = 0_usize;
        loop {
            match self.step() {
                Step::Value(..) => count += 1,
                Step::Close => {
                    let text = Buf::copy_of(count.to_string().as_bytes());
                    self.found = Some(Value::new(Kind::Number, Text::owned(text)));
                    return;
                }
                Step::Broken => return self.leave(self.at),
            }
        }
    }

    /// Collects what `path` finds in each element.
    fn each(&mut self, eval: &mut Eval, path: &'p [u8]) -> Result<(), LimitError> {
        let split = path::split_at_pipe(path);
        let path = split.map_or(path, |(left, _)| left);
        let mut list = List::new();
        loop {
            if let Some(element) = self.element_after(eval, self.at)? {
                let found = eval.get(element, path)?;
                if found.exists() {
                    list.push(found.raw(), eval)?;
                }
            }
            match self.step() {
                Step::Value(..) => {}
                Step::Close => break,
                Step::Broken => {
                    self.leave(self.at);
                    return Ok(());
                }
            }
        }
        self.rest = split.map_or(self.rest, |(_, right)| Some(right));
        self.found = Some(list.close(eval)?);
        Ok(())
    }

    /// Returns the value after `at`, unless the array closes there. In a document that isn't
    /// valid this may be a value behind the array.
    fn element_after(&self, eval: &mut Eval, at: usize) -> Result<Option<&'j [u8]>, LimitError> {
        let json: &'j [u8] = self.json;
        let rest = json.get(at..).unwrap_or_default();
        let first = rest
            .iter()
            .find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
        if matches!(first, None | Some(b']')) {
            return Ok(None);
        }
        let Some((token, start)) = next_token(json, at) else {
            eval.budget.scan(rest.len())?;
            return Ok(None);
        };
        let end = token_end(json, start, token);
        eval.budget.scan(end.unwrap_or(json.len()) - at)?;
        Ok(end.and_then(|end| json.get(start..end)))
    }

    /// Finds the first element that matches, or collects all.
    fn query(
        &mut self,
        eval: &mut Eval,
        query: &Query<'p>,
        then: Then<'p>,
    ) -> Result<(), LimitError> {
        let dot = match then {
            Then::Dot(path) => Some(path),
            Then::End | Then::Pipe(_) => None,
        };
        let split = dot.and_then(path::split_at_pipe);
        let path = split.map_or(dot, |(left, _)| Some(left));
        let mut list = List::new();
        loop {
            let (token, start, end) = match self.step() {
                Step::Value(token, start, end) => (token, start, end),
                Step::Close => break,
                Step::Broken => {
                    self.leave(self.at);
                    return Ok(());
                }
            };
            let element = self.value(token, start, end);
            if !selected(
                eval,
                query,
                self.json.get(start..end).unwrap_or_default(),
                &element,
            )? {
                continue;
            }
            self.rest = split.map_or(self.rest, |(_, right)| Some(right));
            let found = match path {
                Some(path) => eval.get(self.json.get(start..end).unwrap_or_default(), path)?,
                None => element,
            };
            if !query.all {
                self.found = Some(found);
                return Ok(());
            }
            if !found.raw().is_empty() {
                list.push(found.raw(), eval)?;
            }
        }
        if query.all && !self.found.as_ref().is_some_and(Value::exists) {
            self.found = Some(list.close(eval)?);
        }
        self.leave(self.at);
        Ok(())
    }
}

/// What comes next in an array.
enum Step {
    /// An element, where it begins and where it ends.
    Value(Token, usize, usize),
    Close,
    /// A string that never ends, or the end of the document for the second time.
    Broken,
}

/// Says whether a query selects an element: `element`, written as `raw`.
fn selected(
    eval: &mut Eval,
    query: &Query<'_>,
    raw: &[u8],
    element: &Value<'_>,
) -> Result<bool, LimitError> {
    if element.kind() == Kind::Json {
        let value = eval.get(raw, query.path)?;
        return query.matches(&value, &mut eval.budget);
    }
    Ok(query.path.is_empty() && query.matches(element, &mut eval.budget)?)
}
