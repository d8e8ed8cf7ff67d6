//! Shell. Tells a task that there is something to do, without losing a word.

use std::future::poll_fn;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

/// A bell: rung before or while somebody listens, it is heard once.
///
/// Several rings before it is heard count as one, so it holds no more than one flag and one waker
/// per listening task. Loom runs every interleaving of it (`tests/loom.rs`).
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rung: bool,
    listeners: Vec<Waker>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let listeners = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.rung = true;
            std::mem::take(&mut state.listeners)
        };
        for listener in listeners {
            listener.wake();
        }
    }

    /// Waits until the bell was rung since it was last heard. Cancel safe.
    pub(crate) async fn heard(&self) {
        poll_fn(|context| self.poll_heard(context)).await;
    }

    fn poll_heard(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.rung) {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !state.listeners.iter().any(|known| known.will_wake(waker)) {
            state.listeners.push(waker.clone());
        }
        Poll::Pending
    }
}
