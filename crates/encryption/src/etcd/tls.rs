//! Shell. The files by which etcd is trusted, and by which it trusts us.

use std::path::Path;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use zeroize::Zeroizing;

use super::Options;
use crate::error::Failure;
use crate::files;

pub(super) fn tls(options: &Options) -> Result<Option<ClientTlsConfig>, Failure> {
    let mut config = ClientTlsConfig::new();
    if let Some(ca) = &options.ca {
        config = config.ca_certificate(Certificate::from_pem(pem(ca, "CERTIFICATE")?.as_slice()));
    }
    match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => {
            let (cert, key) = (pem(cert, "CERTIFICATE")?, pem(key, "PRIVATE KEY")?);
            config = config.identity(Identity::from_pem(cert.as_slice(), key.as_slice()));
        }
        (None, None) => {}
        _ => return Err(Failure::usage("--etcd-cert and --etcd-key go together")),
    }
    let any = options.ca.is_some() || options.cert.is_some();
    Ok(any.then_some(config))
}

/// TLS would take a file without a certificate for an empty list, and say later that it trusts
/// nobody.
fn pem(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = files::read(path)?;
    let end = format!("{what}-----");
    if bytes.windows(end.len()).any(|part| part == end.as_bytes()) {
        return Ok(bytes);
    }
    let line = format!("{}: holds no {what} in PEM", path.display());
    Err(Failure::usage(line))
}
