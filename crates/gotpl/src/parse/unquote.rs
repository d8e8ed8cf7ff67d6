//! Pure. What Go's quoted strings and character constants mean.
use crate::runes;

/// What a quoted or raw string means; `None` if it is malformed.
pub(super) fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let (&quote, rest) = quoted.split_first()?;
    let (&last, mut body) = rest.split_last()?;
    if last != quote {
        return None;
    }
    if quote == b'`' {
        return Some(body.iter().copied().filter(|&b| b != b'\r').collect());
    }
    let mut out = Vec::with_capacity(body.len());
    while !body.is_empty() {
        let (unit, rest) = unit(body, quote)?;
        match unit {
            Unit::Byte(b) => out.push(b),
            Unit::Char(c) => runes::push(&mut out, c),
            Unit::Invalid(b) => out.push(b),
        }
        body = rest;
    }
    Some(out)
}

/// The code point of a character constant; `None` if it is malformed.
pub(super) fn char_constant(quoted: &[u8]) -> Option<Result<i64, ()>> {
    let body = quoted.get(1..)?;
    let (unit, rest) = unit(body, b'\'')?;
    let code = match unit {
        Unit::Byte(b) => i64::from(b),
        Unit::Char(c) => i64::from(u32::from(c)),
        Unit::Invalid(_) => i64::from(u32::from(runes::RUNE_ERROR)),
    };
    Some(if rest == b"'" { Ok(code) } else { Err(()) })
}

enum Unit {
    Byte(u8),
    Char(char),
    Invalid(u8),
}

fn unit(body: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let first = *body.first()?;
    if first == quote {
        return None;
    }
    if first != b'\\' {
        let (c, width) = runes::decode(body);
        let unit = c.map_or(Unit::Invalid(first), Unit::Char);
        return Some((unit, &body[width..]));
    }
    let escape = *body.get(1)?;
    let rest = &body[2..];
    let simple = match escape {
        b'a' => Some(7),
        b'b' => Some(8),
        b'f' => Some(12),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(11),
        b'\\' => Some(b'\\'),
        b'\'' | b'"' if escape == quote => Some(escape),
        _ => None,
    };
    if let Some(b) = simple {
        return Some((Unit::Byte(b), rest));
    }
    let (digits, radix) = match escape {
        b'x' => (&rest[..rest.len().min(2)], 16),
        b'u' => (&rest[..rest.len().min(4)], 16),
        b'U' => (&rest[..rest.len().min(8)], 16),
        b'0'..=b'7' => (&body[1..body.len().min(4)], 8),
        _ => return None,
    };
    let wanted = match escape {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => 3,
    };
    if digits.len() < wanted || !digits.iter().all(|&b| (b as char).is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    let after = if radix == 8 {
        &body[4..]
    } else {
        &rest[wanted..]
    };
    match escape {
        b'u' | b'U' => Some((Unit::Char(char::from_u32(code)?), after)),
        _ => Some((Unit::Byte(u8::try_from(code).ok()?), after)),
    }
}
