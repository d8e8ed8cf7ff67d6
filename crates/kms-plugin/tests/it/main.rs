//! Shell. The program on real servers: kube-apiserver, etcd, Vault, moto and a Key Vault of ours.

#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a test spawns ends with its runtime"
)]

mod admin;
mod all_faults;
mod apiserver;
mod aws;
mod azure;
mod cli;
#[path = "../../benches/figures/client.rs"]
mod client;
mod laws;
mod manifests;
mod plugin;
mod takeover;
mod transit;
