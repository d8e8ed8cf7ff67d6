//! Seam. The laws that every [`KeyWrapper`] must pass, as code that any key service's tests run.
//!
//! [`check`] runs on a key service that works, [`check_fault`] on one that was made to fail. A law
//! that does not hold comes back as [`LawBroken`].

use std::collections::BTreeSet;
use std::fmt;

use tidegate_contract::{KeyWrapper, SecretValue, WrapError, WrapFault};

/// A text within every plaintext of the laws; it may turn up in no other output.
pub const MARKER: &str = "law-marker-5d0c2e81";

/// A law that does not hold, and what was seen instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawBroken {
    /// The law, as a sentence.
    pub law: &'static str,
    /// What was seen instead; never a plaintext.
    pub seen: String,
}

impl fmt::Display for LawBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}; seen: {}", self.law, self.seen)
    }
}

impl std::error::Error for LawBroken {}

type Outcome = Result<(), LawBroken>;

fn hold(law: &'static str, holds: bool, seen: impl fmt::Display) -> Outcome {
    if holds {
        return Ok(());
    }
    let seen = seen.to_string();
    Err(LawBroken { law, seen })
}

fn told(error: &WrapError) -> String {
    format!("{}: {}", error.fault().label(), error.public())
}

/// Checks a key service that works, whose newest version wraps.
///
/// # Errors
/// The first law that does not hold.
pub async fn check(wrapper: &dyn KeyWrapper) -> Outcome {
    let version = versions(wrapper).await?;
    secrecy(wrapper, "Debug", &format!("{wrapper:?}"))?;
    round_trips(wrapper, &version).await?;
    contexts(wrapper, &version).await?;
    damage(wrapper, &version).await?;
    unknown_versions(wrapper, &version).await
}

/// Names, creation times and identity; gives the newest version.
async fn versions(wrapper: &dyn KeyWrapper) -> Result<String, LawBroken> {
    let identity = wrapper.identity();
    let same = identity == wrapper.identity();
    hold("the identity is always the same", same, identity.kind)?;
    let named = !identity.kind.is_empty() && !identity.key.is_empty();
    hold("the identity has a kind and a key", named, &identity.key)?;
    let law = "the versions of a key that works are listed";
    let listed = wrapper.versions().await;
    let listed = listed.map_err(|error| LawBroken {
        law,
        seen: told(&error),
    })?;
    hold(law, !listed.is_empty(), "none")?;
    let names: BTreeSet<_> = listed.iter().map(|it| &it.name).collect();
    let law = "each version has a name of its own";
    hold(law, names.len() == listed.len(), listed.len())?;
    let law = "each version has a creation time, in whole seconds at least";
    let timed = listed.iter().all(|it| it.created.as_secs() > 0);
    hold(law, timed, listed.len())?;
    let again = wrapper.versions().await.unwrap_or_default();
    let names_again: BTreeSet<_> = again.iter().map(|it| &it.name).collect();
    let law = "two listings of the same key are the same";
    hold(law, names == names_again, again.len())?;
    let newest = listed.iter().max_by_key(|it| (it.created, it.ordinal));
    Ok(newest.map(|it| it.name.clone()).unwrap_or_default())
}

/// Bytes of each value, with the marker in front where it fits.
fn plaintext(length: usize, first: u8) -> SecretValue {
    let mut bytes: Vec<u8> = MARKER.bytes().take(length).collect();
    let rest = u8::try_from(length.saturating_sub(bytes.len())).unwrap_or(u8::MAX);
    bytes.extend((0..rest).map(|offset| first.wrapping_add(offset)));
    SecretValue::new(bytes)
}

async fn round_trips(wrapper: &dyn KeyWrapper, version: &str) -> Outcome {
    // A seed has 32 bytes; RSA-2048 with OAEP takes 190 at most.
    for (length, first) in [(1, 0), (32, 0), (32, 240), (96, 100), (96, 200)] {
        let plain = plaintext(length, first);
        let one = wrapped(wrapper, version, &plain, b"context").await?;
        let law = "what is stored with its key id and annotations fits the API server's limit";
        hold(law, (1..=1024).contains(&one.len()), one.len())?;
        secrecy(wrapper, "the wrapped bytes", &String::from_utf8_lossy(&one))?;
        let law = "what was wrapped unwraps to the same bytes";
        let opened = wrapper.unwrap(version, &one, b"context").await;
        match opened {
            Ok(opened) => hold(law, opened == plain, format!("{length} bytes changed"))?,
            Err(error) => hold(law, false, told(&error))?,
        }
        let other = wrapped(wrapper, version, &plain, b"context").await?;
        hold("two wraps of the same bytes differ", one != other, length)?;
    }
    Ok(())
}

async fn wrapped(
    wrapper: &dyn KeyWrapper,
    version: &str,
    plain: &SecretValue,
    context: &[u8],
) -> Result<Vec<u8>, LawBroken> {
    let wrapped = wrapper.wrap(version, plain, context).await;
    wrapped.map_err(|error| LawBroken {
        law: "the newest version wraps",
        seen: told(&error),
    })
}

async fn contexts(wrapper: &dyn KeyWrapper, version: &str) -> Outcome {
    let plain = plaintext(32, 0);
    let one = wrapped(wrapper, version, &plain, b"context").await?;
    for other in [b"contexT".as_slice(), b"context\0", b"c"] {
        let law = "what was wrapped for one context is corrupt in any other";
        refused(wrapper, version, &one, other, law, &[WrapFault::Corrupt]).await?;
    }
    let law = "what was wrapped for a context does not open without one";
    refused(wrapper, version, &one, b"", law, &[WrapFault::Corrupt]).await
}

async fn damage(wrapper: &dyn KeyWrapper, version: &str) -> Outcome {
    let plain = plaintext(32, 0);
    let one = wrapped(wrapper, version, &plain, b"c").await?;
    let law = "damaged bytes are corrupt, and never an outage or a revocation";
    let faults = [WrapFault::Corrupt, WrapFault::Invalid];
    let mut damaged = vec![Vec::new(), vec![0], one[..one.len() / 2].to_vec()];
    damaged.push([one.as_slice(), b"AAAA"].concat());
    // Each part of a text with a prefix, a version and a body, or of a blob.
    for at in (0..one.len())
        .step_by(1 + one.len() / 24)
        .chain([one.len() - 2])
    {
        let mut turned = one.clone();
        if let Some(byte) = turned.get_mut(at) {
            *byte ^= 1;
        }
        damaged.push(turned);
    }
    for bytes in damaged {
        refused(wrapper, version, &bytes, b"c", law, &faults).await?;
    }
    Ok(())
}

async fn unknown_versions(wrapper: &dyn KeyWrapper, version: &str) -> Outcome {
    let plain = plaintext(32, 0);
    let law = "nothing is wrapped under a version that there is not";
    let unknown = "999999";
    match wrapper.wrap(unknown, &plain, b"c").await {
        Ok(_) => hold(law, false, "it was wrapped")?,
        Err(error) => {
            secrecy(wrapper, "an error", &format!("{error:?} {error}"))?;
            let fault = error.fault();
            let right = matches!(fault, WrapFault::Deleted | WrapFault::Invalid);
            hold(law, right, told(&error))?;
        }
    }
    let one = wrapped(wrapper, version, &plain, b"c").await?;
    let law = "what one version wrapped does not open under another";
    let faults = [WrapFault::Corrupt, WrapFault::Deleted, WrapFault::Invalid];
    refused(wrapper, unknown, &one, b"c", law, &faults).await
}

/// Checks that the bytes do not open, and that the fault is among `faults`.
async fn refused(
    wrapper: &dyn KeyWrapper,
    version: &str,
    wrapped: &[u8],
    context: &[u8],
    law: &'static str,
    faults: &[WrapFault],
) -> Outcome {
    match wrapper.unwrap(version, wrapped, context).await {
        Ok(_) => hold(law, false, "it opened"),
        Err(error) => {
            secrecy(wrapper, "an error", &format!("{error:?} {error}"))?;
            hold(law, faults.contains(&error.fault()), told(&error))
        }
    }
}

fn secrecy(wrapper: &dyn KeyWrapper, of: &'static str, text: &str) -> Outcome {
    let clean = !text.contains(MARKER);
    let seen = format!("{of} of {:?}", wrapper.identity().kind);
    hold(
        "no plaintext is in Debug, errors or what is stored",
        clean,
        seen,
    )
}

/// Checks a key service that was made to fail: each of the three calls that `fails` names by
/// `wrap`, `unwrap` or `versions` says `expected`, twice in the same words.
///
/// # Errors
/// The first law that does not hold.
pub async fn check_fault(
    wrapper: &dyn KeyWrapper,
    fails: &[&str],
    version: &str,
    wrapped: &[u8],
    expected: fn(WrapFault) -> bool,
) -> Outcome {
    for &call in fails {
        let mut texts = Vec::new();
        for _ in 0..2 {
            let plain = plaintext(32, 0);
            let failure = match call {
                "wrap" => wrapper.wrap(version, &plain, b"c").await.err(),
                "unwrap" => wrapper.unwrap(version, wrapped, b"c").await.err(),
                _ => wrapper.versions().await.err(),
            };
            let law = "a failure has its fault";
            let Some(error) = failure else {
                return hold(law, false, format!("{call} works"));
            };
            secrecy(wrapper, "an error", &format!("{error:?} {error}"))?;
            hold(
                law,
                expected(error.fault()),
                format!("{call}: {}", told(&error)),
            )?;
            texts.push(error.public().to_owned());
        }
        let law = "the same failure has the same text each time";
        hold(
            law,
            texts.windows(2).all(|it| it[0] == it[1]),
            texts.join(" / "),
        )?;
    }
    Ok(())
}
