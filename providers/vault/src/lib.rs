//! Shell. HashiCorp Vault and OpenBao, KV version 1 and 2.
//!
//! ```text
//! VaultConfig ──> VaultConnection ──┬─> VaultAuthenticator(Login)   one login per identity
//!                                   └─> VaultProvider(KvMount, TokenSource)
//! ```
//!
//! [`TransitKey`] is a key of the Transit engine, for the KMS plugin.
//!
//! The session layer of `tidegate-fetch` turns a [`VaultAuthenticator`] into the token source of a
//! [`VaultProvider`]; a store without credentials uses [`NoAuth`].

mod answer;
mod authenticator;
mod body;
mod config;
mod connection;
mod fault;
mod find;
mod kv;
mod layer;
mod login;
mod path;
mod probe;
mod provider;
mod request;
mod tls;
mod transit;

pub use authenticator::{GivenJwt, NoAuth, VaultAuthenticator};
pub use config::{
    ClientCertificate, DEFAULT_MAX_BODY, KvMount, KvVersion, Timeouts, TlsConfig, VaultConfig,
};
pub use connection::VaultConnection;
pub use login::Login;
pub use provider::VaultProvider;
pub use transit::TransitKey;
