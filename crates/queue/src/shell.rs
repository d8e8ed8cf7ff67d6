//! Shell. Shares a queue between tasks: waits for the next key and wakes who waits.

use std::fmt;
use std::time::Duration;

use crate::sync::{Arc, Bell, Mutex, Turn};
use crate::ticket::Ticket;
use crate::{Key, Lane, Merge, Options, Queue, State, Stats};

/// A queue that tasks share; clones are the same queue.
pub struct WorkQueue<K: Key, R: Merge = ()> {
    shared: Arc<Shared<K, R>>,
}

struct Shared<K: Key, R: Merge> {
    inner: Mutex<Inner<K, R>>,
    /// Rung when the next key is ready sooner than the waiter knows.
    bell: Bell,
    /// Only one task waits for the bell, the others for their turn: no ring is lost to a task
    /// that gives up waiting, and no ring wakes all.
    turn: Turn,
}

struct Inner<K: Key, R: Merge> {
    queue: Queue<K, R>,
    closed: bool,
}

impl<K: Key, R: Merge> WorkQueue<K, R> {
    /// Makes an empty queue; its clock starts now.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let inner = Inner {
            queue: Queue::new(options),
            closed: false,
        };
        Self {
            shared: Arc::new(Shared {
                inner: Mutex::new(inner),
                bell: Bell::new(),
                turn: Turn::default(),
            }),
        }
    }

    /// Asks for the key now; see [`Queue::add`].
    pub fn add(&self, key: K, lane: Lane, reasons: R) {
        self.change(|queue, now| queue.add(key, lane, reasons, now));
    }

    /// Asks for the key after `delay`; see [`Queue::add_after`].
    pub fn add_after(&self, key: K, lane: Lane, delay: Duration, reasons: R) {
        self.change(|queue, now| queue.add_after(key, lane, delay, reasons, now));
    }

    /// Drops the key; see [`Queue::forget`].
    pub fn forget(&self, key: &K) {
        self.change(|queue, now| queue.forget(key, now));
    }

    /// Waits for the key whose turn it is; none once the queue is closed.
    ///
    /// Dropping the future loses nothing. Any number of tasks may wait.
    pub async fn next(&self) -> Option<Ticket<K, R>> {
        let _turn = self.shared.turn.lock().await;
        loop {
            let until = {
                let mut inner = self.lock();
                if inner.closed {
                    return None;
                }
                match inner.queue.next(self.shared.bell.now()) {
                    Some(work) => return Some(Ticket::new(self, work)),
                    None => inner.queue.wake_at(),
                }
            };
            self.shared.bell.wait(until).await;
        }
    }

    /// Hands out no more keys; tickets that are out stay valid.
    pub fn close(&self) {
        self.lock().closed = true;
        self.shared.bell.ring();
    }

    /// Tells where the key stands; see [`Queue::state`].
    #[must_use]
    pub fn state(&self, key: &K) -> Option<State> {
        self.lock().queue.state(key)
    }

    /// Tells the time on the queue's clock, from which [`State`] counts.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.bell.now()
    }

    /// Counts; see [`Queue::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.lock().queue.stats(self.now())
    }

    /// Changes the queue, and rings if a key is ready sooner than before.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Queue<K, R>, Duration)) {
        let mut inner = self.lock();
        let before = inner.queue.wake_at();
        change(&mut inner.queue, self.shared.bell.now());
        let after = inner.queue.wake_at();
        drop(inner);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.shared.bell.ring();
        }
    }

    fn lock(&self) -> impl std::ops::DerefMut<Target = Inner<K, R>> + '_ {
        // A panic in a key's own code leaves a queue that is still consistent enough to go on.
        self.shared
            .inner
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<K: Key, R: Merge> Clone for WorkQueue<K, R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K: Key, R: Merge> fmt::Debug for WorkQueue<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkQueue").field(&self.stats()).finish()
    }
}
