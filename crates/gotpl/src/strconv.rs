//! Pure. Numbers to text and back as Go's `strconv` does it.
mod float;

pub(crate) use float::{FloatVerb, format_float, shortest, shortest32};

/// Why a number does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumError {
    /// Not a number at all.
    Syntax,
    /// A number too large for the type.
    Range,
}

/// Parses an unsigned number; base 0 takes the base from the prefix and allows underscores.
pub(crate) fn parse_uint(text: &str, base: u32) -> Result<u64, NumError> {
    let (digits, radix) = if base == 0 {
        detect(text)?
    } else {
        (text.to_owned(), base)
    };
    if digits.is_empty() || !digits.bytes().all(|b| (b as char).is_digit(radix)) {
        return Err(NumError::Syntax);
    }
    u64::from_str_radix(&digits, radix).map_err(|_| NumError::Range)
}

/// Parses a signed number; base 0 takes the base from the prefix and allows underscores.
pub(crate) fn parse_int(text: &str, base: u32) -> Result<i64, NumError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let n = parse_uint(digits, base)?;
    if negative {
        0i64.checked_sub_unsigned(n).ok_or(NumError::Range)
    } else {
        i64::try_from(n).map_err(|_| NumError::Range)
    }
}

fn detect(text: &str) -> Result<(String, u32), NumError> {
    let lower = text.get(..2).unwrap_or_default().to_ascii_lowercase();
    let (digits, radix) = match lower.as_str() {
        "0x" => (&text[2..], 16),
        "0b" => (&text[2..], 2),
        "0o" => (&text[2..], 8),
        _ if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.contains('_') && !underscores_ok(text) {
        return Err(NumError::Syntax);
    }
    Ok((digits.replace('_', ""), radix))
}

/// Whether underscores only separate digits, or a base prefix and digits.
fn underscores_ok(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = text.get(..2).unwrap_or_default().to_ascii_lowercase();
    let prefixed = matches!(lower.as_str(), "0x" | "0b" | "0o");
    let hex = lower == "0x";
    // What came before: a digit (or prefix), an underscore, or something else.
    let mut last = if prefixed { '0' } else { '^' };
    for c in text[if prefixed { 2 } else { 0 }..].chars() {
        if c.is_ascii_digit() || (hex && c.is_ascii_hexdigit()) {
            last = '0';
        } else if c == '_' {
            if last != '0' {
                return false;
            }
            last = '_';
        } else {
            if last == '_' {
                return false;
            }
            last = '!';
        }
    }
    last != '_'
}

/// Parses a float: decimal or hexadecimal, infinities and NaN; none if malformed or too large.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    float_value(text).filter(|f| f.is_finite() || named(text).is_some())
}

fn float_value(text: &str) -> Option<f64> {
    if let Some(value) = named(text) {
        return Some(value);
    }
    if text.contains('_') && !underscores_ok(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    if unsigned
        .get(..2)
        .is_some_and(|p| p.eq_ignore_ascii_case("0x"))
    {
        let value = hex_float(&unsigned[2..])?;
        return Some(if plain.starts_with('-') {
            -value
        } else {
            value
        });
    }
    // Underscores are for literals with a base prefix alone when there are no digits around.
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    plain.parse().ok()
}

fn named(text: &str) -> Option<f64> {
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match rest.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => Some(sign * f64::INFINITY),
        "nan" if rest.len() == text.len() => Some(f64::NAN),
        _ => None,
    }
}

fn hex_float(text: &str) -> Option<f64> {
    let at = text.find(['p', 'P'])?;
    let exponent: i32 = text[at + 1..].parse().ok()?;
    let (whole, fraction) = text[..at].split_once('.').unwrap_or((&text[..at], ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0u64;
    let mut scale = 0i32;
    for (i, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16)?);
        let fractional = i >= whole.len();
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | digit;
            scale -= if fractional { 4 } else { 0 };
        } else {
            // Digits past the precision only make the last bit sticky.
            mantissa |= u64::from(digit != 0);
            scale += if fractional { 0 } else { 4 };
        }
    }
    let shift = exponent.saturating_add(scale);
    let half = shift.clamp(-4000, 4000) / 2;
    let rest = shift.clamp(-4000, 4000) - half;
    Some(mantissa as f64 * 2f64.powi(half) * 2f64.powi(rest))
}
