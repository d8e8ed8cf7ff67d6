//! Shell. What the process denies itself: core dumps, and being read by a debugger.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Switches core dumps and attaching off. Call it before any key is in memory.
///
/// # Errors
/// When the system refuses.
pub fn forbid_dumps() -> std::io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// The users that may connect unless others are named: root and this process's own.
#[must_use]
pub fn default_uids() -> Vec<u32> {
    vec![0, rustix::process::geteuid().as_raw()]
}
