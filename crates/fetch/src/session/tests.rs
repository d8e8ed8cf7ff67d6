//! Shell. Sessions on paused time.
