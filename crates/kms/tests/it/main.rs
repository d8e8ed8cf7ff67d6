//! Shell. The plugin against a scripted key service, under paused time and over real sockets.

mod outages;
mod races;
mod rotation;
mod scripted;
mod wire;
