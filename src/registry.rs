//! Shell. Resolved configuration to provider: the one place that knows every backend.

use std::sync::Arc;

use tidegate_contract::{Provider, ProviderError, SecretValue, TokenSource};
use tidegate_fetch::{Endpoint, Identity, Sessions, Source};
use tidegate_provider_fake::{FakeEntry, FakeProvider, FakeValidation};
use tidegate_provider_vault::{
    NoAuth, VaultAuthenticator, VaultConfig, VaultConnection, VaultProvider,
};

use crate::controller::credentials::{ProviderConfig, Resolved, VaultSettings};
use crate::controller::relations::StoreId;

/// Connections that providers of one store may share.
#[derive(Debug, Default)]
pub struct Connections(Vec<(VaultConfig, VaultConnection)>);

/// Connections kept for one store, at most: one per distinct client certificate.
const MAX_CONNECTIONS: usize = 64;

impl Connections {
    fn get(&mut self, config: &VaultConfig) -> Result<VaultConnection, ProviderError> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == config) {
            return Ok(known.clone());
        }
        let made = VaultConnection::new(config)?;
        if self.0.len() >= MAX_CONNECTIONS {
            self.0.remove(0);
        }
        self.0.push((config.clone(), made.clone()));
        Ok(made)
    }
}

/// Makes the backend of a `fake` store from the store and its entries.
type MakeFake = dyn Fn(&StoreId, Vec<FakeEntry>, FakeValidation) -> Arc<dyn Provider> + Send + Sync;

/// Who makes the backends of `fake` stores: the fake provider, unless a test brings its own.
#[derive(Clone)]
pub struct Fakes(Arc<MakeFake>);

impl Fakes {
    /// Backends by another hand.
    #[must_use]
    pub fn new(
        make: impl Fn(&StoreId, Vec<FakeEntry>, FakeValidation) -> Arc<dyn Provider>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }
}

impl Default for Fakes {
    fn default() -> Self {
        Self::new(|_, data, validation| Arc::new(FakeProvider::new(data, validation)))
    }
}

impl std::fmt::Debug for Fakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fakes")
    }
}

/// Makes the backend of a resolved store, as one identity sees it.
///
/// # Errors
/// `Invalid` when the configuration cannot be used; the text names the part.
pub fn source(
    store: &StoreId,
    identity: Identity,
    resolved: Resolved,
    sessions: &Sessions,
    connections: &mut Connections,
    fakes: &Fakes,
) -> Result<Source, ProviderError> {
    match resolved.config {
        ProviderConfig::Fake(fake) => {
            let entries = fake.data.into_iter().map(|data| FakeEntry {
                key: data.key,
                value: SecretValue::from(data.value),
                version: data.version.unwrap_or_default(),
            });
            let validation = FakeValidation::from_number(fake.validation_result);
            Ok(Source {
                identity,
                endpoint: Endpoint::new(&format!("fake:{store}")),
                provider: (fakes.0)(store, entries.collect(), validation),
            })
        }
        ProviderConfig::Vault(settings) => vault(*settings, identity, sessions, connections),
    }
}

fn vault(
    settings: VaultSettings,
    identity: Identity,
    sessions: &Sessions,
    connections: &mut Connections,
) -> Result<Source, ProviderError> {
    let connection = connections.get(&settings.config)?;
    let tokens: Arc<dyn TokenSource> = match settings.login {
        None => Arc::new(NoAuth),
        Some(login) => {
            let namespace = settings.login_namespace.as_deref();
            let login = VaultAuthenticator::new(connection.clone(), login, namespace)?;
            sessions.open(&identity, Arc::new(login))
        }
    };
    let endpoint = endpoint(&settings.config);
    let provider = VaultProvider::new(connection, settings.mount, tokens)
        .with_login_namespace(settings.login_namespace.as_deref())?;
    let provider = Arc::new(provider);
    Ok(Source {
        identity,
        endpoint,
        provider,
    })
}

/// Host, port and Vault namespace: what a limit belongs to.
fn endpoint(config: &VaultConfig) -> Endpoint {
    let uri: Result<http::Uri, _> = config.server.parse();
    let host = uri
        .ok()
        .and_then(|uri| uri.authority().map(|a| host_of(a.as_str()).to_owned()));
    let host = host.unwrap_or_else(|| "unparsable".to_owned());
    match config
        .namespace
        .as_deref()
        .filter(|namespace| !namespace.is_empty())
    {
        Some(namespace) => Endpoint::new(&format!("{host}/{namespace}")),
        None => Endpoint::new(&host),
    }
}

/// An authority without its user part, which might carry a password.
fn host_of(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}
