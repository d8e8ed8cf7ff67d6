//! Shell. The Vault provider against a real Vault, and against answers no real Vault gives at will.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod denied;
mod hand;
mod laws;
mod logins;
mod loopback;
mod proxies;
mod reads;
mod tls;
mod wire;
mod wire_logins;
