//! Seam. Permits for writes to the API server: the controller's adaptive limit stands behind it.

use std::time::Duration;

use futures::future::BoxFuture;

/// How one write ended, as far as a limit cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The server answered, with success or a refusal of its own.
    Answered,
    /// 429, with the pause it asks for.
    Throttled(Option<Duration>),
    /// No answer.
    Lost,
}

/// Gives permits.
pub trait Pace: Send + Sync {
    /// Waits until a write may start. Dropping the permit gives it back.
    fn acquire(&self) -> BoxFuture<'_, Box<dyn Permit>>;
    /// The most writes that can ever be in flight.
    fn most(&self) -> usize;
}

/// The right to one write.
pub trait Permit: Send {
    /// Tells how it ended.
    fn ended(self: Box<Self>, how: Ended);
}
