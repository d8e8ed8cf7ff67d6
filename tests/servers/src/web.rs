//! Shell. An HTTP server of the harness's own, with or without TLS, on a free port of loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::ServerError;
use crate::pki::ServerCertificate;
use crate::rt;

/// A client that opens a connection and says nothing holds up the next one for so long.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A free port, taken.
pub(crate) struct Taken {
    pub(crate) port: u16,
    listener: TcpListener,
}

/// Takes a free port, so that addresses can be told before anything is served.
pub(crate) async fn take() -> Result<Taken, ServerError> {
    let failed = || "listen on loopback".to_owned();
    let bound = rt::detached(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).await?;
    let listener = bound.map_err(ServerError::io(failed))?;
    let port = listener
        .local_addr()
        .map_err(ServerError::io(failed))?
        .port();
    Ok(Taken { port, listener })
}

impl Taken {
    /// Serves `app` until the answer is dropped.
    pub(crate) fn serve(
        self,
        app: Router,
        certificate: Option<&ServerCertificate>,
    ) -> Result<Served, ServerError> {
        let (port, listener) = (self.port, self.listener);
        let acceptor = certificate.map(acceptor).transpose()?;
        let task = rt::spawn(async move {
            // It never ends by itself: accepting goes on after every failure.
            let _ended = match acceptor {
                None => axum::serve(listener, app).await,
                Some(acceptor) => axum::serve(Tls { listener, acceptor }, app).await,
            };
        })?;
        Ok(Served { port, task })
    }
}

fn acceptor(certificate: &ServerCertificate) -> Result<TlsAcceptor, ServerError> {
    let wrong = |what: &str| ServerError::Usage(format!("the test certificate: {what}"));
    let pem = certificate.certificate_pem.as_bytes();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| wrong(&error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes());
    let key = key.map_err(|error| wrong(&error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, addr) = Listener::accept(&mut self.listener).await;
            let shaken = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = shaken {
                return (stream, addr);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
