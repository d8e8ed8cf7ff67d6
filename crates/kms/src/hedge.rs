//! Pure. When a second endpoint is asked beside the first, and how seldom.

use std::time::Duration;

/// Latencies that are remembered.
const REMEMBERED: usize = 64;
/// The least wait before a hedge.
const LEAST: Duration = Duration::from_millis(50);
/// The wait while too little is known.
const UNKNOWN: Duration = Duration::from_millis(250);
/// What one call adds to the budget: one hedge in ten calls.
const PER_CALL: f64 = 0.1;
/// Hedges that may be saved up.
const SAVED: f64 = 3.0;

/// The hedging of one key service.
#[derive(Debug, Clone)]
pub struct Hedge {
    latencies: Vec<Duration>,
    next: usize,
    budget: f64,
}

impl Default for Hedge {
    fn default() -> Self {
        Self {
            latencies: Vec::with_capacity(REMEMBERED),
            next: 0,
            budget: SAVED,
        }
    }
}

impl Hedge {
    /// A call begins: the budget grows.
    pub fn began(&mut self) {
        self.budget = (self.budget + PER_CALL).min(SAVED);
    }

    /// An endpoint answered after `latency`.
    pub fn answered(&mut self, latency: Duration) {
        if self.latencies.len() < REMEMBERED {
            self.latencies.push(latency);
        } else if let Some(slot) = self.latencies.get_mut(self.next) {
            *slot = latency;
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// How long to wait for the first endpoint before a second is asked as well: what 95 of 100
    /// calls take, at least 50 ms.
    #[must_use]
    pub fn wait(&self) -> Duration {
        if self.latencies.len() < REMEMBERED / 4 {
            return UNKNOWN;
        }
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = sorted.len() * 95 / 100;
        sorted.get(at).copied().unwrap_or(UNKNOWN).max(LEAST)
    }

    /// Takes one hedge out of the budget, if there is one.
    pub fn take(&mut self) -> bool {
        let granted = self.budget >= 1.0;
        if granted {
            self.budget -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_what_most_calls_take() {
        let mut hedge = Hedge::default();
        assert_eq!(hedge.wait(), UNKNOWN);
        for _ in 0..64 {
            hedge.answered(Duration::from_millis(2));
        }
        assert_eq!(hedge.wait(), LEAST);
        for _ in 0..8 {
            hedge.answered(Duration::from_millis(400));
        }
        assert_eq!(hedge.wait(), Duration::from_millis(400));
        for _ in 0..64 {
            hedge.answered(Duration::from_millis(100));
        }
        assert_eq!(
            hedge.wait(),
            Duration::from_millis(100),
            "old latencies are forgotten"
        );
    }

    #[test]
    fn hedges_are_one_in_ten_calls() {
        let mut hedge = Hedge::default();
        let mut taken = 0;
        for _ in 0..1000 {
            hedge.began();
            taken += u32::from(hedge.take());
        }
        assert!((100..=103).contains(&taken), "{taken}");
    }
}
