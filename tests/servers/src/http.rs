//! Shell. A small JSON client for the harness's own requests.

use std::time::Duration;

use reqwest::{Certificate, Method};
use serde_json::Value;

use crate::error::ServerError;
use crate::rt;

/// Longest wait for one answer: a server that starts on a loaded machine can be slow.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one server, with at most one credential.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    base: String,
    header: Option<(&'static str, String)>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// Status and body of an answer; the body is `null` when it is empty or no JSON.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Parsed body.
    pub body: Value,
    request: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The body of a 2xx answer.
    ///
    /// # Errors
    /// [`ServerError::Answer`] for any other status.
    pub fn ok(self) -> Result<Value, ServerError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let body = self.body.to_string().chars().take(600).collect();
        Err(ServerError::Answer {
            request: self.request,
            status: self.status,
            body,
        })
    }
}

impl Http {
    /// A client for `base`, which trusts only `ca_pem` when the address is `https`.
    pub(crate) fn new(base: &str, ca_pem: Option<&str>) -> Result<Self, ServerError> {
        install_crypto();
        let failed = |source| ServerError::NoAnswer {
            request: format!("client of {base}"),
            source,
        };
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(env!("CARGO_PKG_NAME"));
        if let Some(pem) = ca_pem {
            let ca = Certificate::from_pem(pem.as_bytes()).map_err(failed)?;
            builder = builder.tls_certs_only([ca]);
        } else {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(failed)?;
        Ok(Self {
            client,
            base: base.to_owned(),
            header: None,
        })
    }

    /// A client of any server that proves itself with the one certificate of `ca_pem`.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn bearer(base: &str, ca_pem: &str, token: &str) -> Result<Self, ServerError> {
        let client = Self::new(base, Some(ca_pem))?;
        Ok(client.with_header("Authorization", format!("Bearer {token}")))
    }

    /// The same client with a header on every request.
    pub(crate) fn with_header(&self, name: &'static str, value: String) -> Self {
        Self {
            header: Some((name, value)),
            ..self.clone()
        }
    }

    /// The same client (trust and credential) for another address.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// Sends one request; any status is an answer.
    ///
    /// # Errors
    /// [`ServerError::NoAnswer`] when there is no connection or no answer within 30 s.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ServerError> {
        let content = match method {
            Method::PATCH => MERGE_PATCH,
            _ => JSON,
        };
        self.send_with(method, path, &[], body.map(|body| (content, body)))
            .await
    }

    /// `POST` with further headers, in a content type of JSON.
    pub(crate) async fn post_as(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        content: &str,
        body: &Value,
    ) -> Result<Answer, ServerError> {
        self.send_with(Method::POST, path, headers, Some((content, body)))
            .await
    }

    async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &Value)>,
    ) -> Result<Answer, ServerError> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base));
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((content, body)) = body {
            request = request
                .header("Content-Type", content)
                .body(body.to_string());
        }
        let name = format!("{method} {}{path}", self.base);
        let answered = rt::detached(async move {
            let answer = request.send().await?;
            Ok((answer.status().as_u16(), answer.bytes().await?))
        });
        match answered.await? {
            Ok((status, bytes)) => {
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                Ok(Answer {
                    status,
                    body,
                    request: name,
                })
            }
            Err(source) => Err(ServerError::NoAnswer {
                request: name,
                source,
            }),
        }
    }

    /// `GET`; see [`Http::send`].
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn get(&self, path: &str) -> Result<Answer, ServerError> {
        self.send(Method::GET, path, None).await
    }

    /// `POST`; see [`Http::send`].
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, ServerError> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `PUT`; see [`Http::send`].
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, ServerError> {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// `PATCH` with a JSON merge patch; see [`Http::send`].
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer, ServerError> {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`; see [`Http::send`].
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn delete(&self, path: &str) -> Result<Answer, ServerError> {
        self.send(Method::DELETE, path, None).await
    }
}

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Names the process's one crypto provider; a test that did so before is as good.
fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The text at a JSON pointer of an answer's body.
pub(crate) fn text<'a>(
    body: &'a Value,
    pointer: &str,
    request: &str,
    what: &'static str,
) -> Result<&'a str, ServerError> {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| ServerError::Lacks {
            request: request.to_owned(),
            what,
        })
}
