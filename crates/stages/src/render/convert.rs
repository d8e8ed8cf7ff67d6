//! Pure. Keys of remote objects to keys of a Secret.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use tidegate_api::ConversionStrategy;

/// Go's letters and numbers; `char::is_alphanumeric` also takes marks.
static LETTER_OR_NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{N}]$").ok());

/// Makes a key valid: every character beside letters, numbers, `-`, `.` and `_` is replaced.
pub(super) fn key(key: &str, strategy: ConversionStrategy) -> String {
    let mut converted = String::with_capacity(key.len());
    for c in key.chars() {
        match strategy {
            _ if kept(c) => converted.push(c),
            ConversionStrategy::Default => converted.push('_'),
            ConversionStrategy::Unicode => {
                // Writing to a String cannot fail.
                let _ = write!(converted, "_U{:04x}_", u32::from(c));
            }
        }
    }
    converted
}

/// Checks a key as ESO does, before anything is written.
///
/// # Errors
/// When it is longer than 253 bytes or has other characters.
pub(super) fn valid(key: &str) -> Result<(), String> {
    if key.len() > 253 {
        return Err("a key is longer than 253 bytes".to_owned());
    }
    if key.chars().all(kept) {
        return Ok(());
    }
    Err(format!(
        "key {key:?} has invalid characters: use rewrite or conversionStrategy"
    ))
}

/// Whether the API server takes the key.
pub(super) fn accepted(key: &str) -> bool {
    let chars = (key.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    (1..=253).contains(&key.len()) && chars && key != "." && !key.starts_with("..")
}

fn kept(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    }
    let mut utf8 = [0; 4];
    let text = c.encode_utf8(&mut utf8);
    (LETTER_OR_NUMBER.as_ref()).is_some_and(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_converted_as_eso_does() {
        for (text, default, unicode) in [
            ("a-b._9", "a-b._9", "a-b._9"),
            ("a/b c", "a_b_c", "a_U002f_b_U0020_c"),
            ("é", "é", "é"),
            ("٣", "٣", "٣"),
            ("Ⅷ", "Ⅷ", "Ⅷ"),
            ("\u{0903}", "_", "_U0903_"),
            ("😀", "_", "_U1f600_"),
            ("", "", ""),
        ] {
            assert_eq!(key(text, ConversionStrategy::Default), default, "{text}");
            assert_eq!(key(text, ConversionStrategy::Unicode), unicode, "{text}");
        }
    }

    #[test]
    fn the_api_server_is_stricter() {
        for (text, eso, server) in [
            ("a.b", true, true),
            ("é", true, false),
            ("a/b", false, false),
            (".", true, false),
            ("..data", true, false),
            (".env", true, true),
        ] {
            assert_eq!(valid(text).is_ok(), eso, "{text}");
            assert_eq!(accepted(text), server, "{text}");
        }
        assert!(valid(&"k".repeat(253)).is_ok() && valid(&"k".repeat(254)).is_err());
    }

    proptest! {
        #[test]
        fn converted_keys_are_valid_and_stay_as_they_are(text in "\\PC{0,40}") {
            for strategy in [ConversionStrategy::Default, ConversionStrategy::Unicode] {
                let once = key(&text, strategy);
                prop_assert!(once.chars().all(kept));
                prop_assert_eq!(key(&once, strategy), once);
            }
        }
    }
}
