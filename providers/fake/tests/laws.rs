//! Shell. The fake provider under the laws, with ESO's rules, and under many hands at once.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::laws::{Carries, Fault, Fixture, MARKER, Provoked, check};
use tidegate_contract::{
    ErrorKind, Find, Provider, ProviderError, RemoteKey, RemoteSecret, SecretValue, Validation,
};
use tidegate_provider_fake::{FakeEntry, FakeHandle, FakeProvider, FakeValidation};

fn entry(key: &str, version: &str, value: &[u8]) -> FakeEntry {
    FakeEntry {
        key: key.to_owned(),
        value: SecretValue::new(value.to_vec()),
        version: version.to_owned(),
    }
}

fn at(key: &str, version: &str) -> RemoteKey {
    RemoteKey {
        version: Some(version.to_owned()),
        ..RemoteKey::latest(key)
    }
}

fn provider(entries: &[(&str, &str, &str)]) -> FakeProvider {
    let entries = entries.iter();
    let entries = entries.map(|(key, version, value)| entry(key, version, value.as_bytes()));
    FakeProvider::new(entries.collect(), FakeValidation::Ready)
}

async fn read(provider: &FakeProvider, key: RemoteKey) -> Result<String, ErrorKind> {
    let mut answers = provider.fetch(&[key]).await;
    assert_eq!(answers.len(), 1);
    match answers.remove(0) {
        Ok(answer) => Ok(String::from_utf8(answer.value.expose().to_vec()).unwrap()),
        Err(error) => Err(error.kind()),
    }
}

struct Hand(FakeHandle);

#[async_trait]
impl Fixture for Hand {
    fn carries(&self) -> Carries {
        Carries::Bytes
    }

    async fn store(&self, name: &str, value: &[u8]) -> RemoteKey {
        self.0.set(entry(name, "", value));
        RemoteKey::latest(name)
    }

    fn value(&self, answer: &RemoteSecret) -> Option<Vec<u8>> {
        Some(answer.value.expose().to_vec())
    }

    fn find(&self, prefix: &str) -> Option<Find> {
        Some(Find {
            name: Some(format!("^{prefix}/")),
            ..Find::default()
        })
    }

    async fn provoke(&self, fault: Fault) -> Option<Provoked> {
        let kind = match fault {
            Fault::MissingKey | Fault::MissingVersion => ErrorKind::NotFound,
            Fault::Unreachable => ErrorKind::Unavailable,
            Fault::DeniedPolicy => ErrorKind::Denied,
            Fault::Throttled => ErrorKind::Throttled {
                after: Some(Duration::from_secs(2)),
            },
            // A store of its own has no mounts, tokens or seals.
            _ => return None,
        };
        let broken = provider(&[("law-faults/there", "1", MARKER)]);
        let key = match fault {
            Fault::MissingKey => RemoteKey::latest("law-faults/absent"),
            Fault::MissingVersion => at("law-faults/there", "2"),
            _ => {
                let failure = ProviderError::new(kind, "a failure that was asked for");
                broken.handle().fail(Some(failure));
                RemoteKey::latest("law-faults/there")
            }
        };
        Some(Provoked {
            provider: Arc::new(broken),
            key,
        })
    }

    async fn mend(&self, _fault: Fault) {}
}

#[tokio::test]
async fn the_laws_hold() {
    let fake = FakeProvider::new(Vec::new(), FakeValidation::Ready);
    let checked = check(&fake, &Hand(fake.handle())).await.unwrap();
    let faults = [
        Fault::MissingKey,
        Fault::MissingVersion,
        Fault::DeniedPolicy,
        Fault::Unreachable,
        Fault::Throttled,
    ];
    assert_eq!(checked.faults, faults);
    assert!(checked.listed);
}

#[tokio::test]
async fn a_version_is_met_exactly() {
    let fake = provider(&[("a", "", "plain"), ("a", "1", "one"), ("b", "2", "two")]);
    for (key, expected) in [
        (RemoteKey::latest("a"), Ok("plain")),
        (at("a", ""), Ok("plain")),
        (at("a", "1"), Ok("one")),
        (at("a", "3"), Err(ErrorKind::NotFound)),
        // No version is the empty one, not the highest.
        (RemoteKey::latest("b"), Err(ErrorKind::NotFound)),
        // Key and version are two things: "a1" is not "a" at "1".
        (RemoteKey::latest("a1"), Err(ErrorKind::NotFound)),
    ] {
        let shown = key.to_string();
        let read = read(&fake, key).await;
        assert_eq!(read.as_deref().map_err(|kind| *kind), expected, "{shown}");
    }
}

#[tokio::test]
async fn of_equal_entries_the_last_counts() {
    let fake = provider(&[("a", "1", "old"), ("a", "1", "new")]);
    assert_eq!(read(&fake, at("a", "1")).await.as_deref(), Ok("new"));
}

#[tokio::test]
async fn find_takes_the_highest_version_as_text() {
    let fake = provider(&[
        ("a", "10", "ten"),
        ("a", "9", "nine"),
        ("ab", "", "plain"),
        ("c", "1", "else"),
    ]);
    let by_name = |name: &str| Find {
        name: Some(name.to_owned()),
        ..Find::default()
    };
    let found = fake.list(&by_name("a")).await.unwrap();
    assert_eq!(found.keys, [at("a", "9"), RemoteKey::latest("ab")]);
    assert!(found.complete);
    let error = fake.list(&by_name("(")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = fake.list(&Find::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn validation_answers_what_it_was_told() {
    for (number, expected) in [
        (None, Ok(Validation::Ready)),
        (Some(0), Ok(Validation::Ready)),
        (
            Some(1),
            Ok(Validation::Unknown("unable to validate".to_owned())),
        ),
        (Some(2), Err(ErrorKind::Invalid)),
        (Some(99), Err(ErrorKind::Invalid)),
    ] {
        let fake = FakeProvider::new(Vec::new(), FakeValidation::from_number(number));
        let validation = fake.validate().await.map_err(|error| error.kind());
        assert_eq!(validation, expected, "{number:?}");
    }
}

#[tokio::test]
async fn a_handle_changes_values_counts_reads_and_tells_changes() {
    let fake = provider(&[("a", "", "before")]);
    let hand = fake.handle();
    let mut changes = hand.changes();
    hand.set(entry("a", "", b"after"));
    hand.set(entry("a", "2", b"two"));
    assert!(hand.remove("a", "2"));
    assert!(!hand.remove("a", "2"));
    assert_eq!(
        read(&fake, RemoteKey::latest("a")).await.as_deref(),
        Ok("after")
    );
    for expected in [RemoteKey::latest("a"), at("a", "2"), at("a", "2")] {
        assert_eq!(changes.try_recv().unwrap(), expected);
    }
    assert!(changes.try_recv().is_err());
    hand.fail(Some(ProviderError::new(ErrorKind::Unavailable, "down")));
    let down = read(&fake, RemoteKey::latest("a")).await;
    assert_eq!(down, Err(ErrorKind::Unavailable));
    hand.fail(None);
    assert_eq!(
        read(&fake, RemoteKey::latest("a")).await.as_deref(),
        Ok("after")
    );
    assert_eq!(hand.reads(), 3);
}

/// Each call sees one state of all entries, and an entry is some whole value and never a mixture,
/// however many write meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_hands_at_once_see_whole_values() {
    const ROUNDS: usize = 500;
    let fake = Arc::new(provider(&[("a", "", "0000")]));
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 1..4u8 {
        let hand = fake.handle();
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                hand.set(entry("a", "", &[b'0' + writer; 4]));
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..3 {
        let fake = Arc::clone(&fake);
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                let keys = [RemoteKey::latest("a"), RemoteKey::latest("a")];
                let answers = fake.fetch(&keys).await;
                let values: Vec<_> = answers.into_iter().map(|it| it.unwrap().value).collect();
                assert_eq!(values[0], values[1]);
                let first = values[0].expose();
                assert!(first.len() == 4 && first.iter().all(|byte| *byte == first[0]));
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(fake.handle().reads(), 3 * 2 * ROUNDS as u64);
}
