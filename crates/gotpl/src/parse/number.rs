//! Pure. Numeric constants: every kind of number that a literal can be.
use super::token::Kind;
use super::unquote::char_constant;
use crate::ast::Number;
use crate::fmt::quote::quote_text;
use crate::strconv::{parse_float, parse_int, parse_uint};

/// The number of a literal, or Go's words for what is wrong with it.
pub(super) fn number(raw: &[u8], kind: Kind) -> Result<Number, String> {
    let text = String::from_utf8_lossy(raw).into_owned();
    let mut number = Number {
        text: text.as_str().into(),
        ..Number::default()
    };
    match kind {
        Kind::CharConstant => {
            let code = char_constant(raw).ok_or("invalid syntax")?;
            let code = code.map_err(|()| format!("malformed character constant: {text}"))?;
            number.int = Some(code);
            number.uint = u64::try_from(code).ok();
            number.float = Some(code as f64);
            return Ok(number);
        }
        Kind::Complex => {
            number.complex = Some(complex(&text).ok_or("syntax error scanning complex number")?);
            return Ok(simplified(number));
        }
        _ => {}
    }
    if let Some(imaginary) = text.strip_suffix('i')
        && let Some(im) = parse_float(imaginary)
    {
        number.complex = Some((0.0, im));
        return Ok(simplified(number));
    }
    number.uint = parse_uint(&text, 0).ok();
    number.int = parse_int(&text, 0).ok();
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Some(float) = parse_float(&text) {
        // What looks like an integer but is only a float is too large to be one.
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote_text(raw)));
        }
        set_float(&mut number, float);
    } else {
        return Err(format!("illegal number syntax: {}", quote_text(raw)));
    }
    Ok(number)
}

fn set_float(number: &mut Number, float: f64) {
    number.float = Some(float);
    if float as i64 as f64 == float {
        number.int = number.int.or(Some(float as i64));
    }
    if float as u64 as f64 == float {
        number.uint = number.uint.or(Some(float as u64));
    }
}

/// A complex number without an imaginary part is a float too.
fn simplified(mut number: Number) -> Number {
    if let Some((re, 0.0)) = number.complex {
        set_float(&mut number, re);
    }
    number
}

/// `1+2i`: the sign that splits it is the last one that belongs to no exponent.
fn complex(text: &str) -> Option<(f64, f64)> {
    let body = text.strip_suffix('i')?;
    let bytes = body.as_bytes();
    let split = (1..bytes.len()).rev().find(|&i| {
        matches!(bytes[i], b'+' | b'-') && !matches!(bytes[i - 1], b'e' | b'E' | b'p' | b'P')
    })?;
    Some((parse_float(&body[..split])?, parse_float(&body[split..])?))
}
