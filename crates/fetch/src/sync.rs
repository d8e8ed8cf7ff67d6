//! Seam. The lock that `bell` stands on; the loom test puts loom's in its place.

pub(crate) use std::sync::Mutex;
