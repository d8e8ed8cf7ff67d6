//! Pure. The format strings of `printf`: flags, widths, argument indexes, and their mistakes.
use super::Spec;
use super::printer::Printer;
use crate::error::FuncError;
use crate::runes;
use crate::value::Value;

/// The largest width, precision or index that Go accepts.
const LARGEST: i64 = 1_000_000;

/// A format string being read, with the operands it prints.
pub(super) struct Format<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    arg: usize,
    /// Whether an index such as `%[2]d` was used anywhere.
    reordered_any: bool,
    /// Whether an index was used for the current verb.
    reordered: bool,
    good_index: bool,
}

impl<'a> Format<'a> {
    pub(super) fn new(format: &'a [u8], args: &'a [Value]) -> Self {
        let (reordered_any, reordered) = (false, false);
        Self {
            format,
            at: 0,
            args,
            arg: 0,
            reordered_any,
            reordered,
            good_index: true,
        }
    }

    pub(super) fn run(mut self, out: &mut Printer<'_, '_>) -> Result<(), FuncError> {
        while self.at < self.format.len() {
            let rest = &self.format[self.at..];
            let text = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
            out.out.put(&rest[..text]);
            self.at += text;
            if self.at >= self.format.len() {
                break;
            }
            self.at += 1;
            out.spec = Spec::default();
            self.good_index = true;
            self.reordered = false;
            self.directive(out)?;
            out.ctx.step(1)?;
        }
        out.spec = Spec::default();
        if !self.reordered_any && self.arg < self.args.len() {
            self.extra(out)?;
        }
        Ok(())
    }

    fn directive(&mut self, out: &mut Printer<'_, '_>) -> Result<(), FuncError> {
        self.flags(&mut out.spec);
        let mut indexed = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.star() {
                Some(width) => {
                    out.spec.minus |= width < 0;
                    out.spec.width = Some(width.unsigned_abs() as usize);
                }
                None => out.out.text("%!(BADWIDTH)"),
            }
            indexed = false;
        } else {
            out.spec.width = self.number();
            if indexed && out.spec.width.is_some() {
                self.good_index = false;
            }
        }
        // A point at the very end is no precision but a verb that does not exist.
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            if indexed {
                self.good_index = false;
            }
            indexed = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                match self.star() {
                    Some(precision) if precision >= 0 => {
                        out.spec.precision = Some(precision as usize);
                    }
                    _ => out.out.text("%!(BADPREC)"),
                }
                indexed = false;
            } else {
                out.spec.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !indexed {
            self.index();
        }
        self.verb(out)
    }

    fn flags(&mut self, spec: &mut Spec) {
        while let Some(b) = self.peek() {
            match b {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b'-' => spec.minus = true,
                b' ' => spec.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn verb(&mut self, out: &mut Printer<'_, '_>) -> Result<(), FuncError> {
        let Some(rest) = self.format.get(self.at..).filter(|rest| !rest.is_empty()) else {
            out.out.text("%!(NOVERB)");
            return Ok(());
        };
        let (c, width) = runes::decode(rest);
        self.at += width;
        let verb = c.unwrap_or(runes::RUNE_ERROR);
        if verb == '%' {
            out.out.byte(b'%');
            return Ok(());
        }
        if !self.good_index || self.arg >= self.args.len() {
            out.out.text("%!");
            out.out.char(verb);
            out.out.text(if self.good_index {
                "(MISSING)"
            } else {
                "(BADINDEX)"
            });
            return Ok(());
        }
        // Go reads the flags of %w, which only errors have, as those of %v.
        if matches!(verb, 'v' | 'w') {
            if out.spec.sharp {
                out.spec.sharp = false;
                out.spec.sharp_v = true;
            }
            if out.spec.plus {
                out.spec.plus = false;
                out.spec.plus_v = true;
            }
        }
        self.arg += 1;
        out.arg(&self.args[self.arg - 1], verb)
    }

    fn extra(&self, out: &mut Printer<'_, '_>) -> Result<(), FuncError> {
        out.out.text("%!(EXTRA ");
        for (i, arg) in self.args[self.arg..].iter().enumerate() {
            if i > 0 {
                out.out.text(", ");
            }
            if matches!(arg, Value::Nil) {
                out.out.text("<nil>");
            } else {
                out.out.text(&arg.type_name());
                out.out.byte(b'=');
                out.arg(arg, 'v')?;
            }
        }
        out.out.byte(b')');
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// A decimal number; none if there is none, or if it is too large, which ends the format.
    fn number(&mut self) -> Option<usize> {
        let start = self.at;
        let mut n = 0;
        while let Some(b @ b'0'..=b'9') = self.peek() {
            if n > LARGEST {
                self.at = self.format.len();
                return None;
            }
            n = n * 10 + i64::from(b - b'0');
            self.at += 1;
        }
        if self.at == start {
            None
        } else {
            usize::try_from(n).ok()
        }
    }

    /// An index in brackets, which moves to another operand; false if there is none.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        self.reordered_any = true;
        let rest = &self.format[self.at..];
        let Some(close) = rest.iter().position(|&b| b == b']') else {
            self.good_index = false;
            self.at += 1;
            return false;
        };
        let digits = std::str::from_utf8(&rest[1..close]).unwrap_or_default();
        self.at += close + 1;
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse::<usize>().ok().filter(|_| plain) {
            Some(n) if (1..=self.args.len()).contains(&n) => {
                self.arg = n - 1;
                true
            }
            parsed => {
                self.good_index = false;
                parsed.is_some()
            }
        }
    }

    /// The operand that a `*` takes; none if it is no integer or too large.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.arg)?;
        self.arg += 1;
        let n = match arg {
            Value::Int(n, _) => *n,
            Value::Uint(n, _) => i64::try_from(*n).ok()?,
            _ => return None,
        };
        (-LARGEST..=LARGEST).contains(&n).then_some(n)
    }
}
