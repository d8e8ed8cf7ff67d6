//! Shell. The ticket of a key in work, whose end always ends the work.

use std::fmt;

use crate::shell::WorkQueue;
use crate::{Key, Merge, Requeue, Work};

/// A key in work; nobody else works on it until the ticket is gone.
///
/// A ticket that is dropped without [`Ticket::done`], as by panic or cancellation, brings its key
/// back by [`crate::Queue::abandoned`].
#[must_use = "a dropped ticket counts as abandoned work"]
pub struct Ticket<K: Key, R: Merge = ()> {
    queue: WorkQueue<K, R>,
    work: Work<K, R>,
    ended: bool,
}

impl<K: Key, R: Merge> Ticket<K, R> {
    pub(crate) fn new(queue: &WorkQueue<K, R>, work: Work<K, R>) -> Self {
        Self {
            queue: queue.clone(),
            work,
            ended: false,
        }
    }

    /// The key, its lane, its wait and its reasons.
    #[must_use]
    pub fn work(&self) -> &Work<K, R> {
        &self.work
    }

    /// Ends the work: the key is forgotten, unless it was added meanwhile or `requeue` is given.
    pub fn done(mut self, requeue: Option<Requeue<R>>) {
        self.ended = true;
        self.queue.change(|queue, now| {
            queue.done(&self.work.key, requeue, now);
        });
    }
}

impl<K: Key, R: Merge> Drop for Ticket<K, R> {
    fn drop(&mut self) {
        if !self.ended {
            let reasons = std::mem::take(&mut self.work.reasons);
            self.queue
                .change(|queue, now| queue.abandoned(&self.work.key, reasons, now));
        }
    }
}

impl<K: Key + fmt::Debug, R: Merge + fmt::Debug> fmt::Debug for Ticket<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.work).finish()
    }
}
