//! Shell. The controller on the embedded API in one process, under virtual time and ordered faults.

#![cfg(test)]

mod support;

mod absence;
mod chaos;
mod faults;
mod lease;
mod limits;
mod polling;
