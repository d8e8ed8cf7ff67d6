//! Pure. `@pretty` and `@ugly`: white space in documents, valid or not.

use crate::{
    budget::{Budget, LimitError},
    eval::Eval,
    members::{options, truth},
    pretty::order::{Pair, sort},
    scan::string_end,
    text::{Buf, Text},
    value::{Kind, Value},
};

mod order;

/// `@ugly`: the document without white space between tokens.
pub(crate) fn ugly<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    let mut out = Buf::with_capacity(json.len());
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let end = match byte {
            b'"' => string_end(json, at + 1).unwrap_or(json.len()),
            _ => at + 1,
        };
        if byte > b' ' {
            out.append(json.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    eval.budget.produce(out.len())?;
    Ok(Text::owned(out))
}

/// `@pretty`: each member on a line of its own, but for short arrays without objects.
pub(crate) fn pretty<'j>(
    eval: &mut Eval,
    json: &'j [u8],
    argument: &[u8],
) -> Result<Text<'j>, LimitError> {
    let options = Options::read(argument);
    let mut out = Buf::with_capacity(json.len());
    out.put(&options.prefix, &mut eval.budget)?;
    let budget = &mut eval.budget;
    let mut printer = Printer {
        json,
        at: 0,
        out,
        line: 0,
        options,
        open: Vec::new(),
        budget,
    };
    printer.value()?;
    while !printer.open.is_empty() {
        printer.members()?;
    }
    let Printer {
        mut out, budget, ..
    } = printer;
    if !out.is_empty() {
        out.put(b"\n", budget)?;
    }
    Ok(Text::owned(out))
}

struct Options {
    width: i64,
    prefix: Vec<u8>,
    indent: Vec<u8>,
    sort_keys: bool,
}

impl Options {
    fn read(argument: &[u8]) -> Self {
        let mut read = Self {
            width: 80,
            prefix: Vec::new(),
            indent: b"  ".to_vec(),
            sort_keys: false,
        };
        for (key, value) in options(argument) {
            match &*key {
                b"sortKeys" => read.sort_keys = truth(&value),
                b"indent" => read.indent = white_space(&value.text()),
                b"prefix" => read.prefix = white_space(&value.text()),
                b"width" => read.width = integer(&value),
                _ => {}
            }
        }
        read
    }
}

fn white_space(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t'))
        .collect()
}

/// Reads a value as an integer, as Go's `Result.Int()` does.
fn integer(value: &Value<'_>) -> i64 {
    /// Numbers up to here are whole in a double.
    const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;
    match value.kind() {
        Kind::True => 1,
        Kind::String => digits(&value.text()).unwrap_or(0),
        Kind::Number => {
            let number = value.number();
            if number.abs() <= WHOLE_MAX {
                return number as i64;
            }
            // What doesn't fit becomes the smallest integer, as on the machines Go runs on.
            let fits = number.abs() < 9_223_372_036_854_775_808.0;
            digits(value.raw()).unwrap_or(if fits { number as i64 } else { i64::MIN })
        }
        Kind::Null | Kind::False | Kind::Json => 0,
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0_i64, |n, digit| {
        n.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'))
    });
    Some(if negative { size.wrapping_neg() } else { size })
}

/// An object or array that is being printed.
struct Open {
    object: bool,
    members: usize,
    /// The members so far, where keys are sorted.
    pairs: Vec<Pair>,
    /// The member whose value is being printed.
    pair: Option<Pair>,
}

struct Printer<'j, 'b> {
    json: &'j [u8],
    at: usize,
    out: Buf,
    /// Where the last line of `out` begins.
    line: usize,
    options: Options,
    open: Vec<Open>,
    budget: &'b mut Budget,
}

/// What `Printer` and the single-line attempt both read.
enum Lexeme<'j> {
    /// A string, number or literal as it is printed, and where it ends.
    Scalar(&'j [u8], usize),
    Object,
    Array,
}

/// Returns the next value at or after `from`, and where it begins.
fn lexeme(json: &[u8], from: usize) -> Option<(Lexeme<'_>, usize)> {
    let rest = json.get(from..)?;
    (from..from + rest.len()).find_map(|at| {
        let scalar = |text, length| Some((Lexeme::Scalar(text, at + length), at));
        match json.get(at)? {
            b'"' => {
                let end = string_end(json, at + 1).unwrap_or(json.len());
                scalar(json.get(at..end)?, end - at)
            }
            b'{' => Some((Lexeme::Object, at)),
            b'[' => Some((Lexeme::Array, at)),
            b'n' if matches!(json.get(at + 1), Some(b'u') | None) => scalar(b"null", 4),
            b't' => scalar(b"true", 4),
            b'f' => scalar(b"false", 5),
            b'0'..=b'9' | b'-' | b'+' | b'i' | b'I' | b'N' | b'n' => {
                let tail = json.get(at + 1..)?;
                let ends = |b: &u8| *b <= b' ' || matches!(b, b',' | b':' | b']' | b'}');
                let length = 1 + tail.iter().position(ends).unwrap_or(tail.len());
                scalar(json.get(at..at + length)?, length)
            }
            _ => None,
        }
    })
}

impl Printer<'_, '_> {
    /// Prints a scalar or a short array, or opens a block; at the end of the document nothing.
    fn value(&mut self) -> Result<(), LimitError> {
        let Some((lexeme, start)) = lexeme(self.json, self.at) else {
            self.at = self.json.len();
            return Ok(());
        };
        let object = match lexeme {
            Lexeme::Scalar(text, end) => {
                self.at = end;
                return self.out.put(text, self.budget);
            }
            Lexeme::Array if self.on_one_line(start)? => return Ok(()),
            Lexeme::Array => false,
            Lexeme::Object => true,
        };
        self.budget.produce(size_of::<Open>())?;
        self.open.push(Open {
            object,
            members: 0,
            pairs: Vec::new(),
            pair: None,
        });
        self.at = start + 1;
        self.out.put(if object { b"{" } else { b"[" }, self.budget)
    }

    /// Prints members of the innermost block until it ends or another block opens.
    fn members(&mut self) -> Result<(), LimitError> {
        let depth = self.open.len();
        while let Some(open) = self.open.last_mut() {
            let close = if open.object { b'}' } else { b']' };
            let starts = |b: &u8| *b == close || if open.object { *b == b'"' } else { *b > b' ' };
            let rest = self.json.get(self.at..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(starts) else {
                self.at = self.json.len();
                self.open.pop();
                self.value_done();
                return Ok(());
            };
            self.at += skipped;
            if rest.get(skipped) == Some(&close) {
                self.close(close)?;
                self.value_done();
                return Ok(());
            }
            self.begin_member()?;
            self.value()?;
            if self.open.len() > depth {
                return Ok(());
            }
            self.value_done();
        }
        Ok(())
    }

    /// Prints what stands before a value: comma, line break, indentation, key.
    fn begin_member(&mut self) -> Result<(), LimitError> {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.members += 1;
        let object = open.object;
        if open.members > 1 {
            self.out.put(b",", self.budget)?;
        }
        // The line break counts, but for an element that isn't the first of its array.
        let counts = object || open.members == 1;
        self.line = self.out.len() + usize::from(!counts);
        self.out.put(b"\n", self.budget)?;
        let value_start = self.out.len();
        self.indent(depth)?;
        if !object {
            return Ok(());
        }
        let end = string_end(self.json, self.at + 1).unwrap_or(self.json.len());
        let key = self.json.get(self.at..end).unwrap_or_default();
        self.out.put(key, self.budget)?;
        self.out.put(b": ", self.budget)?;
        if self.options.sort_keys {
            self.budget.produce(size_of::<Pair>() + key.len())?;
            if let Some(open) = self.open.last_mut() {
                open.pair = Some(Pair::new(key, value_start));
            }
        }
        self.at = end;
        Ok(())
    }

    /// Closes the innermost block, whose closing byte is at `self.at`.
    fn close(&mut self, close: u8) -> Result<(), LimitError> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        if open.members > 0 {
            sort(&mut self.out, open.pairs, self.budget)?;
            self.line = self.out.len();
            if self.out.last() == Some(&b' ') {
                self.out.set_last(b'\n');
            } else {
                self.out.put(b"\n", self.budget)?;
            }
            self.indent(self.open.len())?;
        }
        self.at += 1;
        self.out.put(&[close], self.budget)
    }

    /// Notes that the value of a member is complete.
    fn value_done(&mut self) {
        if let Some(open) = self.open.last_mut()
            && let Some(mut pair) = open.pair.take()
        {
            pair.end = self.out.len();
            open.pairs.push(pair);
        }
    }

    fn indent(&mut self, depth: usize) -> Result<(), LimitError> {
        self.out.put(&self.options.prefix, self.budget)?;
        if !self.options.indent.is_empty() {
            for _ in 0..depth {
                self.out.put(&self.options.indent, self.budget)?;
            }
        }
        Ok(())
    }

    /// Prints the array at `start` on the current line, if it has no objects and fits.
    fn on_one_line(&mut self, start: usize) -> Result<bool, LimitError> {
        let used = i64::try_from(self.out.len() - self.line).unwrap_or(i64::MAX);
        let room = self.options.width.saturating_sub(used);
        if self.options.width <= 0 || room <= 3 {
            return Ok(false);
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let before = self.out.len();
        let end = self.try_line(start, room)?;
        match end {
            Some(end) if self.out.len() - before <= room => {
                self.at = end;
                Ok(true)
            }
            _ => {
                self.out.truncate(before);
                Ok(false)
            }
        }
    }

    /// Prints the array at `start` until it ends, meets an object or takes more than `room`.
    fn try_line(&mut self, start: usize, room: usize) -> Result<Option<usize>, LimitError> {
        let before = self.out.len();
        let mut at = start + 1;
        // For each open array the number of its elements.
        let mut open = vec![0_usize];
        self.out.append(b"[");
        while let Some(elements) = open.last_mut() {
            if self.out.len() - before > room {
                self.budget.scan(at - start)?;
                return Ok(None);
            }
            let rest = self.json.get(at..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(|b| *b > b' ') else {
                break;
            };
            at += skipped;
            if rest.get(skipped) == Some(&b']') {
                self.out.put(b"]", self.budget)?;
                open.pop();
                at += 1;
                continue;
            }
            if *elements > 0 {
                self.out.put(b", ", self.budget)?;
            }
            *elements += 1;
            match lexeme(self.json, at) {
                Some((Lexeme::Scalar(text, end), _)) => {
                    self.out.put(text, self.budget)?;
                    at = end;
                }
                Some((Lexeme::Array, inner)) => {
                    self.out.put(b"[", self.budget)?;
                    open.push(0);
                    at = inner + 1;
                }
                Some((Lexeme::Object, inner)) => {
                    self.budget.scan(inner - start)?;
                    return Ok(None);
                }
                None => break,
            }
        }
        // Arrays that never end print what they have.
        let end = if open.is_empty() { at } else { self.json.len() };
        self.budget.scan(end.saturating_sub(start))?;
        Ok(Some(end))
    }
}
