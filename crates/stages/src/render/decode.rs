//! Pure. Decoding strategies of values.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tidegate_api::DecodingStrategy;
use tidegate_contract::SecretValue;
use zeroize::Zeroizing;

/// Decodes a value.
///
/// # Errors
/// When it is not what the strategy says; the text has nothing of the value.
pub(super) fn decode(
    value: &SecretValue,
    strategy: DecodingStrategy,
) -> Result<SecretValue, &'static str> {
    match strategy {
        DecodingStrategy::None => Ok(value.clone()),
        DecodingStrategy::Base64 => {
            base64(value, &STANDARD).ok_or("the value is not base64 (decodingStrategy: Base64)")
        }
        DecodingStrategy::Base64Url => base64(value, &URL_SAFE)
            .ok_or("the value is not URL-safe base64 (decodingStrategy: Base64URL)"),
        DecodingStrategy::Auto => Ok((base64(value, &STANDARD))
            .or_else(|| base64(value, &URL_SAFE))
            .unwrap_or_else(|| value.clone())),
    }
}

/// As Go decodes: padded, line breaks skipped, stray bits at the end tolerated.
fn base64(value: &SecretValue, alphabet: &Alphabet) -> Option<SecretValue> {
    let engine = GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
            .with_decode_allow_trailing_bits(true),
    );
    let mut text = Zeroizing::new(Vec::with_capacity(value.len()));
    text.extend((value.expose().iter()).filter(|byte| !matches!(byte, b'\r' | b'\n')));
    // With room for the largest outcome the decoder does not reallocate.
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    engine.decode_vec(&*text, &mut decoded).ok()?;
    Some(SecretValue::new(std::mem::take(&mut *decoded)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecodingStrategy::{Auto, Base64, Base64Url, None};

    #[test]
    fn strategies_decode_as_go_does() {
        let check = |strategy, text: &str, expected: Option<&str>| {
            let decoded = decode(&SecretValue::from(text), strategy).ok();
            assert_eq!(
                decoded,
                expected.map(SecretValue::from),
                "{strategy:?} {text}"
            );
        };
        check(None, "aGk=", Some("aGk="));
        check(Base64, "aGk=", Some("hi"));
        check(Base64, "aG\r\nk=\n", Some("hi"));
        check(Base64, "aGl=", Some("hi"));
        check(Base64, "aGk", Option::None);
        check(Base64, "Pz8-", Option::None);
        check(Base64Url, "Pz8-", Some("??>"));
        check(Base64Url, "Pz8+", Option::None);
        check(Auto, "Pz8+", Some("??>"));
        check(Auto, "Pz8-", Some("??>"));
        check(Auto, "plain!", Some("plain!"));
        check(Base64, "", Some(""));
    }
}
