//! Pure. Who may write: client-go's algorithm over observed times, as a state machine.

use std::time::Duration;

use jiff::Timestamp;

/// The part of a Lease that the election reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty after a release.
    pub holder: String,
    /// How long a renewal counts.
    pub duration: Duration,
    /// When the holder took it.
    pub acquired: Option<Timestamp>,
    /// When the holder last renewed it, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// How often the holder changed.
    pub transitions: i32,
}

/// What to do with the Lease now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There is none: create it with this content.
    Create(Record),
    /// It is ours, free or stale: replace it, guarded by its resourceVersion.
    Update(Record),
    /// Somebody else holds it.
    Wait,
}

/// One candidate's view of the election.
///
/// # Guarantees
/// Another candidate's clock is never compared with ours: a record counts from the moment *we* saw
/// it change. [`Election::may_write_until`] ends at two thirds of the lease after the last renewal
/// *began*, while others wait for the whole of it: a gap between two writers, never an overlap.
#[derive(Debug)]
pub struct Election {
    identity: String,
    duration: Duration,
    seen: Option<(Record, Duration)>,
    renewed: Option<Duration>,
}

impl Election {
    /// A candidate named `identity` whose renewals count for `duration`.
    #[must_use]
    pub fn new(identity: String, duration: Duration) -> Self {
        Self {
            identity,
            duration,
            seen: None,
            renewed: None,
        }
    }

    /// Decides from the Lease as just read. `uptime` is monotonic, `now` goes into the record.
    pub fn step(&mut self, current: Option<&Record>, uptime: Duration, now: Timestamp) -> Step {
        let Some(current) = current else {
            return Step::Create(self.record(now, now, 0));
        };
        if self
            .seen
            .as_ref()
            .is_none_or(|(record, _)| record != current)
        {
            self.seen = Some((current.clone(), uptime));
        }
        let since = self.seen.as_ref().map_or(uptime, |(_, since)| *since);
        let mine = current.holder == self.identity;
        let free = current.holder.is_empty() || uptime >= since + current.duration;
        if mine {
            let acquired = current.acquired.unwrap_or(now);
            return Step::Update(self.record(acquired, now, current.transitions));
        }
        if free {
            return Step::Update(self.record(now, now, current.transitions.saturating_add(1)));
        }
        Step::Wait
    }

    /// The write of the last step succeeded; it had begun at `began`.
    pub fn renewed(&mut self, record: Record, began: Duration) {
        self.seen = Some((record, began));
        self.renewed = Some(began);
    }

    /// The write of the last step lost, or the Lease is in other hands.
    pub fn lost(&mut self) {
        self.renewed = None;
    }

    /// Until when, by our own monotonic clock, we may write; none when we may not.
    #[must_use]
    pub fn may_write_until(&self) -> Option<Duration> {
        self.renewed.map(|began| began + self.duration * 2 / 3)
    }

    /// What to write on the way out, so that the next candidate need not wait.
    #[must_use]
    pub fn release(&self, now: Timestamp) -> Option<Record> {
        let (record, _) = self.seen.as_ref()?;
        (record.holder == self.identity).then(|| Record {
            holder: String::new(),
            duration: Duration::from_secs(1),
            acquired: Some(now),
            renewed: Some(now),
            transitions: record.transitions,
        })
    }

    fn record(&self, acquired: Timestamp, renewed: Timestamp, transitions: i32) -> Record {
        Record {
            holder: self.identity.clone(),
            duration: self.duration,
            acquired: Some(acquired),
            renewed: Some(renewed),
            transitions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn candidate(name: &str) -> Election {
        Election::new(name.to_owned(), LEASE)
    }

    /// Applies a step the way an API server would, and tells the candidate.
    fn apply(lease: &mut Option<Record>, election: &mut Election, uptime: Duration) -> Step {
        let step = election.step(lease.as_ref(), uptime, Timestamp::UNIX_EPOCH);
        match &step {
            Step::Create(record) | Step::Update(record) => {
                *lease = Some(record.clone());
                election.renewed(record.clone(), uptime);
            }
            Step::Wait => election.lost(),
        }
        step
    }

    #[test]
    fn the_first_candidate_takes_a_lease_that_is_absent() {
        let (mut lease, mut a) = (None, candidate("a"));
        assert!(matches!(apply(&mut lease, &mut a, at(0)), Step::Create(_)));
        assert_eq!(a.may_write_until(), Some(at(10)));
    }

    #[test]
    fn the_second_waits_a_whole_lease_from_what_it_saw() {
        let mut lease = None;
        let (mut a, mut b) = (candidate("a"), candidate("b"));
        apply(&mut lease, &mut a, at(0));
        // B's clock started elsewhere: only the time since it first saw the record counts.
        assert_eq!(apply(&mut lease, &mut b, at(1000)), Step::Wait);
        assert_eq!(apply(&mut lease, &mut b, at(1014)), Step::Wait);
        assert!(matches!(
            apply(&mut lease, &mut b, at(1015)),
            Step::Update(_)
        ));
        assert_eq!(lease.map(|record| record.transitions), Some(1));
    }

    #[test]
    fn a_renewal_starts_the_wait_anew() {
        let mut lease = None;
        let (mut a, mut b) = (candidate("a"), candidate("b"));
        apply(&mut lease, &mut a, at(0));
        apply(&mut lease, &mut b, at(0));
        let step = a.step(lease.as_ref(), at(9), Timestamp::from_second(9).unwrap());
        let Step::Update(record) = step else {
            panic!("the holder renews")
        };
        lease = Some(record);
        assert_eq!(apply(&mut lease, &mut b, at(10)), Step::Wait);
        assert_eq!(apply(&mut lease, &mut b, at(24)), Step::Wait);
        assert!(matches!(apply(&mut lease, &mut b, at(25)), Step::Update(_)));
    }

    #[test]
    fn writing_ends_before_anybody_else_may_begin() {
        let mut lease = None;
        let (mut a, mut b) = (candidate("a"), candidate("b"));
        apply(&mut lease, &mut a, at(0));
        let end = a.may_write_until().unwrap();
        // The earliest moment for B is when it saw the record at the instant it was written.
        apply(&mut lease, &mut b, at(0));
        assert_eq!(apply(&mut lease, &mut b, end), Step::Wait);
        assert!(end < at(15));
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let mut lease = None;
        let (mut a, mut b) = (candidate("a"), candidate("b"));
        apply(&mut lease, &mut a, at(0));
        apply(&mut lease, &mut b, at(1));
        lease = a.release(Timestamp::UNIX_EPOCH);
        assert!(matches!(apply(&mut lease, &mut b, at(2)), Step::Update(_)));
        assert_eq!(
            b.release(Timestamp::UNIX_EPOCH).map(|r| r.holder),
            Some(String::new())
        );
        assert_eq!(
            a.step(lease.as_ref(), at(3), Timestamp::UNIX_EPOCH),
            Step::Wait
        );
    }
}
