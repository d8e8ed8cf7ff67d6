//! Shell. Calls to backends: polling groups, joins, batches, limits, retries, sessions.
//!
//! [`Fetch::run`] reads remote keys for an object, [`Fetch::subscribe`] has them polled from then
//! on, and [`Fetch::next_wake`] tells which objects have something to do. Everything that decides
//! is a pure state machine (`engine` and below) whose only clock is an argument; `fetch` and
//! `session` are the thin shells that own tasks and timers.

mod answer;
mod backoff;
mod bell;
mod clock;
mod engine;
mod fetch;
mod fingerprint;
mod groups;
mod identity;
mod lane;
mod options;
mod permits;
mod session;
mod slab;
mod stats;
mod sync;

pub use answer::{
    Absence, Answer, Cause, FetchFailure, Read, Seen, Source, Subscription, Value, Wake,
};
pub use clock::{Clock, TokioClock};
pub use fetch::Fetch;
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use identity::{Credential, Endpoint, Identity};
pub use lane::Lane;
pub use options::FetchOptions;
pub use session::{SessionOptions, Sessions};
pub use stats::{EndpointStats, Gate, SessionStats, Stats};
