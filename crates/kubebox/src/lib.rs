//! Shell. An in-memory Kubernetes API: a tower service under a client, or a loopback server.

mod access;
mod body;
mod clock;
mod engine;
mod fault;
mod kubebox;
mod kubeconfig;
mod options;
mod record;
mod serve;
mod service;
mod stream;

pub use access::Access;
pub use body::{Body, Reset};
pub use clock::{Clock, TokioClock};
pub use engine::Verb;
pub use fault::{Fault, FaultRule};
pub use kubebox::Kubebox;
pub use kubeconfig::{kubeconfig, write_kubeconfig};
pub use options::Options;
pub use record::RequestRecord;
