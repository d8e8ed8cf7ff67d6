//! Shell. The program on real servers: kube-apiserver, etcd, Vault, moto and a Key Vault of ours.

#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a test spawns ends with its runtime"
)]

mod apiserver;
mod aws;
mod azure;
mod cli;
mod plugin;
mod transit;
