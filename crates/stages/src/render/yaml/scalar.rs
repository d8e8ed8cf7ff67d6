//! Pure. What a YAML 1.1 scalar means, and the string that ESO stores for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_contract::SecretValue;

/// The meaning of a scalar.
#[derive(Clone)]
pub(super) enum Scalar<'t> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(&'t str),
    Bytes(SecretValue),
}

impl Scalar<'_> {
    /// The string under a key; `None` is null.
    pub(super) fn stored(&self) -> Option<SecretValue> {
        Some(match self {
            Self::Null => return None,
            Self::Bytes(bytes) => bytes.clone(),
            other => SecretValue::new(other.text().into_bytes()),
        })
    }

    /// The string as a key; null is none.
    pub(super) fn key(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes.expose()).into_owned(),
            // YAML's own names, where values have Go's.
            Self::Float(f) if f.is_nan() => ".nan".to_owned(),
            Self::Float(f) if f.is_infinite() && *f < 0.0 => "-.inf".to_owned(),
            Self::Float(f) if f.is_infinite() => ".inf".to_owned(),
            other => other.text(),
        })
    }

    fn text(&self) -> String {
        match self {
            Self::Null | Self::Bytes(_) => String::new(),
            Self::Bool(flag) => flag.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Uint(number) => number.to_string(),
            Self::Float(number) => single(*number),
            Self::Text(text) => (*text).to_owned(),
        }
    }
}

/// Go's `FormatFloat(x, 'g', -1, 32)`: ESO prints every float with single precision.
fn single(number: f64) -> String {
    #[allow(clippy::cast_possible_truncation)]
    let number = number as f32;
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// Resolves a scalar by its tag if it has one, else by its looks if it is plain.
pub(super) fn resolve<'t>(
    text: &'t str,
    plain: bool,
    tag: Option<&str>,
) -> Result<Scalar<'t>, &'static str> {
    let looks = looks(text);
    match (tag, looks) {
        (Some("str"), _) => Ok(Scalar::Text(text)),
        (Some("binary"), _) => (STANDARD.decode(text).ok())
            .map(|bytes| Scalar::Bytes(replaced(bytes)))
            .ok_or("!!binary is not base64"),
        #[allow(clippy::cast_precision_loss)]
        (Some("float"), Scalar::Int(n)) => Ok(Scalar::Float(n as f64)),
        #[allow(clippy::cast_precision_loss)]
        (Some("float"), Scalar::Uint(n)) => Ok(Scalar::Float(n as f64)),
        (Some("float"), looks @ Scalar::Float(_))
        | (Some("int"), looks @ (Scalar::Int(_) | Scalar::Uint(_)))
        | (Some("bool"), looks @ Scalar::Bool(_))
        | (Some("null"), looks @ Scalar::Null) => Ok(looks),
        (Some("float" | "int" | "bool" | "null"), _) => Err("value is not what its tag says"),
        (_, looks) if plain => Ok(looks),
        _ => Ok(Scalar::Text(text)),
    }
}

/// As Go's JSON replaces what is no UTF-8.
fn replaced(bytes: Vec<u8>) -> SecretValue {
    match String::from_utf8(bytes) {
        Ok(text) => SecretValue::new(text.into_bytes()),
        Err(error) => {
            let bytes = zeroize::Zeroizing::new(error.into_bytes());
            SecretValue::new(String::from_utf8_lossy(&bytes).into_owned().into_bytes())
        }
    }
}

fn looks(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or(Scalar::Text(text)),
    }
}

fn number(text: &str) -> Option<Scalar<'static>> {
    match text.as_bytes().first()? {
        b'.' => return float(text),
        b'+' | b'-' | b'0'..=b'9' => {}
        _ => return None,
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

/// Go's integers with a base prefix; a leading 0 is octal.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    // Rust would take a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    match (
        i64::try_from(i128::from(size) * if negative { -1 } else { 1 }),
        text.as_bytes()[0],
    ) {
        (Ok(number), _) => Some(Scalar::Int(number)),
        // Unsigned numbers have no sign in Go.
        (Err(_), b'+' | b'-') => None,
        (Err(_), _) => Some(Scalar::Uint(size)),
    }
}

/// Digits with a point and a decimal exponent, both optional.
fn float(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.bytes().any(|byte| byte.is_ascii_digit());
    let decimal = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    if !digits || !unsigned.bytes().all(decimal) {
        return None;
    }
    // Beyond the range Go fails, and the scalar stays text.
    (text.parse::<f64>().ok())
        .filter(|number| number.is_finite())
        .map(Scalar::Float)
}
