//! Pure. Which events are sent now: normal ones pass a bucket, warnings are merged and never lost.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// One event about one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// What it is about.
    pub about: About,
    /// Warning or Normal.
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}

/// The object an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct About {
    /// Kind, such as `ExternalSecret`.
    pub kind: &'static str,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// UID.
    pub uid: Arc<str>,
}

/// A token bucket in virtual time.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second,
            burst,
            tokens: burst,
            at: Duration::ZERO,
        }
    }

    fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = passed.mul_add(self.per_second, self.tokens).min(self.burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// Decides which events are sent and when.
///
/// # Guarantees
/// A normal event that finds no token is dropped and counted. A warning waits for its token; while
/// it waits, a later warning of the same object and reason replaces its message and raises its
/// count. At most one warning per object and reason waits, so the queue is bounded by the objects.
#[derive(Debug)]
pub struct Gate {
    normal: Bucket,
    warnings: Bucket,
    /// Normal events that have their token: never more than a burst.
    ready: VecDeque<Event>,
    order: VecDeque<(About, &'static str)>,
    waiting: HashMap<(About, &'static str), (Event, u32)>,
    dropped: u64,
    dropped_in_a_row: u32,
    offered_at: Duration,
}

/// In a crowd one normal event in so many is sent, however long the crowd lasts: a first sync of
/// any size adds less than a hundredth of a request per object.
const SAMPLE: u32 = 200;
/// A pause between two events that ends a crowd.
const QUIET: Duration = Duration::from_secs(1);

impl Gate {
    /// A gate with the rates of design 5.9: normal events one a second in bursts of ten.
    #[must_use]
    pub fn new() -> Self {
        Self {
            normal: Bucket::new(1.0, 10.0),
            warnings: Bucket::new(5.0, 25.0),
            ready: VecDeque::new(),
            order: VecDeque::new(),
            waiting: HashMap::new(),
            dropped: 0,
            dropped_in_a_row: 0,
            offered_at: Duration::ZERO,
        }
    }

    /// Offers an event: it is sent by a later [`Gate::next`], merged, or dropped.
    pub fn offer(&mut self, event: Event, now: Duration) {
        if !event.warning {
            if now >= self.offered_at + QUIET {
                self.dropped_in_a_row = 0;
            }
            self.offered_at = now;
            let crowded = (1..SAMPLE).contains(&self.dropped_in_a_row);
            if !crowded && self.normal.take(now) {
                // Within a crowd the count starts over; a burst before it goes on.
                self.dropped_in_a_row = self.dropped_in_a_row.min(1);
                self.ready.push_back(event);
            } else {
                self.dropped_in_a_row += 1;
                self.dropped += 1;
            }
            return;
        }
        let slot = (event.about.clone(), event.reason);
        if let Some((waiting, count)) = self.waiting.get_mut(&slot) {
            *waiting = event;
            *count = count.saturating_add(1);
            return;
        }
        self.order.push_back(slot.clone());
        self.waiting.insert(slot, (event, 1));
    }

    /// Takes the next event that may be sent now, and how many were merged into it.
    pub fn next(&mut self, now: Duration) -> Option<(Event, u32)> {
        if let Some(event) = self.ready.pop_front() {
            return Some((event, 1));
        }
        if self.order.is_empty() || !self.warnings.take(now) {
            return None;
        }
        let slot = self.order.pop_front()?;
        self.waiting.remove(&slot)
    }

    /// Warnings that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.order.len()
    }

    /// Normal events dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, warning: bool, message: &str) -> Event {
        let about = About {
            kind: "ExternalSecret",
            namespace: "ns".into(),
            name: name.into(),
            uid: "uid".into(),
        };
        Event {
            about,
            warning,
            reason: "R",
            message: message.to_owned(),
        }
    }

    fn drain(gate: &mut Gate, at: u64) -> Vec<(Event, u32)> {
        std::iter::from_fn(|| gate.next(Duration::from_secs(at))).collect()
    }

    #[test]
    fn normal_events_pass_in_bursts_of_ten_and_one_a_second() {
        let mut gate = Gate::new();
        for (at, sent) in [(0, 10), (3, 3)] {
            for i in 0..1000 {
                gate.offer(event(&i.to_string(), false, "m"), Duration::from_secs(at));
            }
            assert_eq!(drain(&mut gate, at).len(), sent);
        }
        assert_eq!(gate.dropped(), 990 + 997);
    }

    #[test]
    fn a_long_crowd_is_sampled_and_a_trickle_is_not() {
        let mut gate = Gate::new();
        let mut sent = 0;
        for i in 0..10_000u64 {
            let now = Duration::from_millis(i * 20);
            gate.offer(event(&i.to_string(), false, "m"), now);
            sent += std::iter::from_fn(|| gate.next(now)).count();
        }
        assert!((20..=70).contains(&sent), "{sent} of 10,000 in 200 s");
        for second in 300..310 {
            gate.offer(event("trickle", false, "m"), Duration::from_secs(second));
            assert_eq!(drain(&mut gate, second).len(), 1);
        }
    }

    #[test]
    fn warnings_are_merged_and_never_lost() {
        let mut gate = Gate::new();
        for i in 0..100 {
            gate.offer(event(&i.to_string(), true, "first"), Duration::ZERO);
        }
        let mut sent = drain(&mut gate, 0);
        assert_eq!((sent.len(), gate.waiting()), (25, 75));
        gate.offer(event("99", true, "second"), Duration::ZERO);
        for second in 1..=15 {
            sent.extend(drain(&mut gate, second));
        }
        assert_eq!((sent.len(), gate.waiting()), (100, 0));
        assert_eq!(sent.last(), Some(&(event("99", true, "second"), 2)));
    }
}
