//! Shell. The background task: steps the state machine, makes its calls, sleeps until it is due.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tidegate_contract::{ErrorKind, ProviderError};
use tokio::task::{Id, JoinError, JoinSet};

use super::{OnDrop, Shared};
use crate::FingerprintKey;
use crate::engine::{Fetched, Start};

/// The task takes a turn at least this often, so that a turn counter that stands still means that
/// it is stuck and not that there is nothing to do.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Calls under way, by task: the number of the call and of its keys.
#[derive(Default)]
struct Calls {
    tasks: JoinSet<Vec<Fetched>>,
    numbers: HashMap<Id, (u64, usize)>,
}

pub(super) async fn drive<S>(shared: &Shared, mut shutdown: Pin<&mut S>)
where
    S: Future<Output = ()>,
{
    let _cut_off = OnDrop(|| shared.turn(|state, now| state.engine.cut_off(now)));
    let mut calls = Calls::default();
    loop {
        let (starts, wait) = shared.step();
        for start in starts {
            calls.start(shared, start);
        }
        let wait = wait.unwrap_or(HEARTBEAT).min(HEARTBEAT);
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = calls.tasks.join_next_with_id() => calls.ended(shared, ended),
            () = shared.work.heard() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    shared.turn(|state, now| state.engine.close(now));
}

impl Calls {
    fn start(&mut self, shared: &Shared, start: Start) {
        let keys = start.keys.len();
        let deadline = shared.options.call_deadline;
        let print = shared.options.fingerprint_key.clone();
        let number = start.call;
        let handle = self.tasks.spawn(call(start, deadline, print));
        self.numbers.insert(handle.id(), (number, keys));
    }

    /// Settles a call, and every other that has ended meanwhile.
    fn ended(&mut self, shared: &Shared, first: Result<(Id, Vec<Fetched>), JoinError>) {
        let mut next = Some(first);
        while let Some(ended) = next {
            let (id, answers) = match ended {
                Ok((id, answers)) => (id, Some(answers)),
                Err(error) => (error.id(), None),
            };
            if let Some((call, keys)) = self.numbers.remove(&id) {
                let answers = answers.unwrap_or_else(|| {
                    tracing::error!(keys, "a provider panicked");
                    vec![Err(panicked()); keys]
                });
                shared.quiet_turn(|state, now| state.engine.finished(call, Some(answers), now));
            }
            next = self.tasks.try_join_next_with_id();
        }
    }
}

/// One call, with its fingerprints: they are made here so that nobody waits for them under a lock.
async fn call(start: Start, deadline: Duration, print: FingerprintKey) -> Vec<Fetched> {
    let Start { provider, keys, .. } = start;
    let answers = tokio::time::timeout(deadline, provider.fetch(&keys)).await;
    let answers = answers.unwrap_or_else(|_| vec![Err(no_answer(deadline)); keys.len()]);
    let with_print = |answer: Result<_, ProviderError>| {
        answer.map(|secret: tidegate_contract::RemoteSecret| {
            let fingerprint = print.fingerprint(&secret.value);
            (secret, fingerprint)
        })
    };
    for (key, answer) in keys.iter().zip(&answers) {
        if let Err(error) = answer {
            tracing::debug!(%key, kind = error.kind().label(), %error, "not read");
        }
    }
    answers.into_iter().map(with_print).collect()
}

/// The failure of a call that took too long.
pub(super) fn no_answer(deadline: Duration) -> ProviderError {
    let seconds = deadline.as_secs_f64();
    ProviderError::new(
        ErrorKind::Unavailable,
        format!("no answer within {seconds} s"),
    )
}

fn panicked() -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, "the provider failed inside itself")
}
