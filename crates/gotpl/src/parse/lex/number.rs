//! Pure. Numbers in the lexer: what may be one, not what it means.
use super::super::token::Kind;
use super::{Lexed, Lexer, alphanumeric};
use crate::fmt::quote;

impl Lexer<'_> {
    pub(super) fn number(&mut self) -> Lexed {
        let bad = |lexer: &Self| {
            let text = &lexer.source[lexer.start..lexer.pos];
            format!("bad number syntax: {}", quote::quote_text(text))
        };
        if !self.scan_number() {
            return Err(bad(self));
        }
        let complex = matches!(self.peek(), Some('+' | '-'));
        if complex && (!self.scan_number() || self.source[self.pos - 1] != b'i') {
            return Err(bad(self));
        }
        self.emit(if complex { Kind::Complex } else { Kind::Number });
        Ok(())
    }

    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = b"0123456789abcdefABCDEF_";
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        match self.peek() {
            Some(c) if alphanumeric(c) => {
                self.pos += c.len_utf8();
                false
            }
            _ => true,
        }
    }
}
