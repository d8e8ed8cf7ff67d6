//! Shell. The controller on the embedded API in one process, under virtual time and ordered faults.

#![cfg(test)]

mod support;

mod absence;
// Its storms take an optimized build: `cargo test --release -p tidegate --test it chaos`.
#[cfg_attr(debug_assertions, allow(dead_code))]
mod chaos;
mod faults;
mod lease;
mod polling;
