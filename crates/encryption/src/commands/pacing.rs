//! Shell. The gentle pace at work: its slots in front of the binary's own limit, and the small
//! requests by which it feels the server.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::args::PaceArgs;
use crate::cluster::Server;
use crate::gentle::{Gentle, Slot};
use crate::pace::{Ended, Pace, Permit};

/// Writes in flight at a gentle pace: at 150 a second, four leave 27 ms for each.
const IN_FLIGHT: usize = 4;
/// A page of a list or of etcd is about as much work as so many touches.
const PAGE_COST: f64 = 3.0;
/// After a request that failed, and while none are wanted.
const REST: Duration = Duration::from_secs(1);
/// While nothing was touched yet.
const IDLE: Duration = Duration::from_millis(25);

/// The pace of one rewrite.
pub(super) struct Pacer<'p> {
    inner: &'p dyn Pace,
    /// None for an eager one.
    gentle: Option<Arc<Felt>>,
    /// One waits for the next slot, the others for their turn.
    turn: tokio::sync::Mutex<()>,
}

struct Felt {
    gentle: Mutex<Gentle>,
    began: Instant,
}

impl Felt {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, Gentle> {
        self.gentle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next request of our own needs to know.
    fn look(&self) -> (Option<Duration>, bool) {
        let state = self.state();
        (state.between(), state.is_idle(self.now()))
    }

    /// Asks until there is a slot.
    async fn wait(&self, ask: impl Fn(&mut Gentle, Duration) -> Slot) {
        loop {
            let slot = ask(&mut self.state(), self.now());
            match slot {
                Slot::Go => return,
                Slot::Wait(time) => tokio::time::sleep(time).await,
            }
        }
    }
}

impl<'p> Pacer<'p> {
    pub(super) fn new(inner: &'p dyn Pace, args: &PaceArgs) -> Self {
        let felt = || Felt {
            gentle: Mutex::new(Gentle::new(args.max_rate)),
            began: Instant::now(),
        };
        Self {
            inner,
            gentle: (!args.eager).then(|| Arc::new(felt())),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits until a page may be read.
    pub(super) async fn page(&self) {
        if let Some(felt) = &self.gentle {
            felt.wait(|gentle, now| gentle.read(now, PAGE_COST)).await;
        }
    }

    /// Feels the server for as long as it is polled.
    pub(super) async fn feel(&self, server: &Server) -> Infallible {
        let Some(felt) = &self.gentle else {
            return std::future::pending().await;
        };
        loop {
            let (between, idle) = felt.look();
            let Some(between) = between else {
                tokio::time::sleep(IDLE).await;
                continue;
            };
            let began = Instant::now();
            let answer = server.feel().await;
            if answer.is_ok() {
                felt.state().learn(idle, began.elapsed());
                tokio::time::sleep_until(began + between).await;
            } else {
                felt.state().troubled();
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// What the server's other clients felt, in one line; none before anything was felt.
    pub(super) fn told(&self) -> Option<String> {
        let state = self.gentle.as_ref()?.state();
        let (slow, all) = state.felt();
        let tail = state.idle_tail()?.as_secs_f64() * 1000.0;
        (all > 0).then(|| {
            format!(
                "of {all} small requests beside the rewrite {slow} took more than twice as long as \
                 in idle times ({tail:.1} ms)"
            )
        })
    }
}

impl Pace for Pacer<'_> {
    fn acquire(&self) -> BoxFuture<'_, Box<dyn Permit>> {
        Box::pin(async move {
            let Some(felt) = &self.gentle else {
                return self.inner.acquire().await;
            };
            let turn = self.turn.lock().await;
            felt.wait(Gentle::touch).await;
            drop(turn);
            let gone = Gone(Arc::clone(felt));
            let inner = self.inner.acquire().await;
            Box::new(Held { inner, gone }) as Box<dyn Permit>
        })
    }

    fn most(&self) -> usize {
        match self.gentle {
            Some(_) => self.inner.most().min(IN_FLIGHT),
            None => self.inner.most(),
        }
    }
}

struct Held {
    inner: Box<dyn Permit>,
    gone: Gone,
}

/// Tells the pace that a touch is over, however it ended.
struct Gone(Arc<Felt>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.state().ended();
    }
}

impl Permit for Held {
    fn ended(self: Box<Self>, how: Ended) {
        if how != Ended::Answered {
            self.gone.0.state().troubled();
        }
        self.inner.ended(how);
    }
}
