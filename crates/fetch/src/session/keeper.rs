//! Shell. The task that logs in and renews for one session, and the handle that asks it.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{Authenticator, ErrorKind, Grant, ProviderError, SecretValue, TokenSource};
use tokio::sync::Notify;

use super::Shared;
use super::state::{Demand, State, Upkeep};
use crate::Identity;
use crate::backoff::{Random, mix};
use crate::bell::Bell;

/// One session; the only one that talks to its authenticator is its task.
pub(super) struct Keeper {
    identity: Identity,
    authenticator: Arc<dyn Authenticator>,
    inner: Mutex<Inner>,
    /// Rung when the task has something to do.
    work: Bell,
    /// Told when a login has ended.
    changed: Notify,
    running: AtomicBool,
}

struct Inner {
    state: State,
    random: Random,
    holders: usize,
    orphaned_at: Option<Duration>,
    ended: bool,
}

/// What providers hold. With the last one the session becomes an orphan.
pub(super) struct Handle {
    keeper: Arc<Keeper>,
    shared: Weak<Shared>,
}

impl Keeper {
    pub(super) fn new(
        identity: &Identity,
        authenticator: Arc<dyn Authenticator>,
        shared: &Shared,
    ) -> Self {
        let opened = shared.now().as_nanos() as u64;
        Self {
            identity: identity.clone(),
            authenticator,
            inner: Mutex::new(Inner {
                state: State::default(),
                random: Random::new(mix(shared.options.seed ^ opened)),
                holders: 0,
                orphaned_at: None,
                ended: false,
            }),
            work: Bell::default(),
            changed: Notify::new(),
            running: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the task with the first demand, since only then there is a runtime for sure.
    fn start(self: &Arc<Self>, shared: &Arc<Shared>) {
        if !self.running.swap(true, Ordering::AcqRel) {
            let task = keep(Arc::clone(self), Arc::clone(shared));
            shared.tasks.spawn(task);
        }
    }

    /// What to do next; `None` when the session is over.
    fn next(&self, shared: &Shared) -> Option<Upkeep> {
        let now = shared.now();
        let inner = self.lock();
        let upkeep = inner.state.upkeep(now);
        let over_at = inner.orphaned_at.map(|at| at + shared.options.linger);
        drop(inner);
        match (over_at, upkeep) {
            (Some(over_at), _) if over_at <= now => {
                (!shared.close_if_orphaned(&self.identity)).then_some(Upkeep::Sleep(None))
            }
            // Nobody is there to use a new token.
            (Some(over_at), _) => Some(Upkeep::Sleep(Some(over_at))),
            (None, upkeep) => Some(upkeep),
        }
    }

    async fn login(&self, shared: &Shared) {
        shared.stats().logins += 1;
        let result = within(shared, self.authenticator.login()).await;
        if let Err(error) = &result {
            shared.stats().login_failures += 1;
            tracing::warn!(identity = ?self.identity, kind = error.kind().label(), %error,
                "login failed");
        }
        self.settle(shared, |inner, now| {
            inner.state.logged_in(result, now, &mut inner.random);
        });
    }

    async fn renew(&self, shared: &Shared, grant: Grant) {
        let result = within(shared, self.authenticator.renew(&grant)).await;
        match &result {
            Ok(_) => shared.stats().renewals += 1,
            Err(error) => {
                shared.stats().renewal_failures += 1;
                tracing::info!(identity = ?self.identity, kind = error.kind().label(), %error,
                    "renewal failed, a login follows");
            }
        }
        self.settle(shared, |inner, now| {
            let Inner { state, random, .. } = inner;
            state.renewed(&grant, result, now, random);
        });
    }

    fn settle(&self, shared: &Shared, change: impl FnOnce(&mut Inner, Duration)) {
        let now = shared.now();
        let mut inner = self.lock();
        let before = inner.state.is_revocable();
        change(&mut inner, now);
        let after = inner.state.is_revocable();
        drop(inner);
        count(shared, before, after);
        self.changed.notify_waiters();
    }

    /// Ends the session and revokes its token if it is ours to revoke.
    async fn end(&self, shared: &Shared) {
        let grant = {
            let mut inner = self.lock();
            inner.ended = true;
            inner.state.end(shared.now())
        };
        self.changed.notify_waiters();
        let Some(grant) = grant else {
            return;
        };
        let Ok(_permit) = shared.revoking.acquire().await else {
            return;
        };
        match within(shared, self.authenticator.revoke(&grant)).await {
            Ok(()) => shared.stats().revocations += 1,
            Err(error) => tracing::warn!(identity = ?self.identity, %error, "not revoked"),
        }
        count(shared, true, false);
    }
}

/// Keeps the number of tokens that are ours to revoke.
fn count(shared: &Shared, before: bool, after: bool) {
    let mut stats = shared.stats();
    match (before, after) {
        (false, true) => stats.revocable += 1,
        (true, false) => stats.revocable = stats.revocable.saturating_sub(1),
        _ => {}
    }
}

/// The life of one session: ends when nobody holds it any more, or with the process.
async fn keep(keeper: Arc<Keeper>, shared: Arc<Shared>) {
    while let Some(upkeep) = keeper.next(&shared) {
        let act = async {
            match upkeep {
                Upkeep::Login => keeper.login(&shared).await,
                Upkeep::Renew(grant) => keeper.renew(&shared, grant).await,
                Upkeep::Sleep(until) => sleep(&keeper, &shared, until).await,
            }
        };
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            () = act => {}
        }
    }
    keeper.end(&shared).await;
}

async fn sleep(keeper: &Keeper, shared: &Shared, until: Option<Duration>) {
    let Some(until) = until else {
        return keeper.work.heard().await;
    };
    let wait = until.saturating_sub(shared.now());
    tokio::select! {
        biased;
        () = keeper.work.heard() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

async fn within<T>(
    shared: &Shared,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let deadline = shared.options.call_deadline;
    let ended = tokio::time::timeout(deadline, call).await;
    ended.unwrap_or_else(|_| {
        let text = format!("no answer to a login within {} s", deadline.as_secs_f64());
        Err(ProviderError::new(ErrorKind::Unavailable, text))
    })
}

impl Handle {
    pub(super) fn new(keeper: Arc<Keeper>, shared: &Arc<Shared>) -> Self {
        {
            let mut inner = keeper.lock();
            inner.holders += 1;
            inner.orphaned_at = None;
        }
        keeper.work.ring();
        Self {
            keeper,
            shared: Arc::downgrade(shared),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let now = shared.now();
        {
            // Another handle may have been opened since the last reference to this one went.
            let mut inner = self.keeper.lock();
            inner.holders -= 1;
            inner.orphaned_at = (inner.holders == 0).then_some(now);
        }
        if !self.keeper.running.load(Ordering::Acquire) {
            // It never logged in: no task watches over it.
            shared.close_if_orphaned(&self.keeper.identity);
        }
        self.keeper.work.ring();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.keeper.identity)
    }
}

#[async_trait]
impl TokenSource for Handle {
    async fn token(&self) -> Result<SecretValue, ProviderError> {
        let over = || ProviderError::new(ErrorKind::Unavailable, "the session has ended");
        let shared = self.shared.upgrade().ok_or_else(over)?;
        loop {
            // Listening begins before looking, so that a login that ends in between is heard.
            let mut changed = pin!(self.keeper.changed.notified());
            changed.as_mut().enable();
            let demand = {
                let mut inner = self.keeper.lock();
                if inner.ended || shared.stop.is_cancelled() {
                    return Err(over());
                }
                let before = inner.state.is_revocable();
                let demand = inner.state.demand(shared.now());
                count(&shared, before, inner.state.is_revocable());
                demand
            };
            match demand {
                Demand::Token(token) => return Ok(token),
                Demand::Failed(error) => return Err(error),
                Demand::Wait => {
                    self.keeper.start(&shared);
                    self.keeper.work.ring();
                    changed.await;
                }
            }
        }
    }

    async fn rejected(&self, used: &SecretValue) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        self.keeper.settle(&shared, |inner, now| {
            let Inner { state, random, .. } = inner;
            state.rejected(used, now, random);
        });
    }
}
