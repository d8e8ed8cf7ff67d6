//! Pure. The work queue: lanes, due times, one task per key.
