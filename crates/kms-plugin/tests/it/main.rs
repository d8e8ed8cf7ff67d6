//! Shell. The program on real servers: kube-apiserver, etcd and Vault.

mod apiserver;
mod cli;
mod plugin;
mod transit;
