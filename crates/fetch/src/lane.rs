//! Pure. Which work goes first.

/// Why a read is made, most urgent first. Permits are handed out by weight, 64:16:8:2:1, so that
/// no lane starves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// A new or edited object.
    Fresh,
    /// An object whose remote value changed.
    Changed,
    /// The first sync after a start.
    Bulk,
    /// Another try after a failure.
    Retry,
    /// A periodic poll.
    Refresh,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 5] = [
        Self::Fresh,
        Self::Changed,
        Self::Bulk,
        Self::Retry,
        Self::Refresh,
    ];

    /// A short stable word for metric labels.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Changed => "changed",
            Self::Bulk => "bulk",
            Self::Retry => "retry",
            Self::Refresh => "refresh",
        }
    }
}
