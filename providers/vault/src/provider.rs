//! Shell. The provider: keys in, one answer each, through one connection and one token.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use http::HeaderValue;
use rustify::endpoint::Endpoint;
use tidegate_contract::{
    ErrorKind, Find, Limits, Listing, Provider, ProviderError, RemoteKey, RemoteSecret,
    SecretValue, TokenSource, Validation,
};
use vaultrs::api::sys::requests::ReadHealthRequest;
use vaultrs::api::token::requests::LookupTokenSelfRequest;
use vaultrs::api::{kv1, kv2};

use crate::answer::Answer;
use crate::config::{KvMount, KvVersion};
use crate::connection::{VaultConnection, namespace};
use crate::path::{self, KvPath};
use crate::probe::Probe;
use crate::{find, kv};

/// Reads in flight at once by default.
///
/// Calls in flight hide the way to Vault: at 20 ms there and back, 64 are 3,200 reads a second,
/// more than the polls of one controller need. Where Vault is near, 8 keep it busy already (2,000
/// reads from a Vault on the same machine took as long with 8 in flight as with 128), and the
/// adaptive limits of `fetch` find that. It is also the number of idle connections that are kept.
const IN_FLIGHT: usize = 64;

/// Calls that one `fetch` or `list` of its own accord keeps in flight.
pub(crate) const FAN_OUT: usize = 8;

/// A KV engine of Vault, seen with one identity.
///
/// # Guarantees
/// No retries, no cache of values, no login: a token that Vault no longer knows is reported to the
/// token source and the call fails as `Unauthenticated`.
#[derive(Debug)]
pub struct VaultProvider {
    connection: VaultConnection,
    mount: KvMount,
    tokens: Arc<dyn TokenSource>,
    token_namespace: Option<HeaderValue>,
    probe: Probe,
}

impl VaultProvider {
    /// A view of `mount` through `connection`, with the tokens of one identity.
    #[must_use]
    pub fn new(connection: VaultConnection, mount: KvMount, tokens: Arc<dyn TokenSource>) -> Self {
        Self {
            connection,
            mount,
            tokens,
            token_namespace: None,
            probe: Probe::default(),
        }
    }

    /// Names the Vault namespace that the tokens are from (`auth.namespace`), where it differs from
    /// the connection's: only there may a token look at itself.
    ///
    /// # Errors
    /// `Invalid` when the name cannot be sent.
    pub fn with_login_namespace(mut self, name: Option<&str>) -> Result<Self, ProviderError> {
        self.token_namespace = namespace(name)?;
        Ok(self)
    }

    async fn read(&self, key: &RemoteKey) -> Result<RemoteSecret, ProviderError> {
        let what = format!("reading {:?}", key.to_string());
        let place = path::of_key(&self.mount, &key.key)?;
        if key.metadata {
            let flat = self.metadata(place, &what).await?;
            return Ok(kv::metadata_secret(&flat));
        }
        let version = self.mount.version;
        let answer = match version {
            KvVersion::V1 => {
                let KvPath { mount, path } = place;
                let endpoint = kv1::requests::GetSecretRequest { mount, path };
                self.ask(endpoint, &what).await?
            }
            KvVersion::V2 => {
                let KvPath { mount, path } = place;
                let version = number(key.version.as_deref())?;
                let endpoint = kv2::requests::ReadSecretRequest {
                    mount,
                    path,
                    version,
                };
                self.ask(endpoint, &what).await?
            }
        };
        kv::secret(&answer, version, &what)
    }

    /// The flat metadata of the secret at `place`.
    pub(crate) async fn metadata(
        &self,
        place: KvPath,
        what: &str,
    ) -> Result<std::collections::BTreeMap<String, String>, ProviderError> {
        if self.mount.version == KvVersion::V1 {
            return Err(ProviderError::new(
                ErrorKind::Invalid,
                "KV version 1 has no metadata",
            ));
        }
        let KvPath { mount, path } = place;
        let endpoint = kv2::requests::ReadSecretMetadataRequest { mount, path };
        kv::metadata(&self.ask(endpoint, what).await?, what)
    }

    /// The names in one folder.
    pub(crate) async fn names(&self, place: KvPath) -> Result<Vec<String>, ProviderError> {
        let KvPath { mount, path } = place;
        let what = format!("listing {path:?} of {mount:?}");
        let answer = match self.mount.version {
            KvVersion::V1 => {
                let endpoint = kv1::requests::ListSecretRequest { mount, path };
                self.ask(endpoint, &what).await?
            }
            KvVersion::V2 => {
                let endpoint = kv2::requests::ListSecretsRequest { mount, path };
                self.ask(endpoint, &what).await?
            }
        };
        kv::names(&answer, &what)
    }

    pub(crate) const fn mount(&self) -> &KvMount {
        &self.mount
    }

    /// Sends a request with the identity's token and turns each status without success into the
    /// failure it means.
    async fn ask<E: Endpoint>(&self, endpoint: E, what: &str) -> Result<Answer, ProviderError> {
        let token = self.tokens.token().await?;
        let answer = self.connection.ask(endpoint, Some(&token), None).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        let failure = answer.failure(what);
        match failure.kind() {
            ErrorKind::Denied => {
                let namespace = self.token_namespace.as_ref();
                let kind = self.probe.kind(&self.connection, &token, namespace).await?;
                match kind {
                    ErrorKind::Unauthenticated => Err(self.unknown(&token).await),
                    _ => Err(failure),
                }
            }
            ErrorKind::Unauthenticated => Err(self.unknown(&token).await),
            _ => Err(failure),
        }
    }

    /// Tells the token source that its token is no good any more.
    async fn unknown(&self, token: &SecretValue) -> ProviderError {
        self.tokens.rejected(token).await;
        ProviderError::new(
            ErrorKind::Unauthenticated,
            "Vault does not accept the token",
        )
    }
}

/// The number of a version; `None` is the latest.
fn number(version: Option<&str>) -> Result<Option<u64>, ProviderError> {
    version
        .filter(|version| !version.is_empty())
        .map(str::parse)
        .transpose()
        .map_err(|_| ProviderError::new(ErrorKind::Invalid, "a version of KV 2 is a number"))
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
        let reads: Vec<_> = keys.iter().map(|key| self.read(key)).collect();
        stream::iter(reads).buffered(FAN_OUT).collect().await
    }

    async fn list(&self, filter: &Find) -> Result<Listing, ProviderError> {
        find::list(self, filter).await
    }

    /// Looks at the token, or, without a login, at the health of Vault.
    async fn validate(&self) -> Result<Validation, ProviderError> {
        let token = self.tokens.token().await?;
        if token.is_empty() {
            return self.health().await;
        }
        let namespace = self.token_namespace.as_ref();
        let answer = self
            .connection
            .ask(LookupTokenSelfRequest {}, Some(&token), namespace)
            .await?;
        match answer.status {
            // A proxy's page may well come with 200; Vault's answer has a payload.
            _ if answer.is_success() && answer.envelope()?.data.is_some() => Ok(Validation::Ready),
            401 | 403 => Err(self.unknown(&token).await),
            200..=299 => Err(kv::odd("looking up the token")),
            _ => Err(answer.failure("looking up the token")),
        }
    }
}

impl VaultProvider {
    /// 200, 429 and 473 are nodes that serve: active, standby, performance standby.
    async fn health(&self) -> Result<Validation, ProviderError> {
        let answer = self
            .connection
            .ask(ReadHealthRequest::default(), None, None)
            .await?;
        match answer.status {
            200 | 429 | 473 => Ok(Validation::Ready),
            _ => Err(answer.failure("looking at its health")),
        }
    }
}
