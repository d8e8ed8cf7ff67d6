//! Shell. Every interleaving of the bell, with the queue that it announces, under loom.

#[path = "../src/bell.rs"]
mod bell;

/// What `bell` locks with, here loom's.
mod sync {
    pub(crate) use loom::sync::Mutex;
}

use std::sync::PoisonError;

use bell::Bell;
use loom::future::block_on;
use loom::sync::{Arc, Mutex};
use loom::thread;

/// State behind a lock and a bell, as `Fetch` has them.
#[derive(Default)]
struct Shared {
    wakes: Mutex<Vec<u8>>,
    bell: Bell,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            wakes: Mutex::new(Vec::new()),
            bell: Bell::default(),
        })
    }

    fn lock(&self) -> loom::sync::MutexGuard<'_, Vec<u8>> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, wake: u8) {
        self.lock().push(wake);
        self.bell.ring();
    }

    /// The loop of `Fetch::next_wake`: look, and only then listen; pass the word on when there is
    /// more.
    async fn next(&self) -> u8 {
        loop {
            let (wake, more) = {
                let mut wakes = self.lock();
                (wakes.pop(), !wakes.is_empty())
            };
            match wake {
                Some(wake) => {
                    if more {
                        self.bell.ring();
                    }
                    return wake;
                }
                None => self.bell.heard().await,
            }
        }
    }
}

#[test]
fn a_wake_put_up_by_another_thread_is_never_lost() {
    loom::model(|| {
        let shared = Shared::new();
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.put(1);
                shared.put(2);
            })
        };
        let mut got = block_on(async { [shared.next().await, shared.next().await] });
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        writer.join().unwrap();
    });
}

#[test]
fn nor_is_one_of_two_writers() {
    // Three threads have too many interleavings for every one of them; two preemptions at any
    // points are what finds lost words in practice.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let shared = Shared::new();
        let writers = [1, 2].map(|wake| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.put(wake))
        });
        let mut got = block_on(async { [shared.next().await, shared.next().await] });
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        for writer in writers {
            writer.join().unwrap();
        }
    });
}

#[test]
fn two_listeners_each_get_theirs() {
    loom::model(|| {
        let shared = Shared::new();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || block_on(shared.next()))
        };
        shared.put(1);
        shared.put(2);
        let mine = block_on(shared.next());
        let mut got = [mine, other.join().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

#[test]
fn a_ring_before_anybody_listens_is_heard_once() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        bell.ring();
        bell.ring();
        let ringer = {
            let bell = Arc::clone(&bell);
            thread::spawn(move || bell.ring())
        };
        block_on(bell.heard());
        ringer.join().unwrap();
    });
}
