//! Pure. Limits that one look-up may not pass, whatever path and document it gets.
//!
//! Paths come from tenants and documents from backends; neither may cost more than this.

use std::fmt;

/// Bytes of document and path one look-up may scan, all repetitions counted: some 200 ms of
/// work. A path without queries or modifiers scans each byte once, and backends store at most
/// 1 MiB a secret.
const SCANNED_MAX: u64 = 64 << 20;

/// What a look-up inside a look-up costs besides the bytes it scans.
const LOOKUP_COST: u64 = 32;

/// Bytes one look-up may produce by queries, multipaths and modifiers, all stages added.
const PRODUCED_MAX: u64 = 16 << 20;

/// Look-ups inside look-ups (queries, multipaths, `#.x`, `@dig`): bounds the stack.
const NESTING_MAX: u32 = 64;

/// Components a plain path may descend: bounds the memory of the way back.
pub(crate) const DESCENT_MAX: usize = 4096;

/// Says which limit a look-up would have passed. It tells nothing of what the document holds,
/// not even whether the property is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitError {
    /// The path nests or descends too deep.
    Depth,
    /// The path reads the document too many times.
    Scanned,
    /// The path makes too large a result.
    Produced,
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "path is nested too deep",
            Self::Scanned => "path reads the document too many times",
            Self::Produced => "path makes too large a result",
        })
    }
}

impl std::error::Error for LimitError {}

/// What is left of each limit.
pub(crate) struct Budget {
    scanned: u64,
    produced: u64,
    nesting: u32,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            scanned: SCANNED_MAX,
            produced: PRODUCED_MAX,
            nesting: NESTING_MAX,
        }
    }

    /// Takes `bytes` and one step off what may be scanned.
    pub(crate) fn scan(&mut self, bytes: usize) -> Result<(), LimitError> {
        let cost = (bytes as u64).saturating_add(1);
        self.scanned = self.scanned.checked_sub(cost).ok_or(LimitError::Scanned)?;
        Ok(())
    }

    /// Takes `bytes` off what may be produced.
    pub(crate) fn produce(&mut self, bytes: usize) -> Result<(), LimitError> {
        self.produced = self
            .produced
            .checked_sub(bytes as u64)
            .ok_or(LimitError::Produced)?;
        Ok(())
    }

    /// Enters a look-up inside a look-up; `leave` gives the level back.
    pub(crate) fn enter(&mut self) -> Result<(), LimitError> {
        self.scanned = self
            .scanned
            .checked_sub(LOOKUP_COST)
            .ok_or(LimitError::Scanned)?;
        self.nesting = self.nesting.checked_sub(1).ok_or(LimitError::Depth)?;
        Ok(())
    }

    /// Leaves what `enter` entered.
    pub(crate) fn leave(&mut self) {
        self.nesting += 1;
    }
}
