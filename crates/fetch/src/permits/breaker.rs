//! Pure. When an endpoint that does not answer is left alone.

use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::ErrorKind;

/// Calls in a row without an answer that open the breaker: fewer would let one bad connection
/// fail every object, more would keep more readers waiting for time-outs.
const TRIPS_AT: u32 = 5;

/// Probes are at least this far apart.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Why nothing is let through: what whoever asks is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) kind: ErrorKind,
    pub(crate) public: Arc<str>,
}

/// What the breaker says to one more call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go.
    Pass,
    /// Go, and tell: whether the rest may follow depends on the answer.
    Probe,
    /// Don't.
    Refuse(Reason),
}

/// Fed by `Unavailable` alone: a backend that denies, misses or complains is there.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    reason: Reason,
    probe_at: Duration,
    probing: bool,
}

impl Breaker {
    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn verdict(&self, now: Duration) -> Verdict {
        match &self.open {
            None => Verdict::Pass,
            Some(open) if !open.probing && now >= open.probe_at => Verdict::Probe,
            Some(open) => Verdict::Refuse(open.reason.clone()),
        }
    }

    /// A call starts; when the breaker is open it is the probe.
    pub(crate) fn started(&mut self, now: Duration) {
        if let Some(open) = &mut self.open {
            open.probing = true;
            open.probe_at = now + PROBE_EVERY;
        }
    }

    /// The backend answered: it is there.
    pub(crate) fn reached(&mut self) {
        self.failures = 0;
        self.open = None;
    }

    /// A call got no answer. `probe` tells whether it was the probe.
    pub(crate) fn unreached(&mut self, now: Duration, probe: bool, reason: Reason) {
        self.failures += 1;
        match &mut self.open {
            Some(open) if probe => {
                open.probing = false;
                open.reason = reason;
            }
            Some(_) => {}
            None if self.failures >= TRIPS_AT => self.hold(now + PROBE_EVERY, reason),
            None => {}
        }
    }

    /// A call ended without a word (dropped, or pushed back): nothing is learned from it.
    pub(crate) fn undecided(&mut self, probe: bool) {
        if let Some(open) = &mut self.open
            && probe
        {
            open.probing = false;
        }
    }

    /// Leaves the endpoint alone until `until`, as it asked.
    pub(crate) fn hold(&mut self, until: Duration, reason: Reason) {
        self.open = Some(Open {
            reason,
            probe_at: until,
            probing: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(public: &str) -> Reason {
        Reason {
            kind: ErrorKind::Unavailable,
            public: public.into(),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn five_in_a_row_open_it_and_one_answer_between_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.unreached(at(0), false, reason("x"));
        }
        breaker.reached();
        for _ in 0..4 {
            breaker.unreached(at(0), false, reason("x"));
        }
        assert_eq!(breaker.verdict(at(0)), Verdict::Pass);
        breaker.unreached(at(0), false, reason("x"));
        assert_eq!(breaker.verdict(at(0)), Verdict::Refuse(reason("x")));
    }

    #[test]
    fn probes_go_one_at_a_time_and_one_a_second() {
        let mut breaker = Breaker::default();
        breaker.hold(at(1), reason("x"));
        assert_eq!(breaker.verdict(at(1)), Verdict::Probe);
        breaker.started(at(1));
        assert_eq!(breaker.verdict(at(9)), Verdict::Refuse(reason("x")));
        // An old call that fails late is not the probe.
        breaker.unreached(at(9), false, reason("old"));
        assert_eq!(breaker.verdict(at(9)), Verdict::Refuse(reason("x")));
        breaker.unreached(at(9), true, reason("y"));
        assert_eq!(breaker.verdict(at(9)), Verdict::Probe);
        breaker.started(at(9));
        breaker.undecided(true);
        assert_eq!(breaker.verdict(at(9)), Verdict::Refuse(reason("y")));
        assert_eq!(breaker.verdict(at(10)), Verdict::Probe);
        breaker.reached();
        assert_eq!(breaker.verdict(at(10)), Verdict::Pass);
    }
}
