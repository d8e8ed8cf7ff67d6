//! Pure. `time.Duration`: nanoseconds, printed and parsed.
use crate::error::FuncError;
use crate::fmt::quote::quote_text;
use crate::registry::Function;
use crate::ty::{IntKind, Ty};
use crate::value::Value;

const TYPE: Ty = Ty::Int(IntKind::Duration);

pub(super) const METHODS: &[Function] = &[
    Function::new("String", &[TYPE], |ctx, args| {
        ctx.str(text(args[0].as_int()))
    }),
    Function::new("Hours", &[TYPE], |_, args| {
        Ok(in_units(args, 3_600_000_000_000))
    }),
    Function::new("Minutes", &[TYPE], |_, args| {
        Ok(in_units(args, 60_000_000_000))
    }),
    Function::new("Seconds", &[TYPE], |_, args| {
        Ok(in_units(args, 1_000_000_000))
    }),
    Function::new("Milliseconds", &[TYPE], |_, args| {
        Ok(Value::int64(args[0].as_int() / 1_000_000))
    }),
    Function::new("Microseconds", &[TYPE], |_, args| {
        Ok(Value::int64(args[0].as_int() / 1_000))
    }),
    Function::new("Nanoseconds", &[TYPE], |_, args| {
        Ok(Value::int64(args[0].as_int()))
    }),
    Function::new("Abs", &[TYPE], |_, args| {
        Ok(Value::Int(
            args[0].as_int().saturating_abs(),
            IntKind::Duration,
        ))
    }),
];

fn in_units(args: &[Value], unit: i64) -> Value {
    let n = args[0].as_int();
    Value::Float((n / unit) as f64 + (n % unit) as f64 / unit as f64)
}

/// A duration as Go prints it, such as `1h2m3.5s`.
pub(crate) fn text(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let with_fraction = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", size % unit);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() || digits == 0 {
            ""
        } else {
            "."
        };
        let fraction = if digits == 0 { "" } else { fraction };
        format!("{sign}{}{point}{fraction}{name}", size / unit)
    };
    match size {
        0 => "0s".into(),
        1..1_000 => with_fraction(1, "ns"),
        1_000..1_000_000 => with_fraction(1_000, "µs"),
        1_000_000..1_000_000_000 => with_fraction(1_000_000, "ms"),
        _ => {
            let seconds = size / 1_000_000_000;
            let fraction = format!("{:09}", size % 1_000_000_000);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let hours = if h > 0 {
                format!("{h}h")
            } else {
                String::new()
            };
            let minutes = if h > 0 || m > 0 {
                format!("{m}m")
            } else {
                String::new()
            };
            format!("{sign}{hours}{minutes}{s}{point}{fraction}s")
        }
    }
}

/// The nanoseconds of a text such as `-1.5h` or `2h45m`.
pub(crate) fn parse_duration(text: &[u8]) -> Result<i64, FuncError> {
    let invalid = || FuncError::new(format!("time: invalid duration {}", quote_text(text)));
    let all = std::str::from_utf8(text).map_err(|_| invalid())?;
    let (negative, mut rest) = match all.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, all.strip_prefix('+').unwrap_or(all)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .ok_or_else(|| {
                FuncError::new(format!(
                    "time: missing unit in duration {}",
                    quote_text(text)
                ))
            })?;
        let (number, after) = rest.split_at(end);
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(invalid()),
        };
        total += scaled(number, unit).ok_or_else(invalid)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut part = 0;
    let mut scale = 1;
    for b in fraction.bytes().take(18) {
        if !b.is_ascii_digit() {
            return None;
        }
        part = part * 10 + i128::from(b - b'0');
        scale *= 10;
    }
    Some(i128::from(whole) * unit + part * unit / scale)
}
