//! Pure. Times as Go reads and prints them: `metav1.Time` and `metav1.MicroTime`.

use jiff::Timestamp;

/// The layouts by which Go reads a time, as its errors quote them.
const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
const MICROS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// Reads a time of a built-in object and gives its one form, in UTC.
///
/// # Errors
/// Go's words for the first part of the layout that the text does not fit.
pub(crate) fn canonical(format: &str, text: &str) -> Result<String, String> {
    let micro = format == "microtime";
    let layout = if micro { MICROS } else { SECONDS };
    let fails = |rest: &str, part: &str| {
        let (text, rest) = (quoted(text), quoted(rest));
        Err(format!(
            "parsing time {text} as {layout:?}: cannot parse {rest} as {part:?}"
        ))
    };
    let mut rest = text;
    for (part, digits) in [
        ("2006", 4),
        ("-", 0),
        ("01", 2),
        ("-", 0),
        ("02", 2),
        ("T", 0),
        ("15", 2),
        (":", 0),
        ("04", 2),
        (":", 0),
        ("05", 2),
    ] {
        let length = if digits == 0 { 1 } else { digits };
        let fits = match rest.get(..length) {
            Some(found) if digits == 0 => found == part,
            Some(found) => found.bytes().all(|b| b.is_ascii_digit()),
            None => false,
        };
        if !fits {
            return fails(rest, part);
        }
        rest = &rest[length..];
    }
    let fraction = rest
        .strip_prefix('.')
        .map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
    if micro && fraction != 6 {
        return fails(rest, ".000000");
    }
    if fraction > 0 {
        rest = &rest[fraction + 1..];
    }
    if !is_zone(rest) {
        return fails(rest, "Z07:00");
    }
    let Ok(time) = text.parse::<Timestamp>() else {
        return Err(format!("parsing time {}: day out of range", quoted(text)));
    };
    let form = if micro {
        "%Y-%m-%dT%H:%M:%S.%6fZ"
    } else {
        "%Y-%m-%dT%H:%M:%SZ"
    };
    Ok(time.strftime(form).to_string())
}

fn is_zone(text: &str) -> bool {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let offset = |rest: &str| {
        rest.split_once(':')
            .is_some_and(|(h, m)| digits(h) && digits(m))
    };
    text == "Z" || text.strip_prefix(['+', '-']).is_some_and(offset)
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_reads_them() {
        let good = |format: &str, text: &str, form: &str| {
            assert_eq!(canonical(format, text).as_deref(), Ok(form), "{text}");
        };
        good("date-time", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        good(
            "date-time",
            "2026-01-01T00:00:00.5+02:00",
            "2025-12-31T22:00:00Z",
        );
        good(
            "microtime",
            "2026-01-01T00:00:00.000001Z",
            "2026-01-01T00:00:00.000001Z",
        );
        let bad = |format: &str, text: &str, end: &str| {
            let error = canonical(format, text).unwrap_err();
            assert!(error.ends_with(end), "{error}");
        };
        bad(
            "microtime",
            "yesterday",
            r#"cannot parse "yesterday" as "2006""#,
        );
        bad(
            "microtime",
            "2026-01-01T00:00:00Z",
            r#"cannot parse "Z" as ".000000""#,
        );
        bad("date-time", "2026-01-01", r#"cannot parse "" as "T""#);
        bad(
            "date-time",
            "2026-01-01T00:00:00",
            r#"cannot parse "" as "Z07:00""#,
        );
        bad("date-time", "2026-13-01T00:00:00Z", "out of range");
    }
}
