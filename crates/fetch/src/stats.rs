//! Pure. What the metrics module and the admin port can ask.

use std::time::Duration;

use crate::{Endpoint, Lane};

/// Counters since the start, and sizes now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Calls of `Provider::fetch` started.
    pub calls: u64,
    /// Keys asked in them; divided by `calls` it is the fill of batches.
    pub keys: u64,
    /// Reads that another reader's or a poll's call answered.
    pub joins: u64,
    /// Reads that an answer already held served.
    pub hits: u64,
    /// Polls that came due.
    pub polls: u64,
    /// Answers with the fingerprint known before.
    pub same: u64,
    /// Answers with another fingerprint.
    pub changed: u64,
    /// Calls that another attempt followed at once, by kind of failure in their place.
    pub retries: u64,
    /// Failures answered while a breaker was open, without a call.
    pub short_circuits: u64,
    /// Wakes put up; several for one object before it is served count once.
    pub wakes: u64,
    /// Keys polled now.
    pub groups: usize,
    /// Objects subscribed now.
    pub objects: usize,
    /// Values held now for readers to come.
    pub held: usize,
    /// Their bytes.
    pub held_bytes: usize,
    /// Reads waiting now.
    pub waiting: usize,
    /// Turns of the background task: it grows as long as the task lives.
    pub turns: u64,
    /// How far the most overdue thing is behind; grows when the background task is stuck.
    pub lag: Duration,
    /// One entry per endpoint, by name.
    pub endpoints: Vec<EndpointStats>,
}

/// One endpoint's limits and queues.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointStats {
    /// Which.
    pub endpoint: Endpoint,
    /// Calls in flight now.
    pub in_flight: usize,
    /// Calls in flight, at most.
    pub in_flight_limit: usize,
    /// Calls per second, at most, now.
    pub rate: f64,
    /// Keys that wait for a permit, by lane.
    pub queued: [(Lane, usize); 5],
    /// Calls started.
    pub calls: u64,
    /// Calls that the backend answered with push-back.
    pub throttled: u64,
    /// Calls that got no answer.
    pub unavailable: u64,
    /// Whether calls are let through.
    pub gate: Gate,
}

/// Whether calls to an endpoint are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// All of them, within the limits.
    Closed,
    /// None but one probe at a time, at most one a second.
    Open,
}

/// Sessions since the start, and now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Sessions in the table.
    pub open: usize,
    /// Logins tried.
    pub logins: u64,
    /// Logins that failed.
    pub login_failures: u64,
    /// Tokens prolonged.
    pub renewals: u64,
    /// Prolongations that failed (a login follows).
    pub renewal_failures: u64,
    /// Tokens ended by us.
    pub revocations: u64,
    /// Tokens held now that are ours to end.
    pub revocable: usize,
}
