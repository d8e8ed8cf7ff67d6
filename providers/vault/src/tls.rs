//! Shell. Trust and client certificates from PEM in memory, with one crypto provider by name.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::BuilderVerifierExt;
use tidegate_contract::{ErrorKind, ProviderError};

use crate::config::{ClientCertificate, TlsConfig};

/// Certificates in one bundle, at most: the largest public root programs hold about 150.
const MAX_ROOTS: usize = 2_000;

/// Builds rustls' view of `tls`.
///
/// # Errors
/// `Invalid`, naming the part that cannot be used and nothing of its content.
pub(crate) fn client_config(tls: &TlsConfig) -> Result<ClientConfig, ProviderError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = trust(provider, tls.ca_pem.as_deref())?;
    let mut config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some(client) => with_client(builder, client)?,
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn trust(
    provider: Arc<CryptoProvider>,
    ca_pem: Option<&[u8]>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, ProviderError> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("TLS cannot be set up").with_source(error))?;
    let Some(pem) = ca_pem else {
        return builder.with_platform_verifier().map_err(|error| {
            ProviderError::new(
                ErrorKind::Unavailable,
                "the system's root certificates cannot be read",
            )
            .with_source(error)
        });
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem).take(MAX_ROOTS) {
        let certificate =
            certificate.map_err(|error| invalid("the CA bundle is not PEM").with_source(error))?;
        roots.add(certificate).map_err(|error| {
            invalid("the CA bundle holds a certificate that cannot be used").with_source(error)
        })?;
    }
    if roots.is_empty() {
        return Err(invalid("the CA bundle holds no certificate"));
    }
    Ok(builder.with_root_certificates(roots))
}

fn with_client(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    client: &ClientCertificate,
) -> Result<ClientConfig, ProviderError> {
    let chain = CertificateDer::pem_slice_iter(&client.cert_pem)
        .take(MAX_ROOTS)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid("the client certificate is not PEM").with_source(error))?;
    if chain.is_empty() {
        return Err(invalid("the client certificate is not PEM"));
    }
    // The cause may quote the file, and this one is a private key: it is dropped.
    let key = PrivateKeyDer::from_pem_slice(client.key_pem.expose())
        .map_err(|_| invalid("the client key is not an unencrypted private key in PEM"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|_| invalid("the client certificate and its key do not belong together"))
}

fn invalid(public: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}
