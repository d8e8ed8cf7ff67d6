//! Pure. Integers, floats and complex numbers as Go's `fmt` prints them.
use super::printer::Printer;
use super::quote::{self, Charset};
use crate::bytes::Buf;
use crate::runes;
use crate::strconv::{FloatVerb, format_float};

/// An integer of either sign, as magnitude.
#[derive(Clone, Copy)]
pub(super) struct Integer {
    pub negative: bool,
    pub magnitude: u64,
    pub signed: bool,
}

impl Printer<'_, '_> {
    pub(super) fn integer(&mut self, n: Integer, verb: char) -> Result<(), ()> {
        match verb {
            'v' if self.spec.sharp_v && !n.signed => {
                let sharp = std::mem::replace(&mut self.spec.sharp, true);
                self.radix(n, 16, 'v');
                self.spec.sharp = sharp;
            }
            'v' | 'd' => self.radix(n, 10, verb),
            'b' => self.radix(n, 2, verb),
            'o' | 'O' => self.radix(n, 8, verb),
            'x' | 'X' => self.radix(n, 16, verb),
            'c' => {
                let c = character(n);
                self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            'q' => {
                let charset = if self.spec.plus {
                    Charset::Ascii
                } else {
                    Charset::Printable
                };
                let mut out = Buf::new();
                quote::quote_char(&mut out, character(n), charset);
                self.pad(out.as_bytes());
            }
            'U' => self.unicode(n),
            _ => return Err(()),
        }
        Ok(())
    }

    fn radix(&mut self, n: Integer, radix: u32, verb: char) {
        let mut digits = match radix {
            2 => format!("{:b}", n.magnitude),
            8 => format!("{:o}", n.magnitude),
            16 if verb == 'X' => format!("{:X}", n.magnitude),
            16 => format!("{:x}", n.magnitude),
            _ => n.magnitude.to_string(),
        };
        let sign = match (n.negative, self.spec.plus, self.spec.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        };
        let mut least = 0;
        if let Some(p) = self.spec.precision {
            least = p;
            if p == 0 && n.magnitude == 0 {
                let zero = std::mem::replace(&mut self.spec.zero, false);
                self.pad(b"");
                self.spec.zero = zero;
                return;
            }
        } else if let (true, false, Some(width)) =
            (self.spec.zero, self.spec.minus, self.spec.width)
        {
            least = width.saturating_sub(sign.len());
        }
        if digits.len() < least {
            digits.insert_str(0, &"0".repeat(least - digits.len()));
        }
        if self.spec.sharp {
            match radix {
                2 => digits.insert_str(0, "0b"),
                8 if !digits.starts_with('0') => digits.insert(0, '0'),
                16 => digits.insert_str(0, if verb == 'X' { "0X" } else { "0x" }),
                _ => {}
            }
        }
        if verb == 'O' {
            digits.insert_str(0, "0o");
        }
        let zero = std::mem::replace(&mut self.spec.zero, false);
        self.pad(format!("{sign}{digits}").as_bytes());
        self.spec.zero = zero;
    }

    fn unicode(&mut self, n: Integer) {
        let value = if n.negative {
            n.magnitude.wrapping_neg()
        } else {
            n.magnitude
        };
        let width = self.spec.precision.filter(|&p| p > 4).unwrap_or(4);
        let digits = format!("{value:X}");
        let mut text = format!(
            "U+{}{digits}",
            "0".repeat(width.saturating_sub(digits.len()))
        );
        if self.spec.sharp
            && let Some(c) = u32::try_from(value).ok().and_then(char::from_u32)
            && runes::is_print(c)
        {
            text += &format!(" '{c}'");
        }
        let zero = std::mem::replace(&mut self.spec.zero, false);
        self.pad(text.as_bytes());
        self.spec.zero = zero;
    }

    pub(super) fn float(&mut self, f: f64, verb: char) -> Result<(), ()> {
        let text = match verb {
            'v' | 'g' | 'G' => self.float_text(f, verb, FloatVerb::General, None),
            'e' | 'E' => self.float_text(f, verb, FloatVerb::Exponent, Some(6)),
            'f' | 'F' => self.float_text(f, verb, FloatVerb::Fixed, Some(6)),
            'x' | 'X' => self.float_text(f, verb, FloatVerb::Hex, None),
            'b' => self.float_text(f, verb, FloatVerb::Binary, None),
            _ => return Err(()),
        };
        self.pad_float(f, &text);
        Ok(())
    }

    /// The number with its sign (`+` even if it is not to be shown), and Go's `#` applied.
    fn float_text(
        &self,
        f: f64,
        verb: char,
        format: FloatVerb,
        precision: Option<usize>,
    ) -> String {
        let precision = self.spec.precision.or(precision);
        let mut text = format_float(f, format, precision);
        if !text.starts_with(['+', '-']) {
            text.insert(0, '+');
        }
        if self.spec.sharp && verb != 'b' && f.is_finite() {
            text = sharp(&text, verb, precision);
        }
        if verb.is_ascii_uppercase() && f.is_finite() {
            text.to_ascii_uppercase()
        } else {
            text
        }
    }

    fn pad_float(&mut self, f: f64, text: &str) {
        let spec = self.spec;
        let finite = f.is_finite();
        let mut text = text.to_owned();
        if spec.space && text.starts_with('+') && !spec.plus {
            text.replace_range(..1, " ");
        }
        if !finite {
            self.spec.zero = false;
            // An infinity always shows its sign, NaN only where one is asked for.
            let bare = f.is_nan() && !spec.plus && !spec.space;
            let shown = if bare { &text[1..] } else { &text };
            self.pad(shown.as_bytes());
            self.spec = spec;
            return;
        }
        if spec.plus || !text.starts_with('+') {
            let width = spec.width.unwrap_or(0);
            if spec.zero && !spec.minus && width > text.len() {
                self.out.put(&text.as_bytes()[..1]);
                self.out.fill(b"0", width - text.len());
                self.out.put(&text.as_bytes()[1..]);
                return;
            }
            self.pad(text.as_bytes());
            return;
        }
        self.pad(&text.as_bytes()[1..]);
    }

    pub(super) fn complex(&mut self, re: f64, im: f64, verb: char) -> Result<(), ()> {
        if !matches!(
            verb,
            'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E'
        ) {
            return Err(());
        }
        let plus = self.spec.plus;
        self.out.byte(b'(');
        self.float(re, verb)?;
        self.spec.plus = true;
        self.float(im, verb)?;
        self.out.text("i)");
        self.spec.plus = plus;
        Ok(())
    }
}

/// A point is forced and, for the general format, trailing zeros are kept.
fn sharp(text: &str, verb: char, precision: Option<usize>) -> String {
    let (hex, general) = (
        matches!(verb, 'x' | 'X'),
        matches!(verb, 'v' | 'g' | 'G' | 'x'),
    );
    let mut digits = if general {
        precision.unwrap_or(6) as i64
    } else {
        0
    };
    let mark = if hex { 'p' } else { 'e' };
    let (body, tail) = match text.find(mark) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    // Go counts the `x` of a hexadecimal number as one of its digits.
    let mut nonzero = false;
    for c in body[1..].chars().filter(|&c| c != '.') {
        nonzero |= c != '0';
        digits -= i64::from(nonzero);
    }
    let mut out = body.to_owned();
    if !body.contains('.') {
        // A lone zero counts as a digit.
        digits -= i64::from(&body[1..] == "0");
        out.push('.');
    }
    out.extend(std::iter::repeat_n(
        '0',
        usize::try_from(digits).unwrap_or(0),
    ));
    out + tail
}

fn character(n: Integer) -> char {
    let code = if n.negative {
        None
    } else {
        u32::try_from(n.magnitude).ok()
    };
    code.and_then(char::from_u32).unwrap_or(runes::RUNE_ERROR)
}
