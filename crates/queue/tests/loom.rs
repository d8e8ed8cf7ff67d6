//! Shell. The shell's own source under loom: every interleaving of threads inside its calls.
//!
//! The shell's files are compiled a second time here, over loom's mutex and a bell of its own with
//! the contract of tokio's `Notify` (one ring is kept). Due times need a clock and stand in
//! `tests/shell.rs`; several waiters stand in `tests/interleavings.rs`.

#![cfg(test)]
#![expect(
    unreachable_pub,
    dead_code,
    reason = "public in the crate whose source this is"
)]

pub use tidegate_queue::{Key, Lane, Merge, Options, Queue, Requeue, State, Stats, Work};

#[path = "../src/shell.rs"]
mod shell;
#[path = "../src/ticket.rs"]
mod ticket;

/// What the shell waits with, for loom.
mod sync {
    use std::future::poll_fn;
    use std::task::{Poll, Waker};
    use std::time::Duration;

    pub(crate) use loom::sync::Mutex;
    pub(crate) use std::sync::Arc;

    pub(crate) struct Bell(Mutex<(bool, Option<Waker>)>);

    impl Bell {
        pub(crate) fn new() -> Self {
            Self(Mutex::new((false, None)))
        }

        pub(crate) fn now(&self) -> Duration {
            Duration::ZERO
        }

        pub(crate) fn ring(&self) {
            let waker = {
                let mut inner = self.0.lock().expect("no thread panics");
                inner.0 = true;
                inner.1.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }

        pub(crate) async fn wait(&self, until: Option<Duration>) {
            assert_eq!(until, None, "no key waits for a due time");
            poll_fn(|context| {
                let mut inner = self.0.lock().expect("no thread panics");
                if std::mem::take(&mut inner.0) {
                    return Poll::Ready(());
                }
                inner.1 = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    /// One task waits at a time.
    #[derive(Default)]
    pub(crate) struct Turn(());

    pub(crate) struct Held;

    impl Turn {
        pub(crate) async fn lock(&self) -> Held {
            Held
        }
    }
}

use loom::future::block_on;
use loom::thread;
use shell::WorkQueue;

type Shared = WorkQueue<(u8, u8)>;

fn shared(max_in_work: usize) -> Shared {
    WorkQueue::new(Options {
        max_in_work,
        ..Options::default()
    })
}

/// Every interleaving with up to three preemptions, which is what races are known to need.
fn explore(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(run);
}

#[test]
fn no_added_key_is_missed() {
    explore(|| {
        let queue = shared(10);
        let threads = [1, 2].map(|name| {
            let queue = queue.clone();
            thread::spawn(move || queue.add((0, name), Lane::Bulk, ()))
        });
        let mut seen = [1, 2].map(|_| {
            let ticket = block_on(queue.next()).unwrap();
            let name = ticket.work().key.1;
            ticket.done(None);
            name
        });
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn room_that_opens_is_seen() {
    explore(|| {
        let queue = shared(1);
        queue.add((0, 1), Lane::Bulk, ());
        let first = block_on(queue.next()).unwrap();
        queue.add((0, 2), Lane::Bulk, ());
        let ending = thread::spawn(move || first.done(None));
        let second = block_on(queue.next()).unwrap();
        assert_eq!(second.work().key, (0, 2));
        second.done(None);
        ending.join().unwrap();
    });
}

#[test]
fn a_key_added_while_in_work_goes_again_and_never_beside_itself() {
    explore(|| {
        let queue = shared(10);
        queue.add((0, 1), Lane::Bulk, ());
        let first = block_on(queue.next()).unwrap();
        let adding = thread::spawn({
            let queue = queue.clone();
            move || queue.add((0, 1), Lane::Changed, ())
        });
        let ending = thread::spawn(move || first.done(None));
        let again = block_on(queue.next()).unwrap();
        assert_eq!(again.work().lane, Lane::Changed);
        assert_eq!(queue.stats().in_work, 1);
        again.done(None);
        adding.join().unwrap();
        ending.join().unwrap();
        assert_eq!(queue.stats().depth() + queue.stats().in_work, 0);
    });
}

#[test]
fn closing_is_seen() {
    explore(|| {
        let queue = shared(10);
        let closing = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        assert!(block_on(queue.next()).is_none());
        closing.join().unwrap();
    });
}
