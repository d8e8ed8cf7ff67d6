//! Shell. The handle everybody holds, and the background task that makes the calls.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_contract::{ErrorKind, Find, Listing, ProviderError, Validation};
use tokio::sync::oneshot;

use crate::bell::Bell;
use crate::engine::reads::Reading;
use crate::engine::{Engine, Settings, Start};
use crate::permits::Heard;
use crate::{Answer, FetchOptions, Lane, Read, Source, Stats, Subscription, Wake};

mod drive;

/// All calls to all backends. Cloning gives another handle to the same.
///
/// # Assumptions
/// One task runs [`Fetch::drive`]; without it nothing is called and [`Fetch::run`] waits.
#[derive(Clone)]
pub struct Fetch {
    shared: Arc<Shared>,
}

struct Shared {
    options: FetchOptions,
    state: Mutex<State>,
    /// Rung when `drive` has something to do.
    work: Bell,
    /// Rung when `next_wake` has something to give.
    wakes: Bell,
}

struct State {
    engine: Engine,
    runs: HashMap<u64, oneshot::Sender<Vec<Answer>>>,
    tickets: HashMap<u64, oneshot::Sender<Result<(), ProviderError>>>,
}

impl Fetch {
    /// Makes an idle one.
    #[must_use]
    pub fn new(options: FetchOptions) -> Self {
        let engine = Engine::new(Settings {
            salt: options.salt.clone(),
            seed: options.seed,
            in_flight: options.in_flight,
            rate: options.rate,
            initial_rate: options.initial_rate,
            linger: options.linger,
            held_bytes: options.held_bytes,
        });
        let state = State {
            engine,
            runs: HashMap::new(),
            tickets: HashMap::new(),
        };
        Self {
            shared: Arc::new(Shared {
                options,
                state: Mutex::new(state),
                work: Bell::default(),
                wakes: Bell::default(),
            }),
        }
    }

    /// Reads every key for `object`; one answer per read, in order.
    ///
    /// # Guarantees
    /// Everybody who asks for the same key under the same identity shares one call, and the value
    /// it gave for at most 30 s. No permit is held while waiting. Dropping the future harms nobody.
    pub async fn run(&self, object: &Arc<str>, reads: Vec<Read>) -> Vec<Answer> {
        let begun = self.shared.turn(|state, now| {
            let run = match state.engine.read(object, reads, now) {
                Reading::Done(answers) => return Err(answers),
                Reading::Waiting(run) => run,
            };
            let (sender, receiver) = oneshot::channel();
            state.runs.insert(run, sender);
            Ok((run, receiver))
        });
        let (run, receiver) = match begun {
            Ok(waiting) => waiting,
            Err(answers) => return answers,
        };
        let mut reader = Reader {
            shared: &self.shared,
            run,
            received: false,
        };
        let answers = receiver.await;
        // The sender lives in the shared state until the answers are sent, and so does this handle.
        reader.received = answers.is_ok();
        answers.unwrap_or_default()
    }

    /// Replaces what `object` depends on: each key is polled at least every `interval` (at least
    /// 1 s) from now on. An empty list or a zero interval is [`Fetch::unsubscribe`].
    ///
    /// Subscribing never causes a call by itself. A key polled for others at a shorter interval
    /// serves this object too. When more is known than it has seen, it is woken at once.
    pub fn subscribe(&self, object: &Arc<str>, keys: Vec<Subscription>, interval: Duration) {
        self.shared
            .turn(|state, now| state.engine.subscribe(object, keys, interval, now));
    }

    /// Ends the subscriptions of `object`; a wake that was not taken is dropped.
    pub fn unsubscribe(&self, object: &str) {
        self.shared
            .turn(|state, now| state.engine.unsubscribe(object, now));
    }

    /// The Unix time at which the oldest of the object's keys last gave a value; `None` when one
    /// of them has not yet, or fails now, or the object has no subscription.
    #[must_use]
    pub fn refreshed_at(&self, object: &str) -> Option<Duration> {
        self.shared.lock().engine.refreshed_at(object)
    }

    /// The Unix time at which the first of the object's keys is asked for again by itself; `None`
    /// when the object has no subscription.
    #[must_use]
    pub fn due_at(&self, object: &str) -> Option<Duration> {
        self.shared.lock().engine.due_at(object)
    }

    /// Waits for the next object to wake; `None` after shutdown. Wakes of one object coalesce
    /// until they are taken, so the set is bounded by the objects and none is lost. Cancel safe.
    pub async fn next_wake(&self) -> Option<Wake> {
        loop {
            let found = {
                let mut state = self.shared.lock();
                let wake = state.engine.pop_wake();
                (wake, state.engine.has_wakes(), state.engine.is_closed())
            };
            match found {
                (Some(wake), more, _) => {
                    if more {
                        // Somebody else may listen too.
                        self.shared.wakes.ring();
                    }
                    return Some(wake);
                }
                (None, _, true) => {
                    self.shared.wakes.ring();
                    return None;
                }
                (None, _, false) => self.shared.wakes.heard().await,
            }
        }
    }

    /// `Provider::validate` under the endpoint's limits.
    ///
    /// # Errors
    /// Those of the provider, `Unavailable` after the call deadline or while the breaker is open.
    pub async fn validate(&self, source: &Source, lane: Lane) -> Result<Validation, ProviderError> {
        let provider = &source.provider;
        self.permitted(source, lane, || provider.validate()).await
    }

    /// `Provider::list` under the endpoint's limits.
    ///
    /// # Errors
    /// Those of the provider, `Unavailable` after the call deadline or while the breaker is open.
    pub async fn list(
        &self,
        source: &Source,
        find: &Find,
        lane: Lane,
    ) -> Result<Listing, ProviderError> {
        let provider = &source.provider;
        self.permitted(source, lane, || provider.list(find)).await
    }

    /// Makes the calls and the polls until `shutdown` is done; then whoever waits gets
    /// `Unavailable`, and so does whoever asks later.
    ///
    /// Dropping it early and calling it again is safe: calls that were cut off are made again.
    pub async fn drive(&self, shutdown: impl Future<Output = ()>) {
        drive::drive(&self.shared, pin!(shutdown)).await;
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let now = self.shared.options.clock.now();
        self.shared.lock().engine.stats(now)
    }

    /// Makes a call that is not a read of keys, under the endpoint's limits.
    async fn permitted<T, F>(
        &self,
        source: &Source,
        lane: Lane,
        call: impl Fn() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let stopping = || ProviderError::new(ErrorKind::Unavailable, "the process is stopping");
        let begun = self.shared.turn(|state, now| {
            let ticket = state.engine.ticket(source, lane, now)?;
            let (sender, receiver) = oneshot::channel();
            state.tickets.insert(ticket, sender);
            Some((ticket, receiver))
        });
        let (ticket, receiver) = begun.ok_or_else(stopping)?;
        let give_back = |heard| {
            self.shared.turn(|state, now| {
                state.tickets.remove(&ticket);
                state.engine.return_ticket(ticket, heard, now);
            });
        };
        let guard = OnDrop(|| give_back(Heard::Nothing));
        receiver.await.map_err(|_| stopping())??;
        let deadline = self.shared.options.call_deadline;
        let mut result = within(deadline, call()).await;
        if result
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Unauthenticated)
        {
            // The provider told its session, which logs in again, once.
            result = within(deadline, call()).await;
        }
        give_back(match &result {
            Ok(_) => Heard::Reached,
            Err(error) => Heard::failure(error.kind(), error.public()),
        });
        drop(guard);
        result
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, hands out what came up, and tells whoever has to do something now.
    fn turn<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let result = self.quiet_turn(change);
        self.work.ring();
        result
    }

    /// The same for `drive` itself, which need not be told.
    fn quiet_turn<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let now = self.options.clock.now();
        let mut state = self.lock();
        let result = change(&mut state, now);
        let (runs, grants) = state.engine.take_answers();
        let runs: Vec<_> = runs
            .into_iter()
            .filter_map(|(id, answers)| Some((state.runs.remove(&id)?, answers)))
            .collect();
        let grants: Vec<_> = grants
            .into_iter()
            .filter_map(|(id, grant)| Some((state.tickets.remove(&id)?, grant)))
            .collect();
        let has_wakes = state.engine.has_wakes() || state.engine.is_closed();
        drop(state);
        // A receiver that is gone has cancelled; its answers are dropped, and so zeroized.
        for (sender, answers) in runs {
            let _ = sender.send(answers);
        }
        for (sender, grant) in grants {
            let _ = sender.send(grant);
        }
        if has_wakes {
            self.wakes.ring();
        }
        result
    }

    /// Steps the engine; answers the calls to start and when to come back.
    fn step(&self) -> (Vec<Start>, Option<Duration>) {
        self.quiet_turn(|state, now| {
            let next = state.engine.step(now);
            let wait = next.map(|next| next.saturating_sub(now));
            (state.engine.take_starts(), wait)
        })
    }
}

/// One waiting `run`: tells whether its answers arrived, however it ends.
struct Reader<'a> {
    shared: &'a Shared,
    run: u64,
    received: bool,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if self.received {
            self.shared
                .quiet_turn(|state, _| state.engine.received(self.run));
        } else {
            self.shared.turn(|state, now| {
                state.runs.remove(&self.run);
                state.engine.cancel(self.run, now);
            });
        }
    }
}

/// Waits for a call, but not longer than the deadline.
async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::time::timeout(deadline, call)
        .await
        .unwrap_or_else(|_| Err(drive::no_answer(deadline)))
}

/// Runs something when it goes out of scope, whether the future was finished or dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
