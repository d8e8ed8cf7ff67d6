//! Pure. Go's syntax of regular expressions, read into that of the engine, with Go's mistakes.
use super::class::{self, Class};
use super::count::counts;
use super::level::{Flags, Level};

/// An expression for the engine, and what the engine does not know of it.
#[derive(Debug)]
pub(super) struct Expression {
    /// The same in the engine's syntax; groups are numbered alike and have no names there.
    pub(super) source: String,
    /// The names of the groups by number; the first is the whole match.
    pub(super) names: Vec<Option<String>>,
    /// What compiling costs, in steps: about the number of its states.
    pub(super) cost: u64,
    /// Bytes of the longest match, if there is one.
    pub(super) longest: Option<u64>,
}

/// What is wrong, in Go's words, and the part that is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake<'p> {
    pub(super) what: &'static str,
    pub(super) part: &'p str,
}

type Parsed<'p, T> = Result<T, Mistake<'p>>;

pub(super) fn mistake<'p, T>(what: &'static str, part: &'p str) -> Parsed<'p, T> {
    Err(Mistake { what, part })
}

/// Go's bound on a count, and on counts of counts.
const MAX_REPEAT: u32 = 1000;
/// Bytes of a character, at most.
const LONGEST_CHARACTER: u64 = 4;
/// Groups in groups, at most.
const MAX_DEPTH: usize = 200;

struct Parser<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    names: Vec<Option<String>>,
    flags: Flags,
    levels: Vec<Level>,
}

/// Reads a whole expression.
pub(super) fn parse(whole: &str) -> Parsed<'_, Expression> {
    let mut parser = Parser {
        whole,
        rest: whole,
        out: String::with_capacity(whole.len() + 16),
        names: vec![None],
        flags: Flags::default(),
        levels: vec![Level::new(Flags::default())],
    };
    let mut last_repeat = "";
    while let Some(c) = parser.rest.chars().next() {
        let before = parser.rest;
        let repeat = parser.one(c, last_repeat)?;
        last_repeat = if repeat { before } else { "" };
    }
    if parser.levels.len() > 1 {
        return mistake("missing closing )", whole);
    }
    let level = &mut parser.levels[0];
    level.alternative();
    Ok(Expression {
        cost: level.cost,
        longest: level.longest,
        source: parser.out,
        names: parser.names,
    })
}

impl<'p> Parser<'p> {
    /// Reads one part; says whether it was a repetition operator.
    fn one(&mut self, c: char, last_repeat: &'p str) -> Parsed<'p, bool> {
        match c {
            '(' => self.open()?,
            ')' => self.close()?,
            '|' => {
                self.level().alternative();
                self.skip(1);
                self.out.push('|');
            }
            '^' => self.leaf(
                1,
                if self.flags.multi_line {
                    "(?m:^)"
                } else {
                    r"\A"
                },
                1,
            ),
            '$' => self.leaf(
                1,
                if self.flags.multi_line {
                    "(?m:$)"
                } else {
                    r"\z"
                },
                1,
            ),
            '.' if self.flags.dot_all => self.leaf(1, "(?s:.)", class::WIDE),
            '.' => self.leaf(1, r"[^\n]", class::WIDE),
            '[' => self.class(class::bracketed(self.rest)?),
            '*' | '+' | '?' => {
                let after = &self.rest[1..];
                self.repeat(&self.rest[..1], 0, None, after, last_repeat)?;
                return Ok(true);
            }
            '{' => match counts(self.rest) {
                Some((min, max, after)) => {
                    self.counted(min, max, after, last_repeat)?;
                    return Ok(true);
                }
                None => self.literal(1, '{'),
            },
            '\\' => self.escape()?,
            c => self.literal(c.len_utf8(), c),
        }
        Ok(false)
    }

    fn level(&mut self) -> &mut Level {
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn leaf(&mut self, bytes: usize, text: &str, cost: u64) {
        self.skip(bytes);
        self.out.push_str(text);
        self.level().push(cost, Some(LONGEST_CHARACTER), 1);
    }

    fn literal(&mut self, bytes: usize, c: char) {
        let fold = self.flags.fold;
        self.skip(bytes);
        class::quoted(c, &mut self.out, fold);
        let cost = if fold { 6 } else { 1 };
        self.level().push(cost, Some(LONGEST_CHARACTER), 1);
    }

    fn class(&mut self, class: Class<'p>) {
        self.rest = class.rest;
        if self.flags.fold {
            self.out.push_str("(?i:");
        }
        self.out.push_str(&class.source);
        if self.flags.fold {
            self.out.push(')');
        }
        self.level().push(class.cost, Some(LONGEST_CHARACTER), 1);
    }

    fn escape(&mut self) -> Parsed<'p, ()> {
        match self.rest[1..].chars().next() {
            Some('A') => self.leaf(2, r"\A", 1),
            Some('z') => self.leaf(2, r"\z", 1),
            Some('b') => self.leaf(2, r"(?-u:\b)", 1),
            Some('B') => self.leaf(2, r"(?-u:\B)", 1),
            Some('C') => return mistake("invalid escape sequence", &self.rest[..2]),
            Some('Q') => {
                let (text, rest) = match self.rest[2..].split_once(r"\E") {
                    Some(parts) => parts,
                    None => (&self.rest[2..], ""),
                };
                for c in text.chars() {
                    self.literal(0, c);
                }
                self.rest = rest;
            }
            _ => match class::escaped(self.rest)? {
                Some(class) => self.class(class),
                None => {
                    let (c, rest) = class::escape(self.rest)?;
                    self.literal(0, c);
                    self.rest = rest;
                }
            },
        }
        Ok(())
    }

    /// `op` is the operator as it is written, or the bounds of a count.
    fn repeat(
        &mut self,
        op: &'p str,
        min: u32,
        max: Option<u32>,
        after: &'p str,
        last_repeat: &'p str,
    ) -> Parsed<'p, ()> {
        let before = self.rest;
        let lazy = after.starts_with('?');
        let after = if lazy { &after[1..] } else { after };
        let part = |from: &'p str| &from[..from.len() - after.len()];
        if !last_repeat.is_empty() {
            return mistake("invalid nested repetition operator", part(last_repeat));
        }
        let flipped = lazy != self.flags.lazy;
        let Some(piece) = &mut self.level().last else {
            return mistake("missing argument to repetition operator", part(before));
        };
        if piece.repeated {
            return mistake("invalid nested repetition operator", part(before));
        }
        piece.repeated = true;
        let times = match op {
            "*" | "+" => None,
            "?" => Some(1),
            _ => max,
        };
        let both = piece.longest.zip(times);
        piece.longest = both.map(|(longest, times)| longest.saturating_mul(u64::from(times)));
        if op.starts_with('{') {
            let most = max.unwrap_or(min);
            piece.repeats = match max {
                Some(0) => 1,
                _ => piece.repeats.saturating_mul(most.max(1)),
            };
            let times = u64::from(most.max(1)) + u64::from(max.is_none());
            piece.cost = piece.cost.saturating_mul(times);
            if (min >= 2 || most >= 2) && piece.repeats > MAX_REPEAT {
                return mistake("invalid repeat count", part(before));
            }
        }
        self.out.push_str(op);
        if flipped {
            self.out.push('?');
        }
        self.rest = after;
        Ok(())
    }

    fn counted(
        &mut self,
        min: Option<u32>,
        max: Option<Option<u32>>,
        after: &'p str,
        last_repeat: &'p str,
    ) -> Parsed<'p, ()> {
        let written = &self.rest[..self.rest.len() - after.len()];
        let fits = |n: &Option<u32>| n.is_some_and(|n| n <= MAX_REPEAT);
        let ordered = |max: &Option<u32>| *max >= min;
        if !fits(&min) || max.is_some_and(|max| !fits(&max) || !ordered(&max)) {
            return mistake("invalid repeat count", written);
        }
        self.repeat(written, min.unwrap_or(0), max.flatten(), after, last_repeat)
    }

    fn open(&mut self) -> Parsed<'p, ()> {
        if self.levels.len() > MAX_DEPTH {
            return mistake("expression nests too deeply", self.whole);
        }
        if self.rest.starts_with("(?") {
            return self.flagged();
        }
        self.group(None);
        self.skip(1);
        Ok(())
    }

    fn group(&mut self, name: Option<&str>) {
        self.names.push(name.map(str::to_owned));
        self.out.push('(');
        self.enter();
    }

    fn enter(&mut self) {
        self.levels.push(Level::new(self.flags));
    }

    fn close(&mut self) -> Parsed<'p, ()> {
        if self.levels.len() < 2 {
            return mistake("unexpected )", self.whole);
        }
        if let Some(mut level) = self.levels.pop() {
            level.alternative();
            self.flags = level.flags;
            let cost = level.cost.saturating_add(2);
            self.level().push(cost, level.longest, level.repeats);
        }
        self.leave();
        Ok(())
    }

    fn leave(&mut self) {
        self.out.push(')');
        self.skip(1);
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)`, `(?flags:`.
    fn flagged(&mut self) -> Parsed<'p, ()> {
        let whole = self.rest;
        let named = whole.strip_prefix("(?P<").or(whole.strip_prefix("(?<"));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let Some((name, rest)) = named.split_once('>') else {
                return mistake("invalid named capture", whole);
            };
            let written = &whole[..whole.len() - rest.len()];
            let word = |b: u8| b == b'_' || b.is_ascii_alphanumeric();
            let known = self
                .names
                .iter()
                .any(|known| known.as_deref() == Some(name));
            if name.is_empty() || !name.bytes().all(word) || known {
                return mistake("invalid named capture", written);
            }
            self.group(Some(name));
            self.rest = rest;
            return Ok(());
        }
        let mut flags = self.flags;
        let (mut on, mut seen) = (true, false);
        for (at, c) in whole.char_indices().skip(2) {
            match c {
                'i' => flags.fold = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_all = on,
                'U' => flags.lazy = on,
                '-' if on => (on, seen) = (false, false),
                ':' | ')' if on || seen => {
                    if c == ':' {
                        self.out.push_str("(?:");
                        self.enter();
                    }
                    self.flags = flags;
                    self.skip(at + 1);
                    return Ok(());
                }
                _ => {
                    let part = &whole[..at + c.len_utf8()];
                    return mistake("invalid or unsupported Perl syntax", part);
                }
            }
            seen |= c != '-';
        }
        mistake("missing closing )", self.whole)
    }
}
