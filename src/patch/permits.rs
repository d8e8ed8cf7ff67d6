//! Shell. Permits for writes to the API server, given in order of importance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::limit::{Limit, Sort, Verdict};
use crate::clock::Clock;

/// What a write is for; earlier ones go first (design 5.9: Secrets before statuses).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The Secret of a new or changed object.
    FreshSecret,
    /// Its status.
    FreshStatus,
    /// A Secret whose value changed or that was tampered with.
    ChangedSecret,
    /// A Secret of the first sync, or of a retry.
    BulkSecret,
    /// A first or failed result.
    Status,
    /// A status that follows a changed value.
    DeferredStatus,
    /// An event.
    Event,
    /// `refreshTime` alone.
    Heartbeat,
}

impl Class {
    /// Whose latencies it is compared with.
    const fn sort(self) -> Sort {
        match self {
            Self::FreshSecret | Self::ChangedSecret | Self::BulkSecret | Self::Event => {
                Sort::Secret
            }
            Self::FreshStatus | Self::Status | Self::DeferredStatus | Self::Heartbeat => {
                Sort::Status
            }
        }
    }

    /// Whether it waits while Secrets are under way in number: each status takes the API server's
    /// processor time of some five Secrets, and pods wait for Secrets alone.
    const fn waits_for_secrets(self) -> bool {
        !self.is_secret() && !matches!(self, Self::FreshStatus)
    }

    const fn is_secret(self) -> bool {
        matches!(
            self,
            Self::FreshSecret | Self::ChangedSecret | Self::BulkSecret
        )
    }
}

/// A waiter of this age goes before everything younger, so that nothing starves.
const PATIENCE: Duration = Duration::from_secs(30);

/// Secrets are under way in number when they take more than one of so many permits.
const SHARE: usize = 4;

#[derive(Debug)]
struct State {
    limit: Limit,
    /// Writes in flight by number, which rises with time: the oldest comes first.
    flights: BTreeMap<u64, (Sort, Duration)>,
    /// Those in flight that write Secrets.
    secrets: usize,
    /// Number of the next waiter or flight.
    next: u64,
    waiting: BTreeMap<(Class, u64), Waiter>,
}

#[derive(Debug)]
struct Waiter {
    since: Duration,
    wake: oneshot::Sender<Permit>,
}

/// Gives permits for writes; the only way to one.
#[derive(Debug, Clone)]
pub struct Permits {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

/// The right to one write in flight; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    permits: Permits,
    class: Class,
    /// Its place in [`State::flights`].
    flight: u64,
    verdict: Option<Verdict>,
}

impl Permits {
    /// At most `max` writes in flight, fewer while the server is slow.
    #[must_use]
    pub fn new(max: usize, clock: Clock) -> Self {
        let state = State {
            limit: Limit::new(max),
            flights: BTreeMap::new(),
            secrets: 0,
            next: 0,
            waiting: BTreeMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    /// Waits for a permit. Dropping the future loses nothing.
    pub async fn acquire(&self, class: Class) -> Permit {
        loop {
            let (wake, woken) = oneshot::channel();
            let opens = self.enqueue(class, wake);
            if opens.is_zero() {
                if let Ok(permit) = woken.await {
                    return permit;
                }
                continue;
            }
            // Closed by a Retry-After: nobody's release will wake us, so look again then.
            tokio::select! {
                biased;
                woken = woken => if let Ok(permit) = woken { return permit },
                () = tokio::time::sleep(opens) => {}
            }
        }
    }

    /// Writes in flight and waiting, and the present limit.
    #[must_use]
    pub fn load(&self) -> (usize, usize, usize) {
        let state = self.lock();
        let allowed = state.limit.allowed(self.clock.uptime());
        (state.flights.len(), state.waiting.len(), allowed)
    }

    /// Puts a waiter in line; the answer is how long the gate stays closed.
    fn enqueue(&self, class: Class, wake: oneshot::Sender<Permit>) -> Duration {
        let now = self.clock.uptime();
        let mut state = self.lock();
        let slot = (class, state.next);
        state.next += 1;
        state.waiting.insert(slot, Waiter { since: now, wake });
        let returned = self.hand_out(&mut state, now);
        let opens = state.limit.opens_at().saturating_sub(now);
        drop(state);
        drop(returned);
        opens
    }

    /// Gives permits while there is room. What comes back (its waiter went away) must be dropped
    /// after the lock, because a permit's drop takes it.
    #[must_use]
    fn hand_out(&self, state: &mut State, now: Duration) -> Vec<Permit> {
        let mut returned = Vec::new();
        state.limit.waits(state.flights.values().copied(), now);
        while state.flights.len() < state.limit.allowed(now) {
            let Some(slot) = state.first(now) else { break };
            if slot.0.waits_for_secrets() && state.is_busy_with_secrets(&slot, now) {
                break;
            }
            let Some(waiter) = state.waiting.remove(&slot) else {
                break;
            };
            let flight = state.next;
            state.next += 1;
            state.flights.insert(flight, (slot.0.sort(), now));
            state.secrets += usize::from(slot.0.is_secret());
            let permit = Permit {
                permits: self.clone(),
                class: slot.0,
                flight,
                verdict: None,
            };
            returned.extend(waiter.wake.send(permit).err());
        }
        returned
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether so many Secrets are under way that `slot` waits for them; not beyond its patience.
    fn is_busy_with_secrets(&self, slot: &(Class, u64), now: Duration) -> bool {
        let waiter = self.waiting.get(slot);
        let old = waiter.is_some_and(|it| now.saturating_sub(it.since) >= PATIENCE);
        !old && self.secrets * SHARE > self.limit.allowed(now)
    }

    /// The oldest waiter beyond patience, else the most important one.
    fn first(&self, now: Duration) -> Option<(Class, u64)> {
        let old = |waiter: &Waiter| now.saturating_sub(waiter.since) >= PATIENCE;
        let mut oldest: Option<(Class, u64)> = None;
        let mut class = self.waiting.keys().next()?.0;
        // The first waiter of each class is its oldest: one look per class.
        loop {
            let (slot, waiter) = self.waiting.range((class, 0)..).next()?;
            if old(waiter) && oldest.is_none_or(|(_, number)| slot.1 < number) {
                oldest = Some(*slot);
            }
            match self.waiting.range((slot.0, u64::MAX)..).next() {
                Some((next, _)) => class = next.0,
                None => break,
            }
        }
        oldest.or_else(|| self.waiting.keys().next().copied())
    }
}

impl Permit {
    /// Tells how the write ended; without it, nothing is learnt from it.
    pub fn ended(mut self, verdict: Verdict) {
        self.verdict = Some(verdict);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.permits.clock.uptime();
        let mut state = self.permits.lock();
        let flight = state.flights.remove(&self.flight);
        let secret = usize::from(self.class.is_secret());
        state.secrets = state.secrets.saturating_sub(secret);
        if let (Some(verdict), Some((sort, began))) = (self.verdict, flight) {
            state.limit.ended(sort, began, verdict, now);
        }
        let returned = self.permits.hand_out(&mut state, now);
        drop(state);
        drop(returned);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn secrets_go_before_statuses_and_nothing_is_lost() {
        let permits = Permits::new(4, Clock::system());
        let held = permits.acquire(Class::BulkSecret).await;
        let order = Arc::new(StdMutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for class in [
            Class::Heartbeat,
            Class::Status,
            Class::BulkSecret,
            Class::FreshSecret,
        ] {
            let (permits, order) = (permits.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let permit = permits.acquire(class).await;
                order.lock().unwrap().push(class);
                permit.ended(Verdict::Answered);
            });
            tokio::task::yield_now().await;
        }
        drop(held);
        while tasks.join_next().await.is_some() {}
        let order = order.lock().unwrap().clone();
        let sorted = [
            Class::FreshSecret,
            Class::BulkSecret,
            Class::Status,
            Class::Heartbeat,
        ];
        assert_eq!(order, sorted);
        assert_eq!(permits.load().0, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn statuses_wait_until_few_secrets_are_under_way_or_for_their_patience() {
        let permits = Permits::new(32, Clock::system());
        let mut secrets = Vec::new();
        for _ in 0..3 {
            secrets.push(permits.acquire(Class::BulkSecret).await);
        }
        let soon = Duration::from_secs(1);
        let held = tokio::time::timeout(soon, permits.acquire(Class::Status));
        assert!(held.await.is_err(), "3 of 8 write Secrets");
        let fresh = permits.acquire(Class::FreshStatus).await;
        drop(secrets.pop());
        drop(permits.acquire(Class::Status).await);
        secrets.push(permits.acquire(Class::BulkSecret).await);
        // The end of another write wakes who has waited long enough.
        let wakes = async {
            tokio::time::sleep(PATIENCE).await;
            drop(fresh);
        };
        let (permit, ()) = tokio::join!(permits.acquire(Class::Heartbeat), wakes);
        drop(permit);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_goes_away_leaks_nothing() {
        let permits = Permits::new(4, Clock::system());
        let held = permits.acquire(Class::BulkSecret).await;
        let wait = tokio::time::timeout(Duration::from_secs(1), permits.acquire(Class::Status));
        assert!(wait.await.is_err());
        drop(held);
        let permit = permits.acquire(Class::Status).await;
        assert_eq!(permits.load().0, 1);
        drop(permit);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_closes_the_gate_for_everyone() {
        let clock = Clock::system();
        let permits = Permits::new(16, clock);
        let permit = permits.acquire(Class::BulkSecret).await;
        permit.ended(Verdict::Throttled(Some(Duration::from_secs(5))));
        let before = clock.uptime();
        drop(permits.acquire(Class::FreshSecret).await);
        assert!(clock.uptime() - before >= Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_heartbeat_goes_before_younger_secrets() {
        let permits = Permits::new(1, Clock::system());
        let held = permits.acquire(Class::BulkSecret).await;
        let order = Arc::new(StdMutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for class in [Class::Heartbeat, Class::FreshSecret] {
            let (permits, order) = (permits.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let permit = permits.acquire(class).await;
                order.lock().unwrap().push(class);
                drop(permit);
            });
            tokio::task::yield_now().await;
            tokio::time::advance(PATIENCE).await;
        }
        drop(held);
        while tasks.join_next().await.is_some() {}
        assert_eq!(
            *order.lock().unwrap(),
            [Class::Heartbeat, Class::FreshSecret]
        );
    }
}
