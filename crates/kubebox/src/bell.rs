//! Shell. A bell that many hear, each in the order in which it began to listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Rings for every [`Ear`]. `tokio::sync::watch` would wake in an order drawn at random, and a
/// simulation could not be run twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rings: AtomicU64,
    notify: Notify,
}

/// Hears the rings since it last heeded one.
#[derive(Debug)]
pub(crate) struct Ear {
    bell: Bell,
    heeded: u64,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.rings.fetch_add(1, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// An ear for what rings from now on.
    pub(crate) fn listen(&self) -> Ear {
        let (bell, heeded) = (self.clone(), self.rings());
        Ear { bell, heeded }
    }

    /// Whether anybody else holds this bell, or an ear of it.
    pub(crate) fn is_heard(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn rings(&self) -> u64 {
        self.0.rings.load(Ordering::Acquire)
    }
}

impl Ear {
    /// Takes every ring so far as heard.
    pub(crate) fn heed(&mut self) {
        self.heeded = self.bell.rings();
    }

    /// Waits for a ring since the last that was heeded, and heeds it.
    pub(crate) async fn heard(&mut self) {
        loop {
            let rung = self.bell.0.notify.notified();
            tokio::pin!(rung);
            // From here on no ring is missed, so that the count may be looked at.
            rung.as_mut().enable();
            let rings = self.bell.rings();
            if rings != self.heeded {
                self.heeded = rings;
                return;
            }
            rung.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn every_ear_hears_a_ring_once_and_none_from_before() {
        let bell = Bell::default();
        bell.ring();
        let (mut one, mut other) = (bell.listen(), bell.listen());
        assert!(one.heard().now_or_never().is_none());
        bell.ring();
        bell.ring();
        for ear in [&mut one, &mut other] {
            assert!(ear.heard().now_or_never().is_some());
            assert!(ear.heard().now_or_never().is_none());
        }
        bell.ring();
        one.heed();
        assert!(one.heard().now_or_never().is_none());
        drop((one, other));
        assert!(!bell.is_heard());
    }

    #[tokio::test]
    async fn a_ring_wakes_in_the_order_of_listening() {
        let (bell, told) = (Bell::default(), Arc::new(std::sync::Mutex::new(Vec::new())));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (mut ear, told) = (bell.listen(), Arc::clone(&told));
            tasks.spawn(async move {
                ear.heard().await;
                told.lock().unwrap().push(number);
            });
        }
        tokio::task::yield_now().await;
        bell.ring();
        while tasks.join_next().await.is_some() {}
        assert_eq!(*told.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
