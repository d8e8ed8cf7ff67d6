//! Shell. The plugin against a scripted key service, under paused time and over real sockets.

#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a test spawns ends with its runtime"
)]

mod laws;
mod outages;
mod races;
mod rotation;
mod scripted;
mod wire;
