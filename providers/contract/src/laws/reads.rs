//! Seam. The laws of reading and listing when nothing is wrong.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::{Carries, Fixture, Law, LawBroken, MARKER, look};
use crate::{Limits, Provider, RemoteKey};

/// Reads at once, at most, by which the laws load a backend.
const MOST_AT_ONCE: usize = 64;

/// Names in the listing law: more than a backend's smallest page, spread over folders.
const LISTED: usize = 12;

pub(super) fn limits_are_sane(provider: &dyn Provider) -> Result<(), LawBroken> {
    let Limits {
        in_flight,
        keys_per_call,
        rate,
    } = provider.limits();
    let rate_is_sane = rate.is_none_or(|rate| rate.is_finite() && rate > 0.0);
    if in_flight == 0 || keys_per_call == 0 || !rate_is_sane {
        let seen = format!("{:?}", provider.limits());
        return Err(LawBroken::new(Law::Limits, seen));
    }
    Ok(())
}

/// Present, missing and repeated keys, mixed within and across calls.
pub(super) async fn order_and_missing(
    provider: &dyn Provider,
    fixture: &dyn Fixture,
) -> Result<(), LawBroken> {
    if !provider.fetch(&[]).await.is_empty() {
        return Err(LawBroken::new(Law::Order, "an answer for no key"));
    }
    let mut stored = BTreeMap::new();
    for name in ["law-order/a", "law-order/b", "law-order/c"] {
        let value = format!("{MARKER} {name}").into_bytes();
        stored.insert(name, (fixture.store(name, &value).await, value));
    }
    let absent = |name: &str| {
        let mut key = stored["law-order/a"].0.clone();
        key.key = key.key.replace("law-order/a", name);
        key
    };
    let (first, second) = (absent("law-order/absent"), absent("law-order/zzz"));
    let present = |name: &str| stored[name].0.clone();
    let keys = [
        present("law-order/b"),
        first.clone(),
        present("law-order/a"),
        present("law-order/a"),
        second.clone(),
        present("law-order/c"),
        first.clone(),
        present("law-order/b"),
    ];
    let answers = look::fetch(provider, &keys).await?;
    for (key, answer) in keys.iter().zip(&answers) {
        match stored.values().find(|(known, _)| known == key) {
            Some((_, value)) => look::is(Law::Order, fixture, key, answer, value)?,
            None => look::is_missing(key, answer)?,
        }
    }
    Ok(())
}

/// Every byte or character, long values, and none at all.
pub(super) async fn values_survive(
    provider: &dyn Provider,
    fixture: &dyn Fixture,
) -> Result<(), LawBroken> {
    let mut values: Vec<(Law, Vec<u8>)> = vec![
        (Law::Empty, Vec::new()),
        (Law::Bytes, b"trailing newline\n".to_vec()),
        (Law::Bytes, MARKER.repeat(4096).into_bytes()),
        (
            Law::Bytes,
            b" {\"looks\": [1.50, 1e400, \"like\"]} ".to_vec(),
        ),
        (Law::Bytes, every_kind_of_character().into_bytes()),
    ];
    if fixture.carries() == Carries::Bytes {
        values.push((
            Law::Bytes,
            (0..=u8::MAX).chain((0..=u8::MAX).rev()).collect(),
        ));
        values.push((Law::Bytes, vec![0xff, 0xfe, 0x00, 0x00]));
    }
    for (number, (law, value)) in values.iter().enumerate() {
        let key = fixture.store(&format!("law-values/{number}"), value).await;
        look::reads_as(*law, provider, fixture, &key, value).await?;
    }
    Ok(())
}

fn every_kind_of_character() -> String {
    let ascii = (0..0x80u8).map(char::from);
    let others = "\u{85}\u{a0}\u{2028}\u{2029}\u{feff}\u{fffd}\u{ffff}\u{10ffff}é€𝄞";
    ascii
        .chain(others.chars())
        .chain("<>&\\u003c</script>\\\"".chars())
        .collect()
}

/// As many reads at once as the provider says it takes.
pub(super) async fn limits_are_borne(
    provider: &dyn Provider,
    fixture: &dyn Fixture,
) -> Result<(), LawBroken> {
    let value = format!("{MARKER} at once").into_bytes();
    let key = fixture.store("law-limits/a", &value).await;
    let Limits {
        in_flight,
        keys_per_call,
        ..
    } = provider.limits();
    let call = vec![key.clone(); keys_per_call.min(MOST_AT_ONCE)];
    let calls = (0..in_flight.min(MOST_AT_ONCE)).map(|_| look::fetch(provider, &call));
    for answers in join_all(calls).await {
        for answer in answers? {
            look::is(Law::Limits, fixture, &key, &answer, &value)?;
        }
    }
    Ok(())
}

/// A listing finds what was stored, nothing else, and each name can be read.
pub(super) async fn listings_are_whole(
    provider: &dyn Provider,
    fixture: &dyn Fixture,
) -> Result<bool, LawBroken> {
    let Some(find) = fixture.find("law-list") else {
        return Ok(false);
    };
    fixture.store("law-listen/other", b"not looked for").await;
    let mut expected: BTreeMap<RemoteKey, Vec<u8>> = BTreeMap::new();
    for number in 0..LISTED {
        let name = match number % 3 {
            0 => format!("law-list/k{number}"),
            1 => format!("law-list/folder/k{number}"),
            _ => format!("law-list/folder/deeper-{number}/k"),
        };
        let value = format!("{MARKER} {name}").into_bytes();
        expected.insert(fixture.store(&name, &value).await, value);
    }
    let broken = |seen: String| Err(LawBroken::new(Law::Listing, seen));
    let listing = match provider.list(&find).await {
        Ok(listing) => listing,
        Err(error) => {
            look::error(&error)?;
            return broken(format!("it failed: {error:?}"));
        }
    };
    look::secret(&format!("{listing:?}"))?;
    let mut found = listing.keys.clone();
    found.sort();
    if !listing.complete || !found.iter().eq(expected.keys()) {
        return broken(format!(
            "complete: {}, found {found:?} instead of {:?}",
            listing.complete,
            expected.keys().collect::<Vec<_>>()
        ));
    }
    for (key, value) in &expected {
        look::reads_as(Law::Listing, provider, fixture, key, value).await?;
    }
    Ok(true)
}

pub(super) async fn validation(provider: &dyn Provider) -> Result<(), LawBroken> {
    match provider.validate().await {
        Ok(validation) => look::secret(&format!("{validation:?}")),
        Err(error) => {
            look::error(&error)?;
            Err(LawBroken::new(Law::Validation, format!("{error:?}")))
        }
    }
}
