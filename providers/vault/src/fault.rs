//! Pure. Why there was no answer, as stable text: no addresses, no ports, no times.

use std::error::Error;

use rustls::CertificateError;
use tidegate_contract::{ErrorKind, ProviderError};

/// Causes that are looked through, at most; a chain of errors is never that long.
const MAX_CAUSES: usize = 16;

/// Names what kept the answer away; the causes stay for offline commands.
pub(crate) fn of_transport(error: reqwest::Error) -> ProviderError {
    let text = match of_tls(&error) {
        Some(text) => text,
        None if error.is_timeout() => "Vault did not answer in time",
        None if error.is_connect() => "no connection to Vault",
        None => "the connection to Vault broke",
    };
    // The address is the store's own and may hold a name that is nobody else's business.
    ProviderError::new(ErrorKind::Unavailable, text).with_source(error.without_url())
}

fn of_tls(error: &reqwest::Error) -> Option<&'static str> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    for _ in 0..MAX_CAUSES {
        let current = cause?;
        let wrapped = current.downcast_ref::<std::io::Error>();
        let wrapped = wrapped.and_then(std::io::Error::get_ref);
        let inner = match wrapped {
            Some(inner) => inner.downcast_ref::<rustls::Error>(),
            None => current.downcast_ref::<rustls::Error>(),
        };
        if let Some(inner) = inner {
            return Some(tls_text(inner));
        }
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    None
}

const fn tls_text(error: &rustls::Error) -> &'static str {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => {
                "the TLS certificate of Vault is not from a trusted authority"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the TLS certificate of Vault is not made out to its address"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the TLS certificate of Vault has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the TLS certificate of Vault is not valid yet"
            }
            _ => "the TLS certificate of Vault is not valid",
        },
        E::AlertReceived(_) => "Vault ended the TLS handshake (a client certificate is missing?)",
        _ => "no TLS connection to Vault (is it https?)",
    }
}
