//! Pure. Plan, render, diff, status and schedule: every decision about a Secret, without I/O.
//!
//! The shell takes a snapshot ([`Observed`]) and walks one way:
//! [`plan()`] → backends → [`render()`] → [`diff()`] → [`ShrinkGuard::judge`] → API server →
//! [`Change::conclude`] → [`status()`] and [`schedule()`]. Nothing here waits, reads a clock or
//! draws a random number: both come in as [`Env`]. A decision is a value with a reason.

mod buffer;
mod diff;
mod digest;
mod guard;
mod key;
mod observed;
mod outcome;
mod patch;
mod plan;
mod render;
mod schedule;
mod status;
pub mod store;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod walk;

pub use diff::{
    Action, Change, DataHash, Intent, Orphan, Precondition, Removal, UpdateSecret, Why, diff,
    merge, text_hash,
};
pub use digest::{Annotated, Field, Labelled, Managers, OwnerRef, TargetDigest, ValueHash};
pub use guard::{ShrinkGuard, Verdict};
pub use key::{Env, ObjectKey, StoreKey};
pub use observed::{
    Config, Heartbeat, Memory, NamespaceView, Observed, StoreFault, StoreView, TargetView, Trigger,
    status_is_ours,
};
pub use outcome::{
    Again, Applied, ApplyFailure, IdleReason, MissingEntry, Outcome, Ready, Retry, SyncError,
    Synced, Written,
};
pub use patch::SecretBytes;
pub use plan::{
    Cleanup, DropFinalizer, Entry, ForeignReason, Plan, PlannedRead, ReadPlan, ReadWhy, plan,
    planned_reads, revision,
};
pub use render::{
    Desired, FetchFailure, Offline, Rendered, Seed, Shape, TemplateSourceKey, TemplateSourceKind,
    TemplateSources, Templates, render, template_sources,
};
pub use schedule::{Lane, Next, Polling, Requeue, schedule};
pub use status::{EventKind, EventSpec, Report, Urgency, status};
