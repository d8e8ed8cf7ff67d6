//! Shell. Who may reach a loopback server: its token, and the certificate it proves itself with.

use std::fmt;
use std::io;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The bearer token and the TLS identity of one server.
///
/// TLS is no luxury on loopback: kubectl sends no token over plain HTTP.
#[derive(Clone)]
pub struct Access {
    token: Arc<str>,
    certificate: Arc<str>,
    tls: Arc<ServerConfig>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    /// Takes a token, which the caller draws at random, and makes a fresh self-signed certificate
    /// for loopback names and addresses.
    ///
    /// # Errors
    /// Fails when the token could not stand in a header, or no certificate can be made.
    pub fn new(token: impl Into<String>) -> io::Result<Self> {
        let token = token.into();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            let text = "a token is printable ASCII without spaces";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            token: token.into(),
            certificate: cert.pem().into(),
            tls: Arc::new(config),
        })
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The certificate in PEM, for clients to trust.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.tls))
    }
}
