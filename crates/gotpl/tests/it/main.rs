//! Shell. The tests of the engine from outside: Go's answers, hostile input, what it tells.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod crypto;
mod functions;
mod fuzz;
mod generated;
mod go;
mod go_pki;
mod hostile;
mod oracle;
mod pki;
mod support;
mod tells;
