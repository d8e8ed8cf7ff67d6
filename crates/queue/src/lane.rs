//! Pure. The five lanes, their weights, and the bounds of a queue.

use std::time::Duration;

/// The lanes, best first.
pub const LANES: [Lane; 5] = [
    Lane::Fresh,
    Lane::Changed,
    Lane::Bulk,
    Lane::Retry,
    Lane::Refresh,
];

/// How urgent a key is; the lesser lane is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A watch event after the initial list, while few others of its namespace wait here.
    Fresh,
    /// The backend's answer changed.
    Changed,
    /// The initial list, and watch events beyond [`Options::fresh_backlog`].
    Bulk,
    /// After a failure.
    Retry,
    /// Due by policy.
    Refresh,
}

impl Lane {
    /// Returns the name as metrics carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Changed => "changed",
            Self::Bulk => "bulk",
            Self::Retry => "retry",
            Self::Refresh => "refresh",
        }
    }

    /// Returns the position in [`LANES`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Turns per round of each lane, in the order of [`LANES`]; a zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights(pub [u16; LANES.len()]);

impl Default for Weights {
    /// 64 : 16 : 8 : 2 : 1, so a round has 91 turns and the last lane gets one of them.
    fn default() -> Self {
        Self([64, 16, 8, 2, 1])
    }
}

/// The bounds of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Turns per lane.
    pub weights: Weights,
    /// Keys of one namespace in [`Lane::Fresh`] beyond which further ones go to [`Lane::Bulk`].
    ///
    /// 32 covers what a person or a deployment creates at once; more is a bulk load.
    pub fresh_backlog: usize,
    /// Keys in work at once; none is handed out beyond it.
    pub max_in_work: usize,
    /// Keys of one namespace in work at once, so that one whose backend hangs leaves room.
    pub max_in_work_per_namespace: usize,
    /// After which pause a key goes again whose task ended without saying how (panic, cancel).
    pub abandoned_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            fresh_backlog: 32,
            max_in_work: 20_000,
            max_in_work_per_namespace: 15_000,
            abandoned_after: Duration::from_secs(10),
        }
    }
}
