//! Shell. One call to whichever endpoint answers first, within its time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{KeyVersion, KeyWrapper, SecretValue, WrapError, WrapFault};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::KeyService;
use crate::race::{Race, Step};
use crate::refusal::Refusal;
use crate::seal;

/// The least time left in which asking makes sense after a wait for others.
const WORTH_ASKING: Duration = Duration::from_millis(100);

pub(super) type Asked<T> = Pin<Box<dyn Future<Output = Result<T, WrapError>> + Send>>;

/// One attempt that ended.
struct Ended<T> {
    endpoint: usize,
    took: Duration,
    outcome: Result<T, WrapError>,
}

/// Who may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Endpoints whose breaker admits a call.
    Admitted,
    /// All: a look in the background has a pace of its own, and finds out who is back.
    All,
}

impl KeyService {
    /// Wraps under `version`.
    pub(super) async fn wrap(
        self: &Arc<Self>,
        version: &KeyVersion,
        plaintext: &SecretValue,
        context: Vec<u8>,
        end: Duration,
    ) -> Result<Vec<u8>, Refusal> {
        let _permit = self.permit(end).await?;
        let (name, plaintext) = (version.name.clone(), plaintext.clone());
        let wrapped = self
            .call("wrap", Who::Admitted, end, move |wrapper| {
                let (name, plaintext) = (name.clone(), plaintext.clone());
                let context = context.clone();
                Box::pin(async move { wrapper.wrap(&name, &plaintext, &context).await })
            })
            .await;
        wrapped.inspect_err(|refusal| self.note(refusal, Some(&version.name)))
    }

    /// Unwraps what `version` wrapped.
    pub(super) async fn unwrap(
        self: &Arc<Self>,
        version: &str,
        wrapped: Vec<u8>,
        context: Vec<u8>,
        end: Duration,
    ) -> Result<SecretValue, Refusal> {
        let _permit = self.permit(end).await?;
        let name = version.to_owned();
        let opened = self
            .call("unwrap", Who::Admitted, end, move |wrapper| {
                let (name, wrapped, context) = (name.clone(), wrapped.clone(), context.clone());
                Box::pin(async move { wrapper.unwrap(&name, &wrapped, &context).await })
            })
            .await;
        opened.inspect_err(|refusal| self.note(refusal, Some(version)))
    }

    async fn permit(&self, end: Duration) -> Result<tokio::sync::SemaphorePermit<'_>, Refusal> {
        let left = end.saturating_sub(self.clock.now() + WORTH_ASKING);
        match timeout(left, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Refusal::Busy),
        }
    }

    /// Asks endpoints until one answers, the key service has spoken, or time is up.
    pub(super) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        who: Who,
        end: Duration,
        ask: impl Fn(Arc<dyn KeyWrapper>) -> Asked<T>,
    ) -> Result<T, Refusal> {
        let (mut race, mut last) = self.race(who, end);
        let mut running: JoinSet<Ended<T>> = JoinSet::new();
        loop {
            let now = self.clock.now();
            match race.step(now, || self.grant_hedge()) {
                Step::Ask { endpoint, until } => {
                    if let Some(it) = self.endpoints.get(endpoint) {
                        let call = ask(Arc::clone(&it.wrapper));
                        running.spawn(attempt(endpoint, until.saturating_sub(now), call));
                    }
                }
                Step::Wait(until) => {
                    let pause = sleep(until.saturating_sub(now));
                    tokio::select! {
                        Some(ended) = running.join_next() => {
                            let Ok(ended) = ended else { continue };
                            self.ended(what, &ended);
                            match ended.outcome {
                                Ok(answer) => return Ok(answer),
                                Err(error) => {
                                    race.failed(error.fault(), self.clock.now());
                                    last = error.into();
                                }
                            }
                        }
                        () = pause => {}
                    }
                }
                Step::Over => return Err(last),
            }
        }
    }

    /// A race between the endpoints that may be asked, and the refusal when none is.
    fn race(&self, who: Who, end: Duration) -> (Race, Refusal) {
        let now = self.clock.now();
        let mut state = self.state();
        state.hedge.began();
        let hedge = state.hedge.wait();
        let patience = self.options.attempt;
        let order: Vec<usize> = (0..self.endpoints.len())
            .filter(|index| {
                let breaker = state.breakers.get_mut(*index);
                who == Who::All || breaker.is_some_and(|it| it.admit(now, patience))
            })
            .collect();
        let refusal = if order.is_empty() {
            // Nobody is asked now; the cause is what was said last.
            let unknown = "no endpoint of the key service answered of late";
            let outage = state.contact.outage();
            let (fault, text) = outage.unwrap_or((WrapFault::Unavailable, unknown));
            Refusal::Key(fault, text.to_owned())
        } else {
            Refusal::Deadline
        };
        let hedge = hedge.min(self.options.attempt / 2);
        (Race::new(order, now, patience, end, Some(hedge)), refusal)
    }

    fn grant_hedge(&self) -> bool {
        let granted = self.state().hedge.take();
        if granted {
            self.metrics.hedged(&self.options.name);
        }
        granted
    }

    /// Feeds the breaker, the hedge's latencies and the metrics.
    fn ended<T>(&self, what: &'static str, ended: &Ended<T>) {
        let fault = ended.outcome.as_ref().err().map(WrapError::fault);
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(breaker) = state.breakers.get_mut(ended.endpoint) {
            match fault {
                Some(WrapFault::Throttled { after }) => breaker.failed(now, after, jitter()),
                Some(WrapFault::Unavailable) => breaker.failed(now, None, jitter()),
                _ => breaker.answered(now),
            }
        }
        if fault.is_none() {
            state.hedge.answered(ended.took);
        }
        drop(state);
        if let Some(endpoint) = self.endpoints.get(ended.endpoint) {
            let outcome = fault.map_or("ok", WrapFault::label);
            let service = &self.options.name;
            self.metrics
                .called(service, &endpoint.name, what, outcome, ended.took);
        }
    }
}

async fn attempt<T>(endpoint: usize, allowed: Duration, call: Asked<T>) -> Ended<T> {
    let began = tokio::time::Instant::now();
    let outcome = timeout(allowed, call).await.unwrap_or_else(|_| {
        let text = "the key service did not answer in time";
        Err(WrapError::new(WrapFault::Unavailable, text))
    });
    Ended {
        endpoint,
        took: began.elapsed(),
        outcome,
    }
}

/// A random number in 0..1; one half when the system gives none.
pub(super) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match seal::random(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
