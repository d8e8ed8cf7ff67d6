//! Shell. The life of encryption at rest: make and check configurations, prove what etcd holds,
//! rewrite what is stale, rotate keys without downtime.
//!
//! The pure parts decide ([`config`], [`stored`], [`census`], [`rotation`]); the shells read etcd
//! ([`etcd`]), talk to API servers ([`cluster`]) and write files ([`files`]).

pub mod census;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod error;
pub mod etcd;
pub mod files;
pub mod gentle;
pub mod manifest;
pub mod metrics;
pub mod open;
pub mod pace;
mod plugin;
pub mod rewrite;
pub mod rotation;
pub mod seeds;
pub mod stored;
mod yaml;

pub use error::Failure;

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
