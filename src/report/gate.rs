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
        Self { per_second, burst, tokens: burst, at: Duration::ZERO }
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
    order: VecDeque<(About, &'static str)>,
    waiting: HashMap<(About, &'static str), (Event, u32)>,
    dropped: u64,
}

impl Gate {
    /// A gate with the rates of design 5.9: normal events one a second in bursts of ten.
    #[must_use]
    pub fn new() -> Self {
        Self {
            normal: Bucket::new(1.0, 10.0),
            warnings: Bucket::new(5.0, 25.0),
            order: VecDeque::new(),
            waiting: HashMap::new(),
            dropped: 0,
        }
    }

    /// Offers an event; the answer is what may be sent at once.
    pub fn offer(&mut self, event: Event, now: Duration) -> Option<(Event, u32)> {
        if !event.warning {
            if self.normal.take(now) {
                return Some((event, 1));
            }
            self.dropped += 1;
            return None;
        }
        let slot = (event.about.clone(), event.reason);
        if let Some((waiting, count)) = self.waiting.get_mut(&slot) {
            *waiting = event;
            *count = count.saturating_add(1);
            return None;
        }
        if self.order.is_empty() && self.warnings.take(now) {
            return Some((event, 1));
        }
        self.order.push_back(slot.clone());
        self.waiting.insert(slot, (event, 1));
        None
    }

    /// Takes the next warning that may be sent now.
    pub fn next(&mut self, now: Duration) -> Option<(Event, u32)> {
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
        Event { about, warning, reason: "R", message: message.to_owned() }
    }

    #[test]
    fn normal_events_pass_in_bursts_of_ten_and_one_a_second() {
        let mut gate = Gate::new();
        let sent = |gate: &mut Gate, n: usize, at: u64| {
            (0..n)
                .filter(|i| {
                    let event = event(&i.to_string(), false, "m");
                    gate.offer(event, Duration::from_secs(at)).is_some()
                })
                .count()
        };
        assert_eq!(sent(&mut gate, 1000, 0), 10);
        assert_eq!(sent(&mut gate, 1000, 3), 3);
        assert_eq!(gate.dropped(), 990 + 997);
    }

    #[test]
    fn warnings_are_merged_and_never_lost() {
        let mut gate = Gate::new();
        let mut sent = 0;
        for i in 0..100 {
            let event = event(&i.to_string(), true, "first");
            sent += usize::from(gate.offer(event, Duration::ZERO).is_some());
        }
        assert_eq!((sent, gate.waiting()), (25, 75));
        assert_eq!(gate.offer(event("99", true, "second"), Duration::ZERO), None);
        let mut last = None;
        for second in 1..=15 {
            while let Some(next) = gate.next(Duration::from_secs(second)) {
                sent += 1;
                last = Some(next);
            }
        }
        assert_eq!((sent, gate.waiting()), (100, 0));
        assert_eq!(last, Some((event("99", true, "second"), 2)));
    }
}
