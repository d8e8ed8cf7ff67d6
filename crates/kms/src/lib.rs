//! Shell. A KMS v2 plugin for kube-apiserver that survives outages of its key service.
//!
//! Everything that decides is a pure state machine whose clock is an argument; the shells own
//! sockets, tasks and timers. A key service is one or more endpoints, each a
//! [`tidegate_contract::KeyWrapper`]; nothing here knows a Kubernetes client.
//!
//! ```text
//! API server --Unix socket--> server ─> grpc ─> service ──> endpoints
//!                             who may           state, race, joins, memory
//! ```

pub mod admin;
mod arena;
mod breaker;
mod clock;
pub mod contact;
mod digest;
mod envelope;
mod foreign;
mod grpc;
mod hedge;
mod hpack;
mod inspect;
mod kept;
mod key_id;
pub mod laws;
mod local;
mod metrics;
mod pin;
mod preface;
pub mod process;
pub mod proto;
mod race;
mod refusal;
mod schedule;
mod seal;
pub mod server;
mod service;
mod socket;
mod versions;

pub use clock::Clock;
pub use digest::sha256_hex;
pub use envelope::Annotations;
pub use local::LocalKeys;
pub use metrics::Metrics;
pub use pin::Pin;
pub use refusal::Refusal;
pub use service::{Endpoint, Envelope, KeyService, Options, Told, Wrapped};
pub use socket::{Socket, SocketError};
