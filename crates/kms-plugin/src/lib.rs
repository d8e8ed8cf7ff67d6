//! Shell. The KMS v2 plugin as a program: configuration, key services, wiring.
//!
//! A package of its own: Cargo resolves dependencies per package, so that a binary target of the
//! controller's package would compile and list all of the controller's dependencies. Here there is
//! no Kubernetes client to be found, and `tidegate kms` calls the same [`main`].

mod args;
mod aws;
mod azure;
mod config;
mod credentials;
mod files;
mod http;
mod local;
mod run;
mod transit;

pub use args::KmsArgs;
pub use run::main;
