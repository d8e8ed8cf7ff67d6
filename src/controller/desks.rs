//! Shell. How many objects are rendered and written at once; who waits holds the answer alone.

use tidegate_queue::Lane;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Desks of one kind: far more than the writes that can be in flight, so that those never lack
/// work; few, because each holds one Secret in the clear, its old digest and its new bytes.
const DESKS: usize = 256;

/// A place to render and write one object; dropping it makes room for the next.
pub type Desk<'a> = SemaphorePermit<'a>;

/// Bounds the objects between their values' arrival and the end of their write.
///
/// # Guarantees
/// A new or edited object never waits here. What changed does not wait for what is only due.
#[derive(Debug)]
pub struct Desks {
    changed: Semaphore,
    bulk: Semaphore,
}

impl Desks {
    /// All free.
    #[must_use]
    pub fn new() -> Self {
        Self {
            changed: Semaphore::new(DESKS),
            bulk: Semaphore::new(DESKS),
        }
    }

    /// Waits for a desk; none is needed for what users wait for. Dropping the future loses nothing.
    pub async fn take(&self, lane: Lane) -> Option<Desk<'_>> {
        let desks = match lane {
            Lane::Fresh => return None,
            Lane::Changed => &self.changed,
            Lane::Bulk | Lane::Retry | Lane::Refresh => &self.bulk,
        };
        // The semaphores are never closed.
        desks.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn bulk_waits_for_a_desk_and_holds_up_neither_changed_nor_fresh() {
        let desks = Desks::new();
        let take = |lane| desks.take(lane).now_or_never();
        let taken: Vec<_> = (0..DESKS).map(|_| take(Lane::Bulk).flatten()).collect();
        assert!(taken.iter().all(Option::is_some));
        for lane in [Lane::Bulk, Lane::Retry, Lane::Refresh] {
            assert!(take(lane).is_none(), "{lane:?} waits");
        }
        assert!(take(Lane::Changed).is_some_and(|desk| desk.is_some()));
        assert!(take(Lane::Fresh).is_some_and(|desk| desk.is_none()));
        drop(taken);
        assert!(take(Lane::Refresh).is_some());
    }
}
