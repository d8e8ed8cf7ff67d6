//! Shell. The provider: keys in, one answer each, through one connection and one token.

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_contract::{
    ErrorKind, Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret,
    TokenSource, Validation,
};

use crate::config::KvMount;
use crate::connection::VaultConnection;

/// Reads in flight at once by default.
///
/// A read of Vault takes about a millisecond, so 64 in flight are some 10,000 reads a second: far
/// beyond what one controller asks for, and a small part of what one Vault node serves; it is also
/// the number of idle connections that are kept. The adaptive limits of `fetch` work below it.
const IN_FLIGHT: usize = 64;

/// A KV engine of Vault, seen with one identity.
#[derive(Debug)]
pub struct VaultProvider {
    connection: VaultConnection,
    mount: KvMount,
    tokens: Arc<dyn TokenSource>,
}

impl VaultProvider {
    /// A view of `mount` through `connection`, with the tokens of one identity.
    #[must_use]
    pub fn new(connection: VaultConnection, mount: KvMount, tokens: Arc<dyn TokenSource>) -> Self {
        Self {
            connection,
            mount,
            tokens,
        }
    }
}

#[async_trait]
impl Provider for VaultProvider {
    fn limits(&self) -> Limits {
        Limits {
            in_flight: IN_FLIGHT,
            keys_per_call: 1,
            rate: None,
        }
    }

    async fn fetch(&self, keys: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        let _ = (&self.connection, &self.mount, &self.tokens);
        keys.iter().map(|_| Err(unbuilt())).collect()
    }

    async fn list(&self, _filter: &Find) -> Result<Listing, ProviderError> {
        Err(unbuilt())
    }

    async fn validate(&self) -> Result<Validation, ProviderError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, "reads of Vault are not built yet")
}
