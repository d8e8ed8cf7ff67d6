//! Pure. Numbers as Go's strconv reads and prints them.

use crate::text::{Buf, Text};

/// Returns how Go prints the number written as `raw`: an integer as written, any other as the
/// shortest decimal that reads the same, without an exponent.
pub(crate) fn normalised(raw: &[u8]) -> Text<'_> {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    if digits.iter().all(u8::is_ascii_digit) {
        return Text::part(raw);
    }
    let number = parse(raw);
    if number.is_nan() {
        return Text::part(b"NaN");
    }
    if number.is_infinite() {
        return Text::part(if number > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    let mut out = Printed(Buf::with_capacity(32));
    // `Printed` never fails, so neither does the formatting.
    let _ = std::fmt::Write::write_fmt(&mut out, format_args!("{number}"));
    Text::owned(out.0)
}

struct Printed(Buf);

impl std::fmt::Write for Printed {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.append(s.as_bytes());
        Ok(())
    }
}

/// Reads a number as Go's `strconv.ParseFloat` does: decimal or hexadecimal, with
/// underscores between digits, `inf` and `nan` in any case. Zero if it isn't one; infinite if
/// it is out of range.
pub(crate) fn parse(raw: &[u8]) -> f64 {
    read(raw).unwrap_or(0.0)
}

fn read(raw: &[u8]) -> Option<f64> {
    let (negative, unsigned) = match raw {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, raw),
    };
    let sign = if negative { -1.0 } else { 1.0 };
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Some(sign * f64::INFINITY);
    }
    if raw.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let hex = match unsigned {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    };
    if !underscores_separate_digits(unsigned, hex.is_some()) {
        return None;
    }
    if let Some(digits) = hex {
        return Some(sign * read_hex(digits)?);
    }
    // Rust reads what Go reads, but for underscores, names and signs, all dealt with here.
    if !unsigned
        .iter()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-' | b'_'))
        || matches!(unsigned.first(), Some(b'+' | b'-'))
    {
        return None;
    }
    let decimal = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<f64>().ok();
    let number = if unsigned.contains(&b'_') {
        let mut plain = Buf::with_capacity(unsigned.len());
        for part in unsigned.split(|b| *b == b'_') {
            plain.append(part);
        }
        decimal(&plain)?
    } else {
        decimal(unsigned)?
    };
    Some(sign * number)
}

/// Says whether every underscore stands between two digits, or the prefix `0x` and a digit.
fn underscores_separate_digits(number: &[u8], hex: bool) -> bool {
    let digit = |b: &u8| {
        if hex {
            b.is_ascii_hexdigit()
        } else {
            b.is_ascii_digit()
        }
    };
    number
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'_')
        .all(|(at, _)| {
            let after_prefix = hex && at == 2;
            let before = at.checked_sub(1).and_then(|i| number.get(i));
            (after_prefix || before.is_some_and(digit)) && number.get(at + 1).is_some_and(digit)
        })
}

/// Reads the hexadecimal digits and binary exponent after `0x`.
fn read_hex(digits: &[u8]) -> Option<f64> {
    let mut mantissa = 0_u64;
    let mut exponent = 0_i64;
    let mut inexact = false;
    let mut seen_digit = false;
    let mut seen_point = false;
    let mut at = 0;
    while let Some(&byte) = digits.get(at) {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                seen_digit = true;
                if mantissa >> 58 == 0 {
                    mantissa = mantissa * 16 + u64::from(digit);
                    exponent -= if seen_point { 4 } else { 0 };
                } else {
                    inexact |= digit != 0;
                    exponent += if seen_point { 0 } else { 4 };
                }
            }
            None if byte == b'.' && !seen_point => seen_point = true,
            None if byte == b'_' => {}
            None => break,
        }
        at += 1;
    }
    let power = match digits.get(at..)? {
        [b'p' | b'P', power @ ..] if seen_digit => power,
        _ => return None,
    };
    let exponent = exponent.saturating_add(read_power(power)?);
    Some(rounded(mantissa, exponent, inexact))
}

fn read_power(power: &[u8]) -> Option<i64> {
    let (negative, digits) = match power {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, power),
    };
    let starts = digits.first().is_some_and(u8::is_ascii_digit);
    if !starts || !digits.iter().all(|b| b.is_ascii_digit() || *b == b'_') {
        return None;
    }
    let size = digits.iter().filter(|b| **b != b'_').fold(0_i64, |sum, b| {
        // No exponent this large makes anything but zero or infinity.
        if sum < 10_000 {
            sum * 10 + i64::from(b - b'0')
        } else {
            sum
        }
    });
    Some(if negative { -size } else { size })
}

/// Rounds `mantissa × 2^exponent` to the nearest even; `inexact` says that digits were lost.
fn rounded(mantissa: u64, exponent: i64, inexact: bool) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let top = exponent + 63 - i64::from(mantissa.leading_zeros());
    if top > 1023 {
        return f64::INFINITY;
    }
    // The lowest bit that a double of this size has.
    let unit = (top - 52).max(-1074);
    let shift = unit - exponent;
    if shift <= 0 {
        return scaled(mantissa << shift.unsigned_abs().min(63), unit);
    }
    if shift > 64 {
        return 0.0;
    }
    let wide = u128::from(mantissa);
    let kept = (wide >> shift) as u64;
    let lost = wide & ((1 << shift) - 1);
    let half = 1_u128 << (shift - 1);
    let up = lost > half || (lost == half && (inexact || kept & 1 == 1));
    scaled(kept + u64::from(up), unit)
}

/// Returns `mantissa × 2^unit`, which is exact or infinite by construction.
fn scaled(mantissa: u64, unit: i64) -> f64 {
    let power = |n: i64| f64::from_bits(u64::try_from(n + 1023).unwrap_or(0) << 52);
    let number = mantissa as f64;
    if unit < -1000 {
        number * power(unit + 200) * power(-200)
    } else {
        number * power(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_numbers_round_to_even() {
        let check = |raw: &str, expected: f64| assert_eq!(parse(raw.as_bytes()), expected, "{raw}");
        check("0x1p4", 16.0);
        check("-0X1P-2", -0.25);
        check("0x1.fffffffffffff8p0", 2.0);
        check("0x1.fffffffffffff7p0", 1.999_999_999_999_999_8);
        check("0x1p-1075", 0.0);
        check("0x1.0000001p-1075", 5e-324);
        check("0x1p-1074", 5e-324);
        check("0x1p1024", f64::INFINITY);
        check("0x1p1023", 8.98846567431158e307);
        check("0x1.ffffffffffffep-1023", 2.225_073_858_507_201e-308);
        check("0x123456789abcdef012345p-10", 1.343_250_910_682_921_3e21);
        check("0x1p99999999999999999999", f64::INFINITY);
        check("0x1p-99999999999999999999", 0.0);
        check("0x1", 0.0);
        check("0xp1", 0.0);
        check("0x_1_0p0", 16.0);
        check("0x1__0p0", 0.0);
    }
}
