//! Shell. `tidegate encryption` as a user runs it: a program, real kube-apiservers, a real etcd.

#![cfg(test)]

mod support;

mod backup;
mod check;
mod crowd;
mod plugin;
mod rewrite;
mod rotate;
mod status;
mod verify;
