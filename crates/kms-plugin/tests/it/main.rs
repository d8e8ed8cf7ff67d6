//! Shell. The program on real servers: kube-apiserver, etcd and Vault.

#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a test spawns ends with its runtime"
)]

mod admin;
mod all_faults;
mod apiserver;
mod cli;
#[path = "../../benches/figures/client.rs"]
mod client;
mod laws;
mod manifests;
mod plugin;
mod takeover;
mod transit;
