//! Shell. The controller on a real kube-apiserver, etcd and Vault: one control plane, one
//! namespace or controller class per test.

#![cfg(test)]

mod support;

mod basics;
mod counts;
mod drift;
mod faults;
mod install;
mod policies;
mod stores;
mod takeover;
mod templates;
