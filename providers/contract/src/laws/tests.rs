//! Seam. The laws against a model: a good one passes, and each flaw breaks the law it should.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;

use super::*;
use crate::{Limits, Listing, ProviderError, SecretValue, Validation};

/// What is wrong with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    SortsAnswers,
    DropsRepeats,
    CallFailsForOneMissing,
    MissingIsUnavailable,
    TrimsText,
    LosesBytesThatAreNotText,
    EmptyIsAbsent,
    NoLimits,
    TakesOneAtATime,
    LosesWhatIsDropped,
    DebugShowsValues,
    ErrorQuotesValue,
    DeniedIsUnavailable,
    ErrorCountsAttempts,
    ListsOneFolder,
    ListsTooMuch,
    OutageListsNothing,
    IsNeverReady,
}

type Values = BTreeMap<String, Vec<u8>>;

struct Model {
    flaw: Flaw,
    fault: Option<Fault>,
    values: Arc<Mutex<Values>>,
    running: Mutex<usize>,
    attempts: Mutex<usize>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flaw {
            Flaw::DebugShowsValues => write!(f, "{:?}", text_of(&lock(&self.values))),
            _ => f.write_str("Model"),
        }
    }
}

fn text_of(values: &Values) -> Vec<String> {
    let all = values.values();
    all.map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets others run once, as a real call would.
async fn wait() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Model {
    fn new(flaw: Flaw, fault: Option<Fault>, values: Arc<Mutex<Values>>) -> Self {
        Self {
            flaw,
            fault,
            values,
            running: Mutex::new(0),
            attempts: Mutex::new(0),
        }
    }

    fn failure(&self) -> Option<ProviderError> {
        let mut attempts = lock(&self.attempts);
        *attempts += 1;
        let kind = match self.fault? {
            Fault::DeniedPolicy if self.flaw == Flaw::DeniedIsUnavailable => ErrorKind::Unavailable,
            Fault::DeniedPolicy => ErrorKind::Denied,
            Fault::WrongToken => ErrorKind::Unauthenticated,
            Fault::UnmountedPath => ErrorKind::Invalid,
            Fault::Throttled => ErrorKind::Throttled {
                after: Some(Duration::from_secs(1)),
            },
            Fault::Sealed | Fault::Unreachable => ErrorKind::Unavailable,
            Fault::MissingKey | Fault::MissingVersion => ErrorKind::NotFound,
        };
        Some(match self.flaw {
            Flaw::ErrorQuotesValue => ProviderError::new(kind, format!("bad {MARKER}")),
            Flaw::ErrorCountsAttempts => ProviderError::new(kind, format!("attempt {attempts}")),
            _ => ProviderError::new(kind, "a failure"),
        })
    }

    fn read(&self, key: &RemoteKey) -> Result<RemoteSecret, ProviderError> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let kind = match self.flaw {
            Flaw::MissingIsUnavailable => ErrorKind::Unavailable,
            _ => ErrorKind::NotFound,
        };
        let missing = || ProviderError::new(kind, "nothing there");
        let values = lock(&self.values);
        let value = values.get(&key.key).ok_or_else(missing)?;
        let value = match self.flaw {
            Flaw::TrimsText => value.trim_ascii().to_vec(),
            Flaw::LosesBytesThatAreNotText => String::from_utf8_lossy(value).into_owned().into(),
            Flaw::EmptyIsAbsent if value.is_empty() => return Err(missing()),
            _ => value.clone(),
        };
        Ok(RemoteSecret {
            value: SecretValue::new(value),
            version: None,
        })
    }
}

#[async_trait]
impl Provider for Model {
    fn limits(&self) -> Limits {
        Limits {
            in_flight: if self.flaw == Flaw::NoLimits { 0 } else { 4 },
            keys_per_call: 3,
            rate: None,
        }
    }

    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        let first = keys.first().map(|key| key.key.clone());
        let taken = match (self.flaw, &first) {
            (Flaw::LosesWhatIsDropped, Some(key)) => lock(&self.values).remove(key),
            _ => None,
        };
        *lock(&self.running) += 1;
        wait().await;
        let running = std::mem::take(&mut *lock(&self.running));
        if let (Some(key), Some(value)) = (first, taken) {
            lock(&self.values).insert(key, value);
        }
        if self.flaw == Flaw::TakesOneAtATime && running > 1 {
            let busy = ProviderError::new(ErrorKind::Unavailable, "busy");
            return keys.iter().map(|_| Err(busy.clone())).collect();
        }
        let mut keys = keys.to_vec();
        match self.flaw {
            Flaw::SortsAnswers => keys.sort(),
            Flaw::DropsRepeats => keys.dedup(),
            _ => {}
        }
        let answers: Vec<_> = keys.iter().map(|key| self.read(key)).collect();
        match answers.iter().find(|answer| answer.is_err()) {
            Some(failed) if self.flaw == Flaw::CallFailsForOneMissing => {
                answers.iter().map(|_| failed.clone()).collect()
            }
            _ => answers,
        }
    }

    async fn list(&self, filter: &Find) -> Result<Listing, ProviderError> {
        wait().await;
        let prefix = format!("{}/", filter.path.as_deref().unwrap_or_default());
        let complete = true;
        if let Some(failure) = self.failure() {
            return match self.flaw {
                Flaw::OutageListsNothing => Ok(Listing {
                    keys: Vec::new(),
                    complete,
                }),
                _ => Err(failure),
            };
        }
        let values = lock(&self.values);
        let matches = |key: &&String| match self.flaw {
            Flaw::ListsTooMuch => true,
            Flaw::ListsOneFolder => {
                let below = key.strip_prefix(&prefix);
                below.is_some_and(|name| !name.contains('/'))
            }
            _ => key.starts_with(&prefix),
        };
        let keys = values.keys().filter(matches).map(RemoteKey::latest);
        Ok(Listing {
            keys: keys.collect(),
            complete,
        })
    }

    async fn validate(&self) -> Result<Validation, ProviderError> {
        match self.flaw {
            Flaw::IsNeverReady => Err(ProviderError::new(ErrorKind::Unavailable, "never")),
            _ => Ok(Validation::Ready),
        }
    }
}

struct ModelFixture {
    flaw: Flaw,
    values: Arc<Mutex<Values>>,
}

#[async_trait]
impl Fixture for ModelFixture {
    fn carries(&self) -> Carries {
        Carries::Bytes
    }

    async fn store(&self, name: &str, value: &[u8]) -> RemoteKey {
        lock(&self.values).insert(name.to_owned(), value.to_vec());
        RemoteKey::latest(name)
    }

    fn value(&self, answer: &RemoteSecret) -> Option<Vec<u8>> {
        Some(answer.value.expose().to_vec())
    }

    fn find(&self, prefix: &str) -> Option<Find> {
        Some(Find {
            path: Some(prefix.to_owned()),
            ..Find::default()
        })
    }

    async fn provoke(&self, fault: Fault) -> Option<Provoked> {
        let provider = Model::new(self.flaw, Some(fault), Arc::clone(&self.values));
        Some(Provoked {
            provider: Arc::new(provider),
            key: RemoteKey::latest("law-faults/a"),
        })
    }

    async fn mend(&self, _fault: Fault) {}
}

fn run(flaw: Flaw) -> Result<Checked, LawBroken> {
    let values = Arc::new(Mutex::new(Values::new()));
    let model = Model::new(flaw, None, Arc::clone(&values));
    block_on(check(&model, &ModelFixture { flaw, values }))
}

#[test]
fn a_good_provider_passes_and_everything_was_looked_at() {
    let checked = run(Flaw::None).unwrap();
    assert_eq!(checked.faults, Fault::ALL);
    assert!(checked.listed);
    // Never polled, and dropped while it waited.
    assert_eq!(checked.cancelled, 2);
}

#[test]
fn each_flaw_breaks_its_law() {
    for (flaw, law) in [
        (Flaw::SortsAnswers, Law::Order),
        (Flaw::DropsRepeats, Law::Order),
        (Flaw::CallFailsForOneMissing, Law::Order),
        (Flaw::MissingIsUnavailable, Law::Missing),
        (Flaw::TrimsText, Law::Bytes),
        (Flaw::LosesBytesThatAreNotText, Law::Bytes),
        (Flaw::EmptyIsAbsent, Law::Empty),
        (Flaw::NoLimits, Law::Limits),
        (Flaw::TakesOneAtATime, Law::Limits),
        (Flaw::LosesWhatIsDropped, Law::Cancellation),
        (Flaw::DebugShowsValues, Law::Secrecy),
        (Flaw::ErrorQuotesValue, Law::Secrecy),
        (Flaw::DeniedIsUnavailable, Law::Kinds),
        (Flaw::ErrorCountsAttempts, Law::Stability),
        (Flaw::ListsOneFolder, Law::Listing),
        (Flaw::ListsTooMuch, Law::Listing),
        (Flaw::OutageListsNothing, Law::NoFalseAbsence),
        (Flaw::IsNeverReady, Law::Validation),
    ] {
        let broken = run(flaw).unwrap_err();
        assert_eq!(broken.law, law, "{flaw:?}: {broken}");
    }
}
