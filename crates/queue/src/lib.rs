//! Pure. The work queue: lanes, due times, fairness between namespaces, one task per key.
//!
//! [`Queue`] decides and holds no clock: every call takes `now` as a duration since a start that
//! the caller chooses. [`WorkQueue`] shares one between tasks and waits.
//!
//! *Guarantees*
//! - A key is at most once queued or delayed, and at most once in work.
//! - A key that is added while in work goes again afterwards, in the best lane asked for.
//! - Lanes share turns by weight; no lane with work is skipped for ever, no turn is left unused.
//! - Within a lane namespaces take turns; within a namespace keys go first in, first out.

mod entry;
mod heap;
mod key;
mod lane;
mod list;
mod queue;
mod shell;
mod spaces;
mod stats;
mod sync;
mod ticket;
mod turns;

pub use entry::{Requeue, State, Work};
pub use key::{Key, Merge, Reasons};
pub use lane::{LANES, Lane, Options, Weights};
pub use queue::Queue;
pub use shell::WorkQueue;
pub use stats::{LaneStats, Stats};
pub use ticket::Ticket;
