//! Pure. The lexer: source text to tokens, up to the first mistake.
mod number;

use super::token::{Kind, Token};
use crate::runes;

const SPACES: &[u8] = b" \t\r\n";

/// The tokens of a source text; the last is `Eof` or `Error`. `None` if they are more than `most`.
pub(crate) fn lex(source: &[u8], left: &[u8], right: &[u8], most: usize) -> Option<Vec<Token>> {
    let mut lexer = Lexer {
        source,
        left,
        right,
        pos: 0,
        start: 0,
        line: 1,
        start_line: 1,
        parens: 0,
        tokens: Vec::new(),
        most,
        full: false,
    };
    if let Err(message) = lexer.run() {
        lexer.start = lexer.pos;
        lexer.emit(Kind::Error);
        if let Some(last) = lexer.tokens.last_mut() {
            last.error = Some(message.into());
        }
    }
    (!lexer.full).then_some(lexer.tokens)
}

struct Lexer<'s> {
    source: &'s [u8],
    left: &'s [u8],
    right: &'s [u8],
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    parens: usize,
    tokens: Vec<Token>,
    most: usize,
    full: bool,
}

type Lexed = Result<(), String>;

impl Lexer<'_> {
    fn run(&mut self) -> Lexed {
        while let Some(found) = find(&self.source[self.pos..], self.left) {
            self.text(found);
            self.action()?;
        }
        self.pos = self.source.len();
        if self.pos > self.start {
            self.emit(Kind::Text);
        }
        self.emit(Kind::Eof);
        Ok(())
    }

    /// Emits the text in front of a delimiter, trimmed if the delimiter asks for it.
    fn text(&mut self, len: usize) {
        let delim = self.pos + len;
        self.pos = delim;
        if self.left_trim_at(delim + self.left.len()) {
            let text = &self.source[self.start..delim];
            self.pos = self.start + trim_end(text);
        }
        if self.pos > self.start {
            self.emit(Kind::Text);
        }
        self.pos = delim;
        self.ignore();
    }

    /// One action with its delimiters, or a comment.
    fn action(&mut self) -> Lexed {
        let trim = if self.left_trim_at(self.pos + self.left.len()) {
            2
        } else {
            0
        };
        let after = self.pos + self.left.len() + trim;
        if self.source[after..].starts_with(b"/*") {
            self.pos = after;
            self.ignore();
            return self.comment();
        }
        self.pos += self.left.len();
        self.emit(Kind::LeftDelim);
        self.pos += trim;
        self.ignore();
        self.parens = 0;
        loop {
            if let Some(trim) = self.right_delim() {
                if self.parens > 0 {
                    return Err("unclosed left paren".into());
                }
                self.close(trim);
                return Ok(());
            }
            self.inside()?;
        }
    }

    fn comment(&mut self) -> Lexed {
        let len = find(&self.source[self.pos + 2..], b"*/").ok_or("unclosed comment")?;
        self.pos += 2 + len + 2;
        let trim = self
            .right_delim()
            .ok_or("comment ends before closing delimiter")?;
        self.pos += if trim { 2 } else { 0 } + self.right.len();
        if trim {
            self.skip_space();
        }
        self.ignore();
        Ok(())
    }

    /// Whether the right delimiter is next: with a trim marker or without.
    fn right_delim(&self) -> Option<bool> {
        let rest = &self.source[self.pos..];
        if right_trim(rest) && rest[2..].starts_with(self.right) {
            return Some(true);
        }
        rest.starts_with(self.right).then_some(false)
    }

    fn close(&mut self, trim: bool) {
        if trim {
            self.pos += 2;
            self.ignore();
        }
        self.pos += self.right.len();
        self.emit(Kind::RightDelim);
        if trim {
            self.skip_space();
            self.ignore();
        }
    }

    /// One token inside an action.
    fn inside(&mut self) -> Lexed {
        let Some(c) = self.next() else {
            return Err("unclosed action".into());
        };
        match c {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return Err("expected :=".into());
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::Str, "unterminated quoted string")?,
            '`' => self.raw()?,
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant")?,
            '$' => self.word_after(Kind::Variable, Kind::Variable)?,
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit())
                && self.pos < self.source.len() =>
            {
                self.word_after(Kind::Field, Kind::Dot)?;
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos = self.start;
                self.number()?;
            }
            c if alphanumeric(c) => self.identifier()?,
            '(' => {
                self.emit(Kind::LeftParen);
                self.parens += 1;
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                self.emit(Kind::RightParen);
            }
            ' '..='~' => self.emit(Kind::Char),
            c => {
                return Err(format!(
                    "unrecognized character in action: {}",
                    code(Some(c))
                ));
            }
        }
        Ok(())
    }

    fn space(&mut self) {
        self.skip_space();
        // A closing delimiter with a trim marker starts with a space of its own.
        if right_trim(&self.source[self.pos - 1..])
            && self.source[self.pos + 1..].starts_with(self.right)
        {
            self.pos -= 1;
            if self.pos == self.start {
                return;
            }
        }
        self.emit(Kind::Space);
    }

    fn quoted(&mut self, end: u8, kind: Kind, unterminated: &str) -> Lexed {
        loop {
            match self.source.get(self.pos) {
                Some(b'\\') if self.source.get(self.pos + 1).is_some_and(|&b| b != b'\n') => {
                    self.pos += 2;
                }
                Some(&b) if b == end => break,
                Some(b'\n' | b'\\') | None => return Err(unterminated.into()),
                Some(_) => self.pos += 1,
            }
        }
        self.pos += 1;
        self.emit(kind);
        Ok(())
    }

    fn raw(&mut self) -> Lexed {
        let len = find(&self.source[self.pos..], b"`").ok_or("unterminated raw quoted string")?;
        self.pos += len + 1;
        self.emit(Kind::RawString);
        Ok(())
    }

    fn identifier(&mut self) -> Lexed {
        self.alphanumerics();
        if !self.at_terminator() {
            return Err(format!("bad character {}", code(self.peek())));
        }
        self.emit(Kind::of_word(&self.source[self.start..self.pos]));
        Ok(())
    }

    /// A field or a variable, whose first character has been read; `alone` if that is all.
    fn word_after(&mut self, kind: Kind, alone: Kind) -> Lexed {
        if self.at_terminator() {
            self.emit(alone);
            return Ok(());
        }
        self.alphanumerics();
        if !self.at_terminator() {
            return Err(format!("bad character {}", code(self.peek())));
        }
        self.emit(kind);
        Ok(())
    }

    fn alphanumerics(&mut self) {
        while let Some(c) = self.peek().filter(|&c| alphanumeric(c)) {
            self.pos += c.len_utf8();
        }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(c) if ". ,|:)(\t\r\n".contains(c) => true,
            Some(_) => self.source[self.pos..].starts_with(self.right),
        }
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let found = self.source.get(self.pos).is_some_and(|b| set.contains(b));
        self.pos += usize::from(found);
        found
    }

    fn accept_run(&mut self, set: &[u8]) {
        while self.accept(set) {}
    }

    fn peek(&self) -> Option<char> {
        let rest = self
            .source
            .get(self.pos..)
            .filter(|rest| !rest.is_empty())?;
        Some(runes::decode(rest).0.unwrap_or(runes::RUNE_ERROR))
    }

    fn next(&mut self) -> Option<char> {
        let rest = self
            .source
            .get(self.pos..)
            .filter(|rest| !rest.is_empty())?;
        let (c, width) = runes::decode(rest);
        self.pos += width;
        Some(c.unwrap_or(runes::RUNE_ERROR))
    }

    fn skip_space(&mut self) {
        while self
            .source
            .get(self.pos)
            .is_some_and(|b| SPACES.contains(b))
        {
            self.pos += 1;
        }
    }

    /// Whether the bytes at an offset, after a left delimiter, are a trim marker.
    fn left_trim_at(&self, at: usize) -> bool {
        matches!(self.source.get(at..at + 2), Some([b'-', space]) if SPACES.contains(space))
    }

    fn ignore(&mut self) {
        self.line += newlines(&self.source[self.start..self.pos]);
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn emit(&mut self, kind: Kind) {
        let line = self.start_line;
        self.full |= self.tokens.len() >= self.most;
        if !self.full {
            self.tokens.push(Token {
                kind,
                start: self.start,
                end: self.pos,
                line,
                error: None,
            });
        }
        self.ignore();
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

fn right_trim(rest: &[u8]) -> bool {
    matches!(rest, [space, b'-', ..] if SPACES.contains(space))
}

fn trim_end(text: &[u8]) -> usize {
    text.iter()
        .rposition(|b| !SPACES.contains(b))
        .map_or(0, |last| last + 1)
}

fn alphanumeric(c: char) -> bool {
    c == '_' || runes::is_letter(c) || runes::is_digit(c)
}

/// A character as Go's `%#U` prints it.
fn code(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".into(),
        Some(c) if runes::is_print(c) => format!("U+{:04X} '{c}'", c as u32),
        Some(c) => format!("U+{:04X}", c as u32),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}
