//! Shell. The program on real servers: kube-apiserver, etcd, Vault and moto.

#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a test spawns ends with its runtime"
)]

mod apiserver;
mod aws;
mod cli;
mod plugin;
mod transit;
