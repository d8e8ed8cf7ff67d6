//! Shell. HTTP to the key services of clouds: trust from a file or the system, bounded answers, no
//! redirects, no retries, deaf to the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use reqwest::Certificate;
use tidegate_contract::{ErrorKind, ProviderError};
use zeroize::Zeroizing;

use crate::credentials::file;
use crate::files::FromFiles;

/// How long to wait for a connection; a call has its own, shorter deadline.
const CONNECT: Duration = Duration::from_secs(3);
/// The longest one request may take that nobody else bounds, such as a login.
const REQUEST: Duration = Duration::from_secs(10);
/// The largest answer that is read: a page of a key's versions.
const MAX_BODY: usize = 1 << 20;
/// The longest stay-away that is believed.
const MAX_AFTER: Duration = Duration::from_secs(3600);
/// Idle connections kept for one service: as many as calls may be in flight.
const IDLE_CONNECTIONS: usize = 64;

/// A pool of connections; clones share it.
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// A pool that is made anew when the file of its trust changes.
#[derive(Clone)]
pub(crate) struct Trusting {
    ca_file: Option<PathBuf>,
    made: Arc<FromFiles<Http>>,
}

impl Trusting {
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Self {
        let made = Arc::new(FromFiles::new(ca_file.iter().cloned().collect()));
        Self { ca_file, made }
    }

    pub(crate) async fn http(&self) -> Result<Arc<Http>, ProviderError> {
        let make = async {
            let pem = match &self.ca_file {
                Some(path) => Some(file(path).await?),
                None => None,
            };
            Http::new(pem.as_deref())
        };
        self.made.get(make).await
    }
}

impl Http {
    /// Makes a pool that trusts `ca_pem`, or what the system trusts.
    fn new(ca_pem: Option<&[u8]>) -> Result<Self, ProviderError> {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        if let Some(pem) = ca_pem {
            let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if certificates.is_empty() {
                return Err(invalid("the CA file holds no certificate in PEM"));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build();
        // The cause may quote the file.
        let client = client.map_err(|_| invalid("the connection cannot be set up"))?;
        Ok(Self(client))
    }

    /// Sends a request whose address was checked before, and reads the answer to its end, whatever
    /// its status.
    ///
    /// # Errors
    /// `Unavailable` when there is no whole answer.
    pub(crate) async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<Answer, ProviderError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let lost = |error: reqwest::Error| {
            let text = format!("no answer from {host}{}", why(&error));
            ProviderError::new(ErrorKind::Unavailable, text)
        };
        let request = request.try_into().map_err(lost)?;
        let mut answer = self.0.execute(request).await.map_err(lost)?;
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MAX_BODY {
                let text = format!("the answer from {host} is longer than 1 MiB");
                return Err(ProviderError::new(ErrorKind::Unavailable, text));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: std::mem::take(answer.headers_mut()),
            body,
        })
    }
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// How long to stay away, where the answer says so in seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers.get(header::RETRY_AFTER)?.to_str().ok()?)
    }
}

/// What a Retry-After header asks for in seconds; dates are not understood.
pub(crate) fn retry_after(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_AFTER))
}

/// What is worth telling of a lost answer: the rest is addresses and words of the system.
fn why(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return " in time";
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(it) = cause {
        match it.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => {
                return ": its certificate is not trusted";
            }
            Some(_) => return ": no TLS could be agreed on",
            None => {}
        }
        // An error of the system holds another one within, which is not its source.
        let within = it.downcast_ref::<std::io::Error>();
        cause = match within.and_then(std::io::Error::get_ref) {
            Some(within) => Some(within),
            None => it.source(),
        };
    }
    ""
}

fn invalid(public: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, public)
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}
