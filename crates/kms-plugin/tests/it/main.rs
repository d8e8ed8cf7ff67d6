//! Shell. The program on real servers: kube-apiserver, etcd and Vault.

#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a test spawns ends with its runtime"
)]

mod apiserver;
mod cli;
mod plugin;
mod transit;
