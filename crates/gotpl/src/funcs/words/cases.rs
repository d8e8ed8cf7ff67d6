//! Pure. `snakecase` and `kebabcase`: where xstrings sees words, and what joins them.
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::runes::{self, RUNE_ERROR, is_letter, is_number, is_punct, is_upper, to_lower};
use crate::value::Value;

use super::connects;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    /// Capitals, or one and the small letters after it.
    Capital,
    Small,
    Connector,
    Punctuation,
    /// Symbols and ideographs.
    Other,
    /// Nothing, or nothing but invalid bytes.
    Nothing,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            RUNE_ERROR => Self::Nothing,
            c if connects(c) => Self::Connector,
            c if is_punct(c) => Self::Punctuation,
            c if is_upper(c) => Self::Capital,
            c if is_alphabet(c) => Self::Small,
            c if is_number(c) => Self::Number,
            _ => Self::Other,
        }
    }

    /// Whether it stands apart from the word before it.
    fn stands_apart(self) -> bool {
        !matches!(self, Self::Connector | Self::Punctuation | Self::Nothing)
    }

    /// Whether it goes on a word that starts with a number.
    fn follows_number(self) -> bool {
        matches!(self, Self::Small | Self::Number)
    }
}

/// Letters other than ideographs.
fn is_alphabet(c: char) -> bool {
    let ideograph = matches!(
        c,
        '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}'
    );
    is_letter(c) && !ideograph
}

struct Word<'t> {
    kind: Kind,
    text: &'t [u8],
}

struct Words<'t> {
    rest: &'t [u8],
}

impl<'t> Words<'t> {
    /// The next rune, with the invalid bytes before it; all the rest if there is none.
    fn rune(text: &[u8], before: char) -> (char, usize) {
        let valid = runes::runes(text).find(|rune| rune.value() != RUNE_ERROR);
        valid.map_or((before, text.len()), |rune| {
            (rune.value(), rune.at + rune.width)
        })
    }

    /// How far runes go that are as wanted.
    fn run(&self, mut at: usize, mut last: char, wanted: impl Fn(char) -> bool) -> usize {
        while at < self.rest.len() {
            let (c, width) = Self::rune(&self.rest[at..], last);
            if !wanted(c) {
                break;
            }
            (at, last) = (at + width, c);
        }
        at
    }

    fn next(&mut self) -> Word<'t> {
        let (c, width) = Self::rune(self.rest, RUNE_ERROR);
        let kind = Kind::of(c);
        let end = match kind {
            Kind::Nothing => width,
            Kind::Connector => self.run(width, c, connects),
            Kind::Punctuation => self.run(width, c, is_punct),
            Kind::Number => self.run(width, c, is_number),
            Kind::Small => self.run(width, c, |c| is_alphabet(c) && !is_upper(c)),
            Kind::Other => self.run(width, c, |c| {
                !(connects(c) || is_alphabet(c) || is_number(c) || is_punct(c))
            }),
            Kind::Capital => self.capital(c, width),
        };
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Word { kind, text }
    }

    /// `Word`, or `HTTP`; of `HTTPStatus` the `HTTP`.
    fn capital(&self, first: char, width: usize) -> usize {
        let (second, _) = Self::rune(&self.rest[width..], first);
        if width == self.rest.len() || !is_alphabet(second) {
            return width;
        }
        if !is_upper(second) {
            return self.run(width, first, |c| is_alphabet(c) && !is_upper(c));
        }
        let (mut at, mut start, mut last) = (width, width, first);
        while at < self.rest.len() {
            let (c, width) = Self::rune(&self.rest[at..], last);
            if !is_upper(c) {
                return if is_alphabet(c) { start } else { at };
            }
            (start, at, last) = (at, at + width, c);
        }
        at
    }
}

/// Words in lower case with a connector between them. A number belongs to the word before it,
/// unless a small letter follows: then it starts a word.
pub(super) fn separated(
    ctx: &mut Ctx<'_>,
    args: &[Value],
    connector: char,
) -> Result<Value, FuncError> {
    let text = args[0].bytes();
    ctx.work(text.len() * 8)?;
    let mut out = ctx.buf();
    let mut words = Words { rest: text };
    let mut word = words.next();
    while !words.rest.is_empty() {
        lower(&mut out, &word, connector);
        let before = word.kind;
        word = words.next();
        let mut number = before == Kind::Number;
        match before {
            Kind::Connector | Kind::Punctuation => continue,
            Kind::Number => {}
            _ if word.kind == Kind::Number => {
                if words.rest.is_empty() {
                    continue;
                }
                let digits = std::mem::replace(&mut word, words.next());
                number = word.kind == Kind::Small;
                if number {
                    out.char(connector);
                }
                out.put(digits.text);
            }
            _ => {}
        }
        while number && word.kind.follows_number() {
            out.put(word.text);
            word = words.next();
        }
        if word.kind.stands_apart() {
            out.char(connector);
        }
    }
    lower(&mut out, &word, connector);
    ctx.finish(out)
}

fn lower(out: &mut Buf, word: &Word<'_>, connector: char) {
    if !matches!(word.kind, Kind::Capital | Kind::Connector) {
        return out.put(word.text);
    }
    for rune in runes::runes(word.text) {
        let c = rune.value();
        out.char(if connects(c) {
            connector
        } else if is_upper(c) {
            to_lower(c)
        } else {
            c
        });
    }
}
