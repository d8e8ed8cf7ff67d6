//! Pure. JSON strings: decoding as leniently as Go, and encoding.

use crate::{
    budget::{Budget, LimitError},
    text::Buf,
};

/// What becomes of the escape behind a surrogate that it doesn't complete.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unpaired {
    /// It is lost, as in gjson.
    Lost,
    /// It is decoded on its own, as in Go's `encoding/json`.
    Kept,
}

/// Decodes the text between the quotes of a string. It ends at the first control character,
/// or escape that isn't one.
pub(crate) fn unescaped(text: &[u8]) -> Buf {
    decode(text, Unpaired::Lost)
}

/// Decodes the text between the quotes of a valid string as Go's `encoding/json` does: what
/// isn't UTF-8 is replaced.
pub(crate) fn unescaped_strictly(text: &[u8]) -> Buf {
    let decoded = decode(text, Unpaired::Kept);
    let mut out = Buf::with_capacity(decoded.len());
    for chunk in decoded.utf8_chunks() {
        out.append(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.append_char(char::REPLACEMENT_CHARACTER);
        }
    }
    out
}

fn decode(text: &[u8], unpaired: Unpaired) -> Buf {
    let mut out = Buf::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            0..b' ' => break,
            b'\\' => match unescape_at(text, at + 1, unpaired, &mut out) {
                Some(next) => at = next,
                None => break,
            },
            _ => {
                let start = at;
                while text.get(at).is_some_and(|b| *b >= b' ' && *b != b'\\') {
                    at += 1;
                }
                out.append(text.get(start..at).unwrap_or_default());
            }
        }
    }
    out
}

/// Decodes the escape whose letter is at `at` and returns where the text goes on.
fn unescape_at(text: &[u8], at: usize, unpaired: Unpaired, out: &mut Buf) -> Option<usize> {
    let byte = match text.get(at)? {
        b'b' => b'\x08',
        b'f' => b'\x0c',
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other @ (b'\\' | b'/' | b'"') => *other,
        b'u' => return unescape_unicode(text, at + 1, unpaired, out),
        _ => return None,
    };
    out.append(&[byte]);
    Some(at + 1)
}

fn unescape_unicode(text: &[u8], at: usize, unpaired: Unpaired, out: &mut Buf) -> Option<usize> {
    let mut code = hex4(text, at)?;
    let mut next = at + 4;
    if (0xd800..0xe000).contains(&code)
        && text.get(next..next + 2) == Some(b"\\u")
        && let Some(low) = hex4(text, next + 2)
    {
        let paired = code < 0xdc00 && (0xdc00..0xe000).contains(&low);
        if paired {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        if paired || unpaired == Unpaired::Lost {
            next += 6;
        }
    }
    out.append_char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(next)
}

/// Reads four hexadecimal digits; four bytes that aren't count as zero.
fn hex4(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    let mut code = 0;
    for digit in digits {
        match char::from(*digit).to_digit(16) {
            Some(digit) => code = code * 16 + digit,
            None => return Some(0),
        }
    }
    Some(code)
}

/// Appends `text` as a JSON string. Like Go it escapes `<`, `>`, `&` and the line separators,
/// and replaces what isn't UTF-8.
pub(crate) fn quote(text: &[u8], out: &mut Buf, budget: &mut Budget) -> Result<(), LimitError> {
    out.put(b"\"", budget)?;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid().as_bytes();
        let mut plain = 0;
        let mut at = 0;
        while let Some(&byte) = valid.get(at) {
            let (escape, length) = match byte {
                b'"' | b'\\' | b'<' | b'>' | b'&' | 0..b' ' => (byte, 1),
                0xe2 if matches!(valid.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) => {
                    (valid.get(at + 2).copied().unwrap_or_default(), 3)
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            out.put(valid.get(plain..at).unwrap_or_default(), budget)?;
            put_escape(escape, out, budget)?;
            at += length;
            plain = at;
        }
        out.put(valid.get(plain..).unwrap_or_default(), budget)?;
        for _ in chunk.invalid() {
            out.put(b"\\ufffd", budget)?;
        }
    }
    out.put(b"\"", budget)
}

fn put_escape(byte: u8, out: &mut Buf, budget: &mut Budget) -> Result<(), LimitError> {
    let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\x08' => b'b',
        b'\x0c' => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0xa8 => return out.put(b"\\u2028", budget),
        0xa9 => return out.put(b"\\u2029", budget),
        _ => {
            return out.put(
                &[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)],
                budget,
            );
        }
    };
    out.put(&[b'\\', letter], budget)
}
