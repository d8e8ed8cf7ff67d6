//! Seam. A provider for the state machine, which only asks it for its limits.

use async_trait::async_trait;
use tidegate_contract::{
    ErrorKind, Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret, Validation,
};

/// A provider that only has limits: the world makes the answers.
#[derive(Debug)]
pub(super) struct Limited(pub(super) Limits);

#[async_trait]
impl Provider for Limited {
    fn limits(&self) -> Limits {
        self.0
    }
    async fn fetch(&self, _: &[RemoteKey]) -> Vec<Result<RemoteSecret, ProviderError>> {
        Vec::new()
    }
    async fn list(&self, _: &Find) -> Result<Listing, ProviderError> {
        Err(ProviderError::new(ErrorKind::Invalid, "not here"))
    }
    async fn validate(&self) -> Result<Validation, ProviderError> {
        Ok(Validation::Ready)
    }
}
