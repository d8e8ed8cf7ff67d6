//! Pure. One call to a key service of several endpoints: who is asked when, and who decides.

use std::time::Duration;

use tidegate_contract::WrapFault;

/// The least time left in which another attempt makes sense.
const WORTH_TRYING: Duration = Duration::from_millis(50);
/// The pause before the same endpoints are asked again.
const SECOND_ROUND: Duration = Duration::from_millis(100);
/// Rounds through all endpoints.
const ROUNDS: usize = 2;

/// What a [`Race`] wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask this endpoint, and count it as failed at `until`.
    Ask {
        /// Index of the endpoint.
        endpoint: usize,
        /// Deadline of the attempt.
        until: Duration,
    },
    /// Wait for an answer, until then at the latest.
    Wait(Duration),
    /// Nobody is left to ask, or time is up: the last failure stands.
    Over,
}

/// The state of one call. Times are since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Race {
    order: Vec<usize>,
    asked: usize,
    running: usize,
    next_at: Option<Duration>,
    hedge_at: Option<Duration>,
    attempt: Duration,
    end: Duration,
    decided: bool,
}

impl Race {
    /// A call to the endpoints in `order`, each attempt at most `attempt` long, all until `end`.
    /// With `hedge`, a second endpoint is asked beside the first after that long.
    #[must_use]
    pub fn new(
        order: Vec<usize>,
        now: Duration,
        attempt: Duration,
        end: Duration,
        hedge: Option<Duration>,
    ) -> Self {
        let hedge_at = hedge.filter(|_| order.len() > 1).map(|wait| now + wait);
        Self {
            order,
            asked: 0,
            running: 0,
            next_at: Some(now),
            hedge_at,
            attempt,
            end,
            decided: false,
        }
    }

    /// What to do at `now`. `hedge` grants a hedge when one is due, and is asked once at most.
    pub fn step(&mut self, now: Duration, hedge: impl FnOnce() -> bool) -> Step {
        if self.decided || now >= self.end {
            return Step::Over;
        }
        if let Some(at) = self.next_at {
            if now < at {
                return Step::Wait(at.min(self.end));
            }
            self.next_at = None;
            return self.ask(now);
        }
        if let Some(at) = self.hedge_at
            && self.running == 1
        {
            if now < at {
                return Step::Wait(at.min(self.end));
            }
            self.hedge_at = None;
            if self.asked < self.order.len() && hedge() {
                return self.ask(now);
            }
        }
        if self.running == 0 {
            return Step::Over;
        }
        Step::Wait(self.end)
    }

    fn ask(&mut self, now: Duration) -> Step {
        let Some(endpoint) = self.order.get(self.asked % self.order.len().max(1)) else {
            return Step::Over;
        };
        self.asked += 1;
        self.running += 1;
        Step::Ask {
            endpoint: *endpoint,
            until: (now + self.attempt).min(self.end),
        }
    }

    /// An attempt failed. Only the endpoint's own faults let another be asked: what one endpoint
    /// says about the key or the bytes holds for all.
    pub fn failed(&mut self, fault: WrapFault, now: Duration) {
        self.running = self.running.saturating_sub(1);
        if !fault.is_of_endpoint() {
            self.decided = true;
            return;
        }
        self.hedge_at = None;
        if self.asked >= self.order.len() * ROUNDS || self.next_at.is_some() {
            return;
        }
        let same_again = self.asked >= self.order.len();
        if same_again && self.running > 0 {
            return;
        }
        let at = if same_again { now + SECOND_ROUND } else { now };
        if at + WORTH_TRYING <= self.end {
            self.next_at = Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
