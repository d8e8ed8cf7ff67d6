//! Shell. `tidegate dev` as a user meets it: the binary, its files, its output, its API.

#![cfg(test)]

mod bad_input;
mod live;
mod once;
mod support;
