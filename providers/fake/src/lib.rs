//! Shell. The provider whose values stand in its store.

mod entries;
mod handle;
mod provider;

pub use entries::FakeEntry;
pub use handle::FakeHandle;
pub use provider::{FakeProvider, FakeValidation};
