//! Pure. Go's notation of durations, as `timeout` has it.

use std::time::Duration;

const UNITS: [(&str, f64); 7] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 6e10),
    ("h", 3.6e12),
];

/// Nanoseconds, negative ones too; none where Go refuses the text.
pub(super) fn parse(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (_, scale) = UNITS.iter().find(|(unit, _)| *unit == &rest[..end])?;
        #[allow(clippy::cast_possible_truncation, reason = "bounded below")]
        let nanos = (number * scale) as i128;
        total += nanos;
        rest = &rest[end..];
    }
    (total <= i128::from(i64::MAX)).then_some(sign * total)
}

/// The shortest text of a whole number of milliseconds or more.
pub(super) fn text(duration: Duration) -> String {
    match duration.subsec_nanos() {
        0 => format!("{}s", duration.as_secs()),
        nanos if nanos % 1_000_000 == 0 => format!("{}ms", duration.as_millis()),
        _ => format!("{}ns", duration.as_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let check = |text, nanos| assert_eq!(parse(text), nanos, "{text}");
        check("3s", Some(3_000_000_000));
        check("1m30s", Some(90_000_000_000));
        check("1.5s", Some(1_500_000_000));
        check("-1s", Some(-1_000_000_000));
        check("0", Some(0));
        check("3", None);
        check("", None);
        check("s", None);
        check("1d", None);
        check("9999999999h", None);
        assert_eq!(text(Duration::from_millis(1500)), "1500ms");
    }
}
