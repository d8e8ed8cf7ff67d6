//! Shell. One HTTP/2 connection to an API server, dialled when needed: many watches, one socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tower::{BoxError, Layer};

/// Longest wait for TCP and TLS.
const DIAL: Duration = Duration::from_secs(10);

/// A service over one connection; clones share it. A broken connection is dialled again by the
/// next request.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: Arc<rustls::ClientConfig>,
    sender: Mutex<Option<SendRequest<Body>>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Makes clients with connections of their own; TLS settings are read once for all.
#[derive(Clone, Debug)]
pub struct Dialler {
    config: Arc<Config>,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Dialler {
    /// Takes a cluster's configuration.
    ///
    /// # Errors
    /// When its certificates cannot be used.
    pub fn new(config: Config) -> Result<Self, kube::Error> {
        // HTTP/2 needs TLS to be agreed on; proxies are kube's business.
        let plain = config.cluster_url.scheme_str() != Some("https");
        let tls = if plain || config.proxy_url.is_some() {
            None
        } else {
            let mut tls = config.rustls_client_config()?;
            tls.alpn_protocols = vec![b"h2".to_vec()];
            Some(Arc::new(tls))
        };
        Ok(Self {
            config: Arc::new(config),
            tls,
        })
    }

    /// A client with a connection of its own.
    ///
    /// # Errors
    /// When the configuration's credentials cannot be used.
    pub fn client(&self) -> Result<Client, kube::Error> {
        let config = &self.config;
        let Some(link) = self.tls.as_ref().and_then(|tls| self.link(tls)) else {
            return Client::try_from(Config::clone(config));
        };
        let namespace = config.default_namespace.clone();
        let base = config.base_uri_layer();
        Ok(match config.auth_layer()? {
            Some(auth) => Client::new(base.layer(auth.layer(link)), namespace),
            None => Client::new(base.layer(link), namespace),
        })
    }

    fn link(&self, tls: &Arc<rustls::ClientConfig>) -> Option<Link> {
        let url = &self.config.cluster_url;
        let host = url.host()?.trim_matches(['[', ']']).to_owned();
        let name = self.config.tls_server_name.as_ref().unwrap_or(&host);
        Some(Link(Arc::new(Inner {
            name: ServerName::try_from(name.clone()).ok()?,
            port: url.port_u16().unwrap_or(443),
            host,
            tls: Arc::clone(tls),
            sender: Mutex::new(None),
        })))
    }
}

impl Inner {
    async fn sender(&self) -> Result<SendRequest<Body>, BoxError> {
        let mut sender = self.sender.lock().await;
        if let Some(open) = sender.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let dialled = tokio::time::timeout(DIAL, self.dial()).await;
        let fresh = dialled.map_err(|_| "no connection within 10 s")??;
        *sender = Some(fresh.clone());
        Ok(fresh)
    }

    async fn dial(&self) -> Result<SendRequest<Body>, BoxError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(self.name.clone(), stream).await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .handshake(TokioIo::new(stream))
            .await?;
        // The connection lives as long as a sender or an answer does,
        // and hyper ends it by itself when both are gone.
        TokioExecutor::new().execute(async {
            let _broken = connection.await;
        });
        Ok(sender)
    }
}

impl tower::Service<Request<Body>> for Link {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let mut sender = inner.sender().await?;
            sender.ready().await?;
            Ok(sender.send_request(request).await?)
        })
    }
}
