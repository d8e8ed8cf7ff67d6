//! Shell. The `rustify` client that runs vaultrs' requests on our connections.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use reqwest::Url;
use rustify::client::Client;
use rustify::errors::ClientError;
use tidegate_contract::{ErrorKind, ProviderError, SecretValue};
use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::body;
use crate::connection::Inner;
use crate::fault;

/// Longest `Retry-After` that is passed on: a day. A longer one is a mistake of the sender.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// One request's view of a connection: whose token, which namespace.
pub(crate) struct Layer<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) token: Option<&'a SecretValue>,
    pub(crate) namespace: Option<&'a HeaderValue>,
}

/// Why there is no answer; it travels to [`Layer::answer`] in the extensions of a response.
#[derive(Clone)]
struct Failed(ProviderError);

/// rustify turns each status without success into an error: it drops the headers, copies the body
/// into a text that nobody overwrites, and logs the error at its highest level, every missing key
/// included. So this client never fails towards rustify: a status is an answer, and a failure
/// rides in the extensions.
#[async_trait]
impl Client for Layer<'_> {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ClientError> {
        Ok(self.exchange(request).await.unwrap_or_else(|error| {
            let mut response = Response::new(Vec::new());
            response.extensions_mut().insert(Failed(error));
            response
        }))
    }

    fn base(&self) -> &str {
        self.inner.base.as_str()
    }

    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ClientError> {
        self.send(request).await
    }
}

impl Layer<'_> {
    /// The answer within a response of this client.
    pub(crate) fn answer(mut response: Response<Vec<u8>>) -> Result<Answer, ProviderError> {
        if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
            return Err(error);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            body: Zeroizing::new(response.into_body()),
        })
    }

    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, ProviderError> {
        let (head, body) = request.into_parts();
        let (method, url) = target(&head.method, &head.uri.to_string())?;
        // The buffer is overwritten when the last part of the HTTP library lets go of it.
        let body = Bytes::from_owner(Zeroizing::new(body));
        let mut response = self.once(method.clone(), url.clone(), body.clone()).await?;
        // A load balancer may move a path; whoever sends us to another host gets no token.
        if let Some(next) = same_origin(&url, &response) {
            response = self.once(method, next, body).await?;
        }
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).cloned();
        let bytes = body::read(response, self.inner.max_body).await?;
        let mut answer = Response::new(bytes);
        *answer.status_mut() = status;
        if let Some(value) = retry_after {
            answer.headers_mut().insert(RETRY_AFTER, value);
        }
        Ok(answer)
    }

    async fn once(
        &self,
        method: Method,
        url: Url,
        body: Bytes,
    ) -> Result<reqwest::Response, ProviderError> {
        let mut request = reqwest::Request::new(method, url);
        let headers = request.headers_mut();
        headers.clone_from(&self.inner.headers);
        if let Some(namespace) = self.namespace {
            headers.insert("x-vault-namespace", namespace.clone());
        }
        if let Some(token) = self.token.filter(|token| !token.is_empty()) {
            headers.insert("x-vault-token", token_header(token)?);
        }
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        self.inner
            .client
            .execute(request)
            .await
            .map_err(fault::of_transport)
    }
}

/// The method and address to send: vaultrs asks with the method LIST, which proxies may not know;
/// Vault takes a GET with a flag as well, as its own clients send it. Empty segments come from the
/// slashes (and one tab) that some of vaultrs' paths begin with.
fn target(method: &Method, uri: &str) -> Result<(Method, Url), ProviderError> {
    let wrong = || ProviderError::new(ErrorKind::Invalid, "the path cannot be sent to Vault");
    let mut url = Url::parse(uri).map_err(|_| wrong())?;
    let segments = url.path().split('/').filter(|part| !part.is_empty());
    let path = segments.collect::<Vec<_>>().join("/");
    url.set_path(&path);
    if url.query() == Some("") {
        url.set_query(None);
    }
    if method.as_str() == "LIST" {
        url.query_pairs_mut().append_pair("list", "true");
        return Ok((Method::GET, url));
    }
    Ok((method.clone(), url))
}

/// The place of a redirect that keeps method, scheme, host and port.
fn same_origin(url: &Url, response: &reqwest::Response) -> Option<Url> {
    let keeps_method = matches!(
        response.status(),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let next = url.join(location).ok()?;
    (keeps_method && next.origin() == url.origin()).then_some(next)
}

/// The token as a header that is never shown and whose buffer is overwritten on drop.
fn token_header(token: &SecretValue) -> Result<HeaderValue, ProviderError> {
    let trimmed = Zeroizing::new(token.expose().trim_ascii().to_vec());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(trimmed)).map_err(|_| {
        ProviderError::new(
            ErrorKind::Invalid,
            "the Vault token holds bytes that no token has",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whole seconds; a date would need this machine's clock to agree with Vault's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = Duration::from_secs(seconds.parse().ok()?);
    Some(after.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use rustify::endpoint::Endpoint;
    use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest};
    use vaultrs::api::{kv1, kv2};

    use super::*;

    fn check(endpoint: &impl Endpoint, expected: &str) {
        for (base, prefix) in [("http://h:1/v1", ""), ("http://h:1/edge/v1", "/edge")] {
            let request = endpoint.request(base).unwrap();
            let (method, url) = target(request.method(), &request.uri().to_string()).unwrap();
            let sent = format!("{method} {url}");
            let expected = expected.replace("/v1", &format!("http://h:1{prefix}/v1"));
            assert_eq!(sent, expected);
        }
    }

    #[test]
    fn paths_of_vaultrs_reach_vault_as_its_own_clients_send_them() {
        let (mount, path) = ("team/kv".to_owned(), "a b/ü%2f?#".to_owned());
        let read = kv2::requests::ReadSecretRequest {
            mount: mount.clone(),
            path: path.clone(),
            version: Some(3),
        };
        check(
            &read,
            "GET /v1/team/kv/data/a%20b/%C3%BC%252f%3F%23?version=3",
        );
        let read = kv1::requests::GetSecretRequest {
            mount: mount.clone(),
            path: path.clone(),
        };
        check(&read, "GET /v1/team/kv/a%20b/%C3%BC%252f%3F%23");
        let latest = kv2::requests::ReadSecretRequest {
            mount: mount.clone(),
            path: path.clone(),
            version: None,
        };
        check(&latest, "GET /v1/team/kv/data/a%20b/%C3%BC%252f%3F%23");
        let list = kv2::requests::ListSecretsRequest {
            mount,
            path: String::new(),
        };
        check(&list, "GET /v1/team/kv/metadata?list=true");
        check(&LookupTokenSelfRequest {}, "GET /v1/auth/token/lookup-self");
        let renew = RenewTokenSelfRequest { increment: None };
        check(&renew, "POST /v1/auth/token/renew-self");
    }

    #[test]
    fn a_token_that_is_no_header_is_refused_without_being_shown() {
        let value = token_header(&SecretValue::from("s.abc\n")).unwrap();
        assert_eq!(value.as_bytes(), b"s.abc");
        assert!(value.is_sensitive());
        let error = token_header(&SecretValue::from("s.a\nbc")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.full().contains("bc\u{0}") && !error.full().contains("s.a"));
    }

    #[test]
    fn retry_after_is_whole_seconds_within_a_day() {
        for (value, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999999", Some(86_400)),
            ("-1", None),
            ("1.5", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs));
        }
    }
}
