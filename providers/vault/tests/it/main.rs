//! Shell. The Vault provider against a real Vault, and against answers no real Vault gives at will.

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
