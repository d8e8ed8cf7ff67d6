//! Pure. When `--once` ends: all is Ready, or what is left has been failing for long enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::view::{Row, State};
use super::wanted::Id;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something may still happen.
    Wait,
    /// Everything is Ready.
    Done,
    /// What is not Ready has had its time.
    GiveUp,
}

/// Since when each object fails, in time since the start.
#[derive(Debug)]
pub struct Patience {
    timeout: Duration,
    patience: Duration,
    failing: BTreeMap<Id, Duration>,
}

impl Patience {
    /// Waits for `timeout` at most, and for what fails only `patience`.
    #[must_use]
    pub fn new(timeout: Duration, patience: Duration) -> Self {
        Self {
            timeout,
            patience,
            failing: BTreeMap::new(),
        }
    }

    /// Judges what is seen at `now` against what was applied.
    pub fn judge(&mut self, applied: &BTreeSet<Id>, rows: &[Row], now: Duration) -> Verdict {
        let rows: BTreeMap<&Id, State> = rows.iter().map(|row| (&row.id, row.state)).collect();
        let state = |id: &Id| rows.get(id).copied().unwrap_or(State::Waiting);
        self.failing.retain(|id, _| state(id) == State::Failed);
        for id in applied.iter().filter(|id| state(id) == State::Failed) {
            self.failing.entry(id.clone()).or_insert(now);
        }
        let left: Vec<&Id> = applied
            .iter()
            .filter(|id| state(id) != State::Ready)
            .collect();
        let tired = |id: &&Id| {
            let since = self.failing.get(*id);
            since.is_some_and(|since| now.saturating_sub(*since) >= self.patience)
        };
        if left.is_empty() {
            Verdict::Done
        } else if now >= self.timeout || left.iter().all(tired) {
            Verdict::GiveUp
        } else {
            Verdict::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::id;
    use super::*;

    fn judge(patience: &mut Patience, states: &str, second: u64) -> Verdict {
        let ids = ["a", "b", "c"].map(|name| id("ExternalSecret", Some("n"), name));
        let rows: Vec<Row> = (ids.iter().zip(states.chars()))
            .filter(|(_, state)| *state != '-')
            .map(|(id, state)| Row {
                id: id.clone(),
                store: String::new(),
                target: String::new(),
                state: match state {
                    'r' => State::Ready,
                    'f' => State::Failed,
                    _ => State::Waiting,
                },
                reason: String::new(),
                cause: String::new(),
                changed: None,
                next: None,
            })
            .collect();
        patience.judge(
            &ids.into_iter().collect(),
            &rows,
            Duration::from_secs(second),
        )
    }

    /// States of three objects (ready, failed, waiting, - not seen) at times, and the verdicts.
    fn check(story: &[(u64, &str, Verdict)]) {
        let mut patience = Patience::new(Duration::from_secs(30), Duration::from_secs(3));
        for (second, states, expected) in story {
            let verdict = judge(&mut patience, states, *second);
            assert_eq!(verdict, *expected, "{states} at {second} of {story:?}");
        }
    }

    #[test]
    fn it_ends_when_all_is_ready() {
        check(&[
            (0, "---", Verdict::Wait),
            (1, "rr-", Verdict::Wait),
            (2, "rrr", Verdict::Done),
        ]);
    }

    #[test]
    fn what_fails_has_a_while_to_recover() {
        check(&[
            (1, "frr", Verdict::Wait),
            (3, "frr", Verdict::Wait),
            (4, "frr", Verdict::GiveUp),
        ]);
        check(&[(1, "frr", Verdict::Wait), (3, "rrr", Verdict::Done)]);
        let relapse = (5, "frr", Verdict::Wait);
        check(&[
            (1, "frr", Verdict::Wait),
            (3, "wrr", Verdict::Wait),
            relapse,
        ]);
    }

    #[test]
    fn what_waits_is_waited_for_until_the_timeout() {
        check(&[
            (1, "fwr", Verdict::Wait),
            (29, "fwr", Verdict::Wait),
            (30, "fwr", Verdict::GiveUp),
        ]);
        check(&[
            (1, "fwr", Verdict::Wait),
            (9, "ffr", Verdict::Wait),
            (12, "ffr", Verdict::GiveUp),
        ]);
    }
}
