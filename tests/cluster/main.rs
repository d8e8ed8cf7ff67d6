//! Shell. The controller with a real Vault, on a real kube-apiserver and etcd and on kubebox: one
//! body per behaviour, two API servers, a namespace per test.

#![cfg(test)]

#[macro_use]
mod support;

mod basics;
mod counts;
mod drift;
mod faults;
mod install;
mod policies;
mod replicas;
mod stores;
mod takeover;
mod templates;
