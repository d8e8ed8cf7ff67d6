//! Shell. Tidegate keeps native Kubernetes Secrets equal to what teams declare in ExternalSecrets.
#![doc = include_str!("README.md")]

pub mod admin;
pub mod cli;
pub mod client;
pub mod clock;
pub mod controller;
pub mod dev;
pub mod entropy;
pub mod lease;
pub mod metrics;
pub mod patch;
pub mod registry;
pub mod report;
pub mod run;
pub use tidegate_telemetry as telemetry;
