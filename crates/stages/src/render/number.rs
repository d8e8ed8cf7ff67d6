//! Pure. JSON numbers as Go writes a float64.

/// Whether the literal has neither fraction nor exponent.
pub(super) fn is_integer(literal: &str) -> bool {
    !literal.contains(['.', 'e', 'E'])
}

/// The shortest decimal without an exponent (Go's `FormatFloat(x, 'f', -1, 64)`).
///
/// # Errors
/// When the number does not fit a float64.
pub(super) fn plain(literal: &str) -> Result<String, String> {
    Ok(float(literal)?.to_string())
}

/// As Go's JSON encoder writes it: an exponent below 1e-6 and from 1e21.
///
/// # Errors
/// When the number does not fit a float64.
pub(super) fn json(literal: &str) -> Result<String, String> {
    let value = float(literal)?;
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Ok(value.to_string());
    }
    let text = format!("{value:e}");
    // Go writes the sign of a positive exponent.
    Ok(match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    })
}

fn float(literal: &str) -> Result<f64, String> {
    (literal.parse::<f64>().ok())
        .filter(|value| value.is_finite())
        .ok_or_else(|| "the value has a number that does not fit 64 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (literal, as_plain, as_json) in [
            ("1", "1", "1"),
            ("-0", "-0", "-0"),
            ("1.50", "1.5", "1.5"),
            ("1e3", "1000", "1000"),
            ("0.000001", "0.000001", "0.000001"),
            ("1e-7", "0.0000001", "1e-7"),
            ("1e21", "1000000000000000000000", "1e+21"),
            (
                "123456789012345678901",
                "123456789012345680000",
                "123456789012345680000",
            ),
            ("9007199254740993", "9007199254740992", "9007199254740992"),
            ("-2.5E-10", "-0.00000000025", "-2.5e-10"),
        ] {
            assert_eq!(plain(literal).as_deref(), Ok(as_plain), "{literal}");
            assert_eq!(json(literal).as_deref(), Ok(as_json), "{literal}");
        }
        assert!(plain("1e999").is_err());
    }
}
