//! Shell. Logins at Azure: the vault says what for, the tenant or the machine gives a token.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use serde::Deserialize;
use tidegate_contract::{Authenticator, ErrorKind, Grant, ProviderError, SecretValue};
use zeroize::Zeroizing;

use super::challenge::{self, Challenge, Trust};
use super::fault;
use crate::config::AzureLogin;
use crate::credentials::secret;
use crate::http::{Answer, Trusting};

/// The metadata service of a machine in Azure.
const METADATA: &str = "http://169.254.169.254";
/// What a federated token is said to be.
const ASSERTION: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// Logs in for one vault with what the files say now.
pub(super) struct Login {
    pub(super) trusting: Trusting,
    /// A request that the vault answers with its challenge.
    pub(super) asking: String,
    /// The vault's host, with its port.
    pub(super) vault: String,
    pub(super) resource: Option<String>,
    pub(super) way: AzureLogin,
}

/// What a token endpoint gives; the machine's own writes numbers as text.
///
/// The token is borrowed: the body it points into is zeroized, and tokens are never escaped.
#[derive(Deserialize)]
struct Given<'a> {
    access_token: &'a str,
    expires_in: Seconds,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Login {
    /// Asks the vault, without a token, where to get one and for what.
    async fn challenge(&self, authority: Option<&str>) -> Result<Challenge, ProviderError> {
        let request = request(Method::GET, &self.asking, HeaderMap::new(), Vec::new())?;
        let answer = self.trusting.http().await?.send(request).await?;
        if answer.status != 401 {
            let (after, status) = (answer.retry_after(), answer.status);
            let vault = &self.vault;
            let text = format!("the vault {vault} answers {status} where it asks who we are");
            let kind = match status {
                403 => ErrorKind::Denied,
                429 => ErrorKind::Throttled { after },
                _ => ErrorKind::Unavailable,
            };
            return Err(ProviderError::new(kind, text));
        }
        let told = answer.headers.get(header::WWW_AUTHENTICATE);
        let told = told.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let trust = Trust {
            vault: &self.vault,
            authority,
            resource: self.resource.as_deref(),
        };
        challenge::read(told, trust).map_err(|why| ProviderError::new(ErrorKind::Invalid, why))
    }

    /// Asks the tenant for a token; `proof` is the credential's part of the form.
    async fn of_tenant(
        &self,
        (tenant, client_id, authority): (&str, &str, Option<&str>),
        proof: (&str, &Path),
    ) -> Result<Answer, ProviderError> {
        let challenge = self.challenge(authority).await?;
        let (field, file) = proof;
        let credential = secret(file).await?;
        let mut form = Zeroizing::new(Vec::new());
        form.extend_from_slice(b"grant_type=client_credentials&client_id=");
        escape(client_id.as_bytes(), &mut form);
        form.extend_from_slice(b"&scope=");
        escape(
            format!("{}/.default", challenge.resource).as_bytes(),
            &mut form,
        );
        form.extend_from_slice(field.as_bytes());
        escape(credential.expose(), &mut form);
        let address = format!("{}/{tenant}/oauth2/v2.0/token", challenge.authority);
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        let request = request(Method::POST, &address, headers, form.to_vec())?;
        self.trusting.http().await?.send(request).await
    }

    /// Asks the machine's metadata service for a token.
    async fn of_machine(
        &self,
        endpoint: &str,
        client_id: Option<&str>,
    ) -> Result<Answer, ProviderError> {
        let challenge = self.challenge(None).await?;
        let mut query = b"?api-version=2018-02-01&resource=".to_vec();
        escape(challenge.resource.as_bytes(), &mut query);
        if let Some(client_id) = client_id {
            query.extend_from_slice(b"&client_id=");
            escape(client_id.as_bytes(), &mut query);
        }
        let query = String::from_utf8_lossy(&query);
        let endpoint = endpoint.trim_end_matches('/');
        let address = format!("{endpoint}/metadata/identity/oauth2/token{query}");
        let mut headers = HeaderMap::new();
        headers.insert("metadata", HeaderValue::from_static("true"));
        let request = request(Method::GET, &address, headers, Vec::new())?;
        self.trusting.http().await?.send(request).await
    }
}

#[async_trait]
impl Authenticator for Login {
    async fn login(&self) -> Result<Grant, ProviderError> {
        let answer = match &self.way {
            AzureLogin::ClientSecret {
                tenant,
                client_id,
                secret_file,
                authority,
            } => {
                let proof = ("&client_secret=", secret_file.as_path());
                self.of_tenant((tenant, client_id, authority.as_deref()), proof)
                    .await?
            }
            AzureLogin::WorkloadIdentity {
                tenant,
                client_id,
                token_file,
                authority,
            } => {
                let field = format!("&client_assertion_type={ASSERTION}&client_assertion=");
                let proof = (field.as_str(), token_file.as_path());
                self.of_tenant((tenant, client_id, authority.as_deref()), proof)
                    .await?
            }
            AzureLogin::ManagedIdentity {
                client_id,
                endpoint,
            } => {
                let endpoint = endpoint.as_deref().unwrap_or(METADATA);
                self.of_machine(endpoint, client_id.as_deref()).await?
            }
        };
        if !answer.is_success() {
            let (kind, code) = fault::login(answer.status, &answer.body, answer.retry_after());
            return Err(ProviderError::new(
                kind,
                format!("the login at Azure: {code}"),
            ));
        }
        let unreadable = || {
            let text = "the login at Azure: the answer cannot be read";
            ProviderError::new(ErrorKind::Unavailable, text)
        };
        // The cause would quote the token.
        let given: Given<'_> = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        let seconds = match given.expires_in {
            Seconds::Number(seconds) => seconds,
            Seconds::Text(text) => text.trim().parse().map_err(|_| unreadable())?,
        };
        Ok(Grant {
            token: SecretValue::new(given.access_token.as_bytes().to_vec()),
            ttl: Some(Duration::from_secs(seconds)),
            renewable: false,
            revocable: false,
        })
    }

    async fn renew(&self, _grant: &Grant) -> Result<Grant, ProviderError> {
        self.login().await
    }

    async fn revoke(&self, _grant: &Grant) -> Result<(), ProviderError> {
        Ok(())
    }
}

pub(super) fn request(
    method: Method,
    address: &str,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>, ProviderError> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = address.parse().map_err(|_| {
        let text = "an address of Azure cannot be asked";
        ProviderError::new(ErrorKind::Invalid, text)
    })?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Appends `bytes` as a value of a form.
fn escape(bytes: &[u8], to: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            to.push(*byte);
        } else {
            let digits = [byte >> 4, byte & 15].map(|it| HEX[usize::from(it)]);
            to.extend([b'%', digits[0], digits[1]]);
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_credential_survives_the_form() {
        let mut form = Vec::new();
        escape(b"a-Z_0.~ +&=%/\xff", &mut form);
        assert_eq!(form, b"a-Z_0.~%20%2B%26%3D%25%2F%FF");
    }
}
