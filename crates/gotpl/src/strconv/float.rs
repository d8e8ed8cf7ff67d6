//! Pure. Floats to text in Go's formats, shortest or with a precision.

/// Digits after which every `float64` has nothing but zeros.
const EXACT: usize = 1100;

/// A format of `strconv.FormatFloat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatVerb {
    /// `-1.5e+00`
    Exponent,
    /// `-1.5`
    Fixed,
    /// Whichever of both is shorter, by Go's rule.
    General,
    /// `-0x1.8p+00`
    Hex,
    /// `-6755399441055744p-52`
    Binary,
}

/// Decimal digits without trailing zeros, and the place of the point before or after them.
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

impl Digits {
    /// Takes Rust's `d.ddde±x` apart.
    fn parse(scientific: &str) -> Self {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = if digits.is_empty() {
            0
        } else {
            exponent.parse().unwrap_or(0) + 1
        };
        Self { digits, point }
    }

    fn digit(&self, at: i32) -> char {
        let digit = usize::try_from(at).ok().and_then(|at| self.digits.get(at));
        digit.map_or('0', |&b| b as char)
    }
}

/// The shortest text that reads back as the same number, as `%v` prints it.
pub(crate) fn shortest(f: f64) -> String {
    format_float(f, FloatVerb::General, None)
}

/// `strconv.FormatFloat` for `float64`; no precision means the shortest text.
pub(crate) fn format_float(f: f64, verb: FloatVerb, precision: Option<usize>) -> String {
    if f.is_nan() {
        return "NaN".into();
    }
    if f.is_infinite() {
        return if f > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    let sign = if f.is_sign_negative() { "-" } else { "" };
    let f = f.abs();
    let body = match (verb, precision) {
        (FloatVerb::Exponent, None) => exponent(&Digits::parse(&format!("{f:e}")), None),
        (FloatVerb::Exponent, Some(p)) => {
            exponent(&Digits::parse(&format!("{f:.*e}", p.min(EXACT))), Some(p))
        }
        (FloatVerb::Fixed, None) => fixed(&Digits::parse(&format!("{f:e}"))),
        (FloatVerb::Fixed, Some(p)) => {
            let exact = p.min(EXACT);
            format!("{f:.exact$}") + &"0".repeat(p - exact)
        }
        (FloatVerb::General, p) => general(f, p),
        (FloatVerb::Hex, p) => hex(f, p),
        (FloatVerb::Binary, _) => binary(f),
    };
    format!("{sign}{body}")
}

/// The shortest text of a `float32`, as YAML's decoder prints floats into strings.
pub(crate) fn shortest32(f: f32) -> String {
    if !f.is_finite() {
        return format_float(f64::from(f), FloatVerb::General, None);
    }
    let sign = if f.is_sign_negative() { "-" } else { "" };
    format!(
        "{sign}{}",
        general_digits(&Digits::parse(&format!("{:e}", f.abs())), None)
    )
}

fn general(f: f64, precision: Option<usize>) -> String {
    match precision {
        None => general_digits(&Digits::parse(&format!("{f:e}")), None),
        Some(p) => {
            let p = p.max(1);
            general_digits(
                &Digits::parse(&format!("{f:.*e}", (p - 1).min(EXACT))),
                Some(p),
            )
        }
    }
}

fn general_digits(digits: &Digits, precision: Option<usize>) -> String {
    let count = digits.digits.len() as i32;
    let threshold = match precision {
        // Go decides about the shortest form as if the precision were six.
        None => 6,
        Some(p) if p as i32 > count && count >= digits.point => count,
        Some(p) => p as i32,
    };
    let exp = digits.point - 1;
    if !digits.digits.is_empty() && (exp < -4 || exp >= threshold) {
        return exponent(digits, None);
    }
    fixed(digits)
}

fn exponent(digits: &Digits, precision: Option<usize>) -> String {
    let count = precision.unwrap_or_else(|| digits.digits.len().saturating_sub(1));
    let mut out = String::from(digits.digit(0));
    if count > 0 {
        out.push('.');
        out.extend((1..=count).map(|i| digits.digit(i as i32)));
    }
    let exp = if digits.digits.is_empty() {
        0
    } else {
        digits.point - 1
    };
    let sign = if exp < 0 { '-' } else { '+' };
    out + &format!("e{sign}{:02}", exp.abs())
}

fn fixed(digits: &Digits) -> String {
    let mut out = String::new();
    if digits.point > 0 {
        out.extend((0..digits.point).map(|i| digits.digit(i)));
    } else {
        out.push('0');
    }
    let count = digits.digits.len() as i32;
    if count > digits.point {
        out.push('.');
        out.extend((digits.point..count).map(|i| digits.digit(i)));
    }
    out
}

/// Mantissa with the implicit bit, and exponent of its last bit.
fn parts(f: f64) -> (u64, i32) {
    let bits = f.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0 => (mantissa, -1074),
        exponent => (mantissa | 1 << 52, exponent - 1075),
    }
}

fn binary(f: f64) -> String {
    let (mantissa, exponent) = parts(f);
    format!("{mantissa}p{exponent:+}")
}

fn hex(f: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(f);
    if mantissa == 0 {
        exponent = 0;
    } else {
        let shift = mantissa.leading_zeros();
        // The first bit goes to bit 60, so that fifteen hexadecimal digits follow it.
        mantissa = mantissa << shift >> 3;
        exponent += 63 - shift as i32;
    }
    if let Some(p) = precision.filter(|&p| p < 15) {
        let drop = 60 - 4 * p as u32;
        let (kept, rest, half) = (
            mantissa >> drop,
            mantissa & ((1 << drop) - 1),
            1 << (drop - 1),
        );
        let up = rest > half || (rest == half && kept & 1 == 1);
        mantissa = (kept + u64::from(up)) << drop;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(p) => digits[..p.min(15)].to_owned() + &"0".repeat(p.saturating_sub(15)),
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "0x{}{dot}{fraction}p{sign}{:02}",
        mantissa >> 60,
        exponent.abs()
    )
}
