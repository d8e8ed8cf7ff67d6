//! Shell. The load tester as a user runs it: small storms on both API servers, and what goes wrong.

#![cfg(test)]

mod cluster;
mod embedded;
mod endings;
mod pacing;
mod real_store;
mod refused;
mod support;
