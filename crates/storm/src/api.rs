//! Shell. Requests to the API server: plain JSON, one user agent, failures a user can act on.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// The load tester's own requests carry this name, so that they are told from the controller's.
pub const AGENT: &str = "tidegate-storm";
/// Tries of a request that is answered with push-back or not at all.
const TRIES: u32 = 8;
/// Longest answer to one of our own requests; a page of 500 objects is far below.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiFailure {
    /// The API server refused.
    #[error("{method} {path}: {code} {message}")]
    Refused {
        /// Of the request.
        method: Method,
        /// Of the request, without its query.
        path: String,
        /// Of the answer.
        code: u16,
        /// Of the answer.
        message: String,
    },
    /// There was no answer.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
}

impl ApiFailure {
    /// The status code, if there was an answer.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Unreachable(_) => None,
        }
    }
}

/// A request without retries, for what is measured.
///
/// # Errors
/// `Unreachable` when there is no answer.
pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<(&str, Vec<u8>)>,
) -> Result<Response<Body>, ApiFailure> {
    let unreachable = |error: &dyn std::error::Error| ApiFailure::Unreachable(chain(error));
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "application/json");
    let body = match body {
        Some((kind, bytes)) => {
            request = request.header(CONTENT_TYPE, kind);
            Body::from(bytes)
        }
        None => Body::empty(),
    };
    let request = request.body(body).map_err(|error| unreachable(&error))?;
    client
        .send(request)
        .await
        .map_err(|error| unreachable(&error))
}

/// A JSON request; push-back and broken connections are tried again, a bounded number of times.
///
/// # Errors
/// When the answer is no success, or there is none.
pub async fn call(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, ApiFailure> {
    let kind = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let mut pause = Duration::from_millis(100);
    let mut tries = 0;
    loop {
        tries += 1;
        let sent = body.map(|body| (kind, body.to_string().into_bytes()));
        let outcome = match send(client, method.clone(), path, sent).await {
            Ok(response) => {
                let after = retry_after(&response);
                pause = after.unwrap_or(pause);
                read(&method, path, response).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Err(error) if tries < TRIES && passes(&error) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            outcome => return outcome,
        }
    }
}

/// Whether a failure may pass by itself. A server that was never reached is told at once.
fn passes(error: &ApiFailure) -> bool {
    matches!(error.code(), Some(429 | 500 | 503 | 504))
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse::<u64>().ok()?.min(10)))
}

/// Reads an answer to its end.
///
/// # Errors
/// When it is no success, is no JSON or breaks off.
pub async fn read(
    method: &Method,
    path: &str,
    response: Response<Body>,
) -> Result<Value, ApiFailure> {
    let status = response.status();
    let body = http_body_util::Limited::new(response.into_body(), MAX_ANSWER);
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Err(ApiFailure::Unreachable(error.to_string())),
    };
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    Err(ApiFailure::Refused {
        method: method.clone(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        code: status.as_u16(),
        message: message(status, &value),
    })
}

fn message(status: StatusCode, value: &Value) -> String {
    let told = value["message"].as_str().filter(|text| !text.is_empty());
    let told = told
        .or_else(|| status.canonical_reason())
        .unwrap_or("no reason");
    told.lines().next().unwrap_or_default().to_owned()
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text = format!("{text}: {told}");
        }
        source = cause.source();
    }
    text
}

/// `GET`.
///
/// # Errors
/// As [`call`].
pub async fn get(client: &Client, path: &str) -> Result<Value, ApiFailure> {
    call(client, Method::GET, path, None).await
}

/// `POST`.
///
/// # Errors
/// As [`call`].
pub async fn post(client: &Client, path: &str, body: &Value) -> Result<Value, ApiFailure> {
    call(client, Method::POST, path, Some(body)).await
}

/// `POST` of what may be there already.
///
/// # Errors
/// As [`call`], but never with 409.
pub async fn ensure(client: &Client, path: &str, body: &Value) -> Result<(), ApiFailure> {
    match post(client, path, body).await {
        Err(error) if error.code() == Some(409) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// `DELETE` of one object or a collection; what is gone already is no failure.
///
/// # Errors
/// As [`call`], but never with 404.
pub async fn delete(client: &Client, path: &str) -> Result<(), ApiFailure> {
    match call(client, Method::DELETE, path, None).await {
        Err(error) if error.code() == Some(404) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// [`delete`] of an owned path, for streams of deletions.
///
/// # Errors
/// As [`delete`].
pub async fn delete_by(client: &Client, path: String) -> Result<(), ApiFailure> {
    delete(client, &path).await
}
