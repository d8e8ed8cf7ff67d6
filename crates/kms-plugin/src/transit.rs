//! Shell. A Transit key whose trust and client certificate are files, read anew when they change.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_contract::{
    KeyIdentity, KeyVersion, KeyWrapper, ProviderError, SecretValue, WrapError,
};
use tidegate_fetch::{Identity, Sessions};
use tidegate_kms::Endpoint;
use tidegate_provider_vault::{
    ClientCertificate, Timeouts, TlsConfig, TransitKey, VaultConfig, VaultConnection,
};

use crate::config::Transit;
use crate::credentials::{FileLogin, file};
use crate::files::FromFiles;

/// The largest answer of Transit that is read: a key with thousands of versions.
const MAX_BODY: usize = 1 << 20;
/// How long to wait for a connection; a call has its own, shorter deadline.
const CONNECT: Duration = Duration::from_secs(3);

/// One address of a Vault.
struct Reloading {
    name: String,
    address: String,
    transit: Transit,
    sessions: Sessions,
    key: FromFiles<TransitKey>,
}

/// The endpoints of a Transit key, one per address.
pub(crate) fn endpoints(name: &str, transit: &Transit, sessions: &Sessions) -> Vec<Endpoint> {
    let files = [
        &transit.ca_file,
        &transit.client_cert_file,
        &transit.client_key_file,
    ];
    let endpoint = |address: &String| Endpoint {
        name: host(address).to_owned(),
        wrapper: Arc::new(Reloading {
            name: name.to_owned(),
            address: address.clone(),
            transit: transit.clone(),
            sessions: sessions.clone(),
            key: FromFiles::new(files.into_iter().flatten().cloned().collect()),
        }),
    };
    transit.endpoints.iter().map(endpoint).collect()
}

/// What tells one address from another in metrics: no scheme, no path.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

impl Reloading {
    /// The key, with a new connection when a file changed.
    async fn key(&self) -> Result<Arc<TransitKey>, ProviderError> {
        self.key.get(self.connect()).await
    }

    async fn connect(&self) -> Result<TransitKey, ProviderError> {
        let transit = &self.transit;
        let mut config = VaultConfig::new(&self.address);
        config.namespace.clone_from(&transit.namespace);
        config.max_body = MAX_BODY;
        config.timeouts = Timeouts {
            connect: CONNECT,
            request: CONNECT,
        };
        config.tls = TlsConfig {
            ca_pem: match &transit.ca_file {
                Some(path) => Some(file(path).await?),
                None => None,
            },
            client: match (&transit.client_cert_file, &transit.client_key_file) {
                (Some(cert), Some(key)) => Some(ClientCertificate {
                    cert_pem: file(cert).await?,
                    key_pem: SecretValue::new(file(key).await?),
                }),
                _ => None,
            },
        };
        let connection = VaultConnection::new(&config)?;
        let namespace = transit.login_namespace.clone();
        let login = FileLogin::new(connection.clone(), transit.login.clone(), namespace);
        let identity = Identity::new(format!("{}@{}", self.name, self.address), 0, vec![], None);
        let tokens = self.sessions.open(&identity, Arc::new(login));
        TransitKey::new(
            connection,
            tokens,
            transit.namespace.as_deref().unwrap_or(""),
            (&transit.mount, &transit.key),
            transit.login_namespace.as_deref(),
        )
    }
}

#[async_trait]
impl KeyWrapper for Reloading {
    fn identity(&self) -> KeyIdentity {
        let Transit { mount, key, .. } = &self.transit;
        let namespace = self.transit.namespace.as_deref().unwrap_or("");
        KeyIdentity {
            kind: "transit",
            authority: namespace.trim_matches('/').to_owned(),
            key: format!("{}/{key}", mount.trim_matches('/')),
        }
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        self.key().await?.versions().await
    }

    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError> {
        self.key().await?.wrap(version, plaintext, context).await
    }

    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError> {
        self.key().await?.unwrap(version, wrapped, context).await
    }
}

impl fmt::Debug for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reloading({})", host(&self.address))
    }
}
