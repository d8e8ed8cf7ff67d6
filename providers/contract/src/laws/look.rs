//! Seam. How the laws look at an answer: every one is searched for the marker.

use super::{Fixture, Law, LawBroken, MARKER};
use crate::{ErrorKind, Provider, ProviderError, RemoteKey, RemoteSecret};

/// Fails when `shown` quotes a value.
pub(super) fn secret(shown: &str) -> Result<(), LawBroken> {
    match shown.find(MARKER) {
        None => Ok(()),
        Some(_) => Err(LawBroken::new(Law::Secrecy, shown)),
    }
}

/// Fails when one of an error's faces quotes a value.
pub(super) fn error(error: &ProviderError) -> Result<(), LawBroken> {
    secret(&format!("{error:?} {error} {}", error.public()))
}

/// The answers for `keys`, in calls as large as the provider allows.
pub(super) async fn fetch(
    provider: &dyn Provider,
    keys: &[RemoteKey],
) -> Result<Vec<Result<RemoteSecret, ProviderError>>, LawBroken> {
    let mut answers = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(provider.limits().keys_per_call.max(1)) {
        let some = provider.fetch(chunk).await;
        if some.len() != chunk.len() {
            let seen = format!("{} answers for {} keys", some.len(), chunk.len());
            return Err(LawBroken::new(Law::Order, seen));
        }
        answers.extend(some);
    }
    for answer in &answers {
        secret(&format!("{answer:?}"))?;
        if let Err(failure) = answer {
            error(failure)?;
        }
    }
    Ok(answers)
}

/// Fails with `law` unless `key` reads as `expected`.
pub(super) async fn reads_as(
    law: Law,
    provider: &dyn Provider,
    fixture: &dyn Fixture,
    key: &RemoteKey,
    expected: &[u8],
) -> Result<(), LawBroken> {
    let answers = fetch(provider, std::slice::from_ref(key)).await?;
    for answer in &answers {
        is(law, fixture, key, answer, expected)?;
    }
    Ok(())
}

/// Fails with `law` unless `answer` holds `expected`.
pub(super) fn is(
    law: Law,
    fixture: &dyn Fixture,
    key: &RemoteKey,
    answer: &Result<RemoteSecret, ProviderError>,
    expected: &[u8],
) -> Result<(), LawBroken> {
    let seen = match answer {
        Err(error) => format!("{key} failed: {error:?}"),
        Ok(answer) => match fixture.value(answer) {
            Some(value) if value == expected => return Ok(()),
            Some(value) => {
                let at = value.iter().zip(expected).position(|(a, b)| a != b);
                format!(
                    "{key} has {} bytes instead of {}, different from byte {at:?} on",
                    value.len(),
                    expected.len()
                )
            }
            None => format!("{key} has another shape: {answer:?}"),
        },
    };
    Err(LawBroken::new(law, seen))
}

/// Fails unless `answer` is `NotFound`.
pub(super) fn is_missing(
    key: &RemoteKey,
    answer: &Result<RemoteSecret, ProviderError>,
) -> Result<(), LawBroken> {
    match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => {
            let seen = format!("{key} does not exist and was answered with {other:?}");
            Err(LawBroken::new(Law::Missing, seen))
        }
    }
}
