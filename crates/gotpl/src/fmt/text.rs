//! Pure. Strings, booleans and padding as Go's `fmt` prints them.
use super::printer::Printer;
use super::quote::{self, Charset};
use crate::runes;

impl Printer<'_, '_> {
    /// Appends bytes, padded to the width in characters.
    pub(super) fn pad(&mut self, bytes: &[u8]) {
        let width = self.spec.width.unwrap_or(0);
        let missing = width.saturating_sub(if width == 0 { 0 } else { runes::count(bytes) });
        if self.spec.minus {
            self.out.put(bytes);
            self.out.fill(b" ", missing);
        } else {
            self.out
                .fill(if self.spec.zero { b"0" } else { b" " }, missing);
            self.out.put(bytes);
        }
    }

    pub(super) fn string(&mut self, s: &[u8], verb: char) -> Result<(), ()> {
        match verb {
            'v' if self.spec.sharp_v => self.quoted(s),
            'v' | 's' => {
                let cut = self.truncated(s);
                self.pad(cut);
            }
            'x' => self.hex(s, b"0123456789abcdef"),
            'X' => self.hex(s, b"0123456789ABCDEF"),
            'q' => self.quoted(s),
            _ => return Err(()),
        }
        Ok(())
    }

    pub(super) fn boolean(&mut self, b: bool, verb: char) -> Result<(), ()> {
        match verb {
            't' | 'v' => self.pad(if b { b"true" } else { b"false" }),
            _ => return Err(()),
        }
        Ok(())
    }

    /// The first characters, as many as the precision allows.
    fn truncated<'s>(&self, s: &'s [u8]) -> &'s [u8] {
        match self.spec.precision {
            Some(p) => runes::runes(s).nth(p).map_or(s, |rune| &s[..rune.at]),
            None => s,
        }
    }

    fn quoted(&mut self, s: &[u8]) {
        let s = self.truncated(s);
        let mut out = self.ctx.buf();
        if self.spec.sharp && quote::can_backquote(s) {
            out.byte(b'`');
            out.put(s);
            out.byte(b'`');
        } else {
            let charset = if self.spec.plus {
                Charset::Ascii
            } else {
                Charset::Printable
            };
            quote::quote(&mut out, s, b'"', charset);
        }
        self.pad(out.as_bytes());
    }

    fn hex(&mut self, s: &[u8], digits: &[u8; 16]) {
        let s = match self.spec.precision {
            Some(p) => &s[..s.len().min(p)],
            None => s,
        };
        let prefix: [u8; 2] = [b'0', if digits[10] == b'A' { b'X' } else { b'x' }];
        let mut out = self.ctx.buf();
        for (i, &b) in s.iter().enumerate() {
            if self.spec.space && i > 0 {
                out.byte(b' ');
            }
            if self.spec.sharp && (self.spec.space || i == 0) {
                out.put(&prefix);
            }
            out.put(&[digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]);
        }
        self.pad(out.as_bytes());
    }
}
