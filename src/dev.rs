//! Shell. `tidegate dev`: manifests in, an embedded API, and what became of them on a screen.
//!
//! Reading files, talking to the API and drawing are thin shells; what a document says, what to
//! apply, what a row shows and when `--once` ends are pure.

pub mod cluster;
pub mod cure;
pub mod fault;
pub mod files;
pub mod home;
pub mod live;
pub mod manifest;
pub mod merge;
pub mod observe;
pub mod once;
pub mod patience;
pub mod print;
pub mod redact;
pub mod screen;
pub mod stdin;
pub mod sync;
pub mod table;
pub mod view;
pub mod wanted;
