//! Pure. Durations in Go's notation, as Kubernetes resources carry them.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration such as `1h0m0s`; negative ones count as zero, which switches refreshing off.
///
/// Serializes as Go prints it, so that a value survives a round trip through either controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub Duration);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurationError;

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a duration; write it like 30s, 15m or 1h30m")
    }
}

impl std::error::Error for DurationError {}

impl GoDuration {
    /// Reads Go's notation: signed decimals with the units ns, us, µs, ms, s, m, h.
    ///
    /// # Errors
    /// When the text is empty, lacks a unit or does not fit.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if rest.is_empty() {
            return Err(DurationError);
        }
        let mut nanos: u128 = 0;
        while !rest.is_empty() {
            let (amount, tail) = component(rest)?;
            nanos = nanos.checked_add(amount).ok_or(DurationError)?;
            rest = tail;
        }
        if nanos > i64::MAX as u128 {
            return Err(DurationError);
        }
        let nanos = u64::try_from(nanos).map_err(|_| DurationError)?;
        Ok(Self(if negative {
            Duration::ZERO
        } else {
            Duration::from_nanos(nanos)
        }))
    }

    /// True when refreshing is switched off.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

/// Reads one `12.5m` and gives its nanoseconds and what follows.
fn component(text: &str) -> Result<(u128, &str), DurationError> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (whole, mut rest) = text.split_at(digits);
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        (fraction, rest) = after.split_at(end);
    }
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError);
    }
    const UNITS: [(&str, u128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(end);
    let scale = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(DurationError)?
        .1;
    let mut nanos = 0u128;
    if !whole.is_empty() {
        let whole: u128 = whole.parse().map_err(|_| DurationError)?;
        nanos = whole.checked_mul(scale).ok_or(DurationError)?;
    }
    let mut part = scale;
    for digit in fraction.bytes().take(18) {
        part /= 10;
        nanos += u128::from(digit - b'0') * part;
    }
    Ok((nanos, tail))
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (scale, unit) = match nanos {
                0..1_000 => (1, "ns"),
                1_000..1_000_000 => (1_000, "µs"),
                _ => (1_000_000, "ms"),
            };
            return write!(f, "{}{unit}", decimal(nanos, scale));
        }
        let seconds = self.0.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(nanos % 60_000_000_000, 1_000_000_000))
    }
}

/// `nanos / scale` without trailing zeroes.
fn decimal(nanos: u128, scale: u128) -> String {
    let (whole, rest) = (nanos / scale, nanos % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_as_go_does() {
        for (text, nanos, printed) in [
            ("1h0m0s", 3_600_000_000_000, "1h0m0s"),
            ("0", 0, "0s"),
            ("15s", 15_000_000_000, "15s"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("90m", 5_400_000_000_000, "1h30m0s"),
            ("100ms", 100_000_000, "100ms"),
            ("1.5us", 1_500, "1.5µs"),
            ("1h0.25s", 3_600_250_000_000, "1h0m0.25s"),
            (".5s", 500_000_000, "500ms"),
            ("-5s", 0, "0s"),
            ("+5s", 5_000_000_000, "5s"),
            ("7ns", 7, "7ns"),
        ] {
            let read = GoDuration::parse(text);
            assert_eq!(read, Ok(GoDuration(Duration::from_nanos(nanos))), "{text}");
            assert_eq!(
                read.map(|d| d.to_string()),
                Ok(printed.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "",
            "-",
            "5",
            "h",
            "1d",
            "1h-5m",
            "s5",
            ".s",
            "1 h",
            "9999999999999h",
        ] {
            assert_eq!(GoDuration::parse(text), Err(DurationError), "{text}");
        }
    }
}
