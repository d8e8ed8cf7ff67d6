//! Shell. One HTTP layer under every call: bounded, zeroizing, deaf to the environment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use rustify::endpoint::Endpoint;
use tidegate_contract::{ErrorKind, ProviderError, SecretValue};

use crate::answer::Answer;
use crate::config::VaultConfig;
use crate::layer::Layer;
use crate::tls;

/// Idle connections kept for one Vault: as many as calls may be in flight.
const IDLE_CONNECTIONS: usize = 64;

/// How soon a dead HTTP/2 connection is noticed: everything goes over one, so waiting for each
/// request's own deadline would let them all fail in turn.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// A pool of connections to one Vault. Clones share the pool.
///
/// It belongs to one configuration: stores with equal configurations may share it, whatever their
/// identities, for it keeps no credential but the client certificate.
#[derive(Clone)]
pub struct VaultConnection(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) client: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) namespace: Option<HeaderValue>,
    pub(crate) max_body: usize,
}

impl VaultConnection {
    /// Makes a pool; nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid` when the address, a header, the CA bundle or the client certificate cannot be
    /// used; the text names which.
    pub fn new(config: &VaultConfig) -> Result<Self, ProviderError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&config.tls)?)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(config.timeouts.connect)
            .timeout(config.timeouts.request)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_ANSWERED_WITHIN);
        if !config.env_proxy {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| invalid("the connection cannot be set up").with_source(error))?;
        Ok(Self(Arc::new(Inner {
            client,
            base: base(&config.server)?,
            headers: headers(config)?,
            namespace: namespace(config.namespace.as_deref())?,
            max_body: config.max_body,
        })))
    }

    /// Sends one request and reads the answer to its end, whatever its status.
    ///
    /// An empty `token` sends none; `namespace` takes the place of the connection's own.
    ///
    /// # Errors
    /// `Unavailable` when there is no whole answer; `Invalid` when the request cannot be built.
    pub(crate) async fn ask<E: Endpoint>(
        &self,
        endpoint: E,
        token: Option<&SecretValue>,
        namespace: Option<&HeaderValue>,
    ) -> Result<Answer, ProviderError> {
        let layer = Layer {
            inner: &self.0,
            token,
            namespace: namespace.or(self.0.namespace.as_ref()),
        };
        match endpoint.exec(&layer).await {
            Ok(result) => Layer::answer(result.response),
            // Nothing was sent: the layer itself never fails towards rustify.
            Err(_) => Err(invalid("the path cannot be sent to Vault")),
        }
    }
}

impl fmt::Debug for VaultConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultConnection")
            .field("server", &self.0.base.as_str())
            .finish_non_exhaustive()
    }
}

/// The address with `/v1` behind it; user names, queries and fragments have no place in it.
fn base(server: &str) -> Result<Url, ProviderError> {
    let wrong = || invalid("the server's address is not an http or https URL");
    let mut url = Url::parse(server.trim()).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the server's address must not hold credentials"));
    }
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut()
        .map_err(|()| wrong())?
        .pop_if_empty()
        .push("v1");
    Ok(url)
}

fn headers(config: &VaultConfig) -> Result<HeaderMap, ProviderError> {
    let mut headers = HeaderMap::with_capacity(config.headers.len() + 2);
    for (name, value) in &config.headers {
        let wrong = || {
            ProviderError::new(
                ErrorKind::Invalid,
                format!("the header {name:?} is not valid"),
            )
        };
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        // A header of the user may well be a credential of a gateway.
        value.set_sensitive(true);
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?,
            value,
        );
    }
    headers.insert("x-vault-request", HeaderValue::from_static("true"));
    if config.forward_to_active {
        headers.insert(
            "x-vault-inconsistent",
            HeaderValue::from_static("forward-active-node"),
        );
    }
    Ok(headers)
}

/// The header of a namespace; an empty one is none.
pub(crate) fn namespace(name: Option<&str>) -> Result<Option<HeaderValue>, ProviderError> {
    name.filter(|name| !name.is_empty())
        .map(HeaderValue::from_str)
        .transpose()
        .map_err(|_| invalid("the Vault namespace is not a valid header value"))
}

fn invalid(public: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}
