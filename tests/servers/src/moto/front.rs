//! Shell. A small proxy in front of moto. moto throttles nobody, lets disabled keys wrap and knows
//! no expired identity: the front answers an action with an error of AWS's form for as often as it
//! was told, counts what it forwards, and passes everything else on unchanged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::error::ServerError;
use crate::web::{self, Served};

/// Bytes of a request, at most: KMS takes far less.
const MAX_BODY: usize = 1 << 20;

/// The running front; it ends when it is dropped.
pub struct Front {
    endpoint: String,
    shared: Arc<Shared>,
    _served: Served,
}

struct Shared {
    client: reqwest::Client,
    behind: String,
    state: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    refusals: BTreeMap<String, Refusal>,
    forwarded: BTreeMap<String, u64>,
    refused: u64,
    signers: Vec<String>,
}

#[derive(Clone)]
struct Refusal {
    status: u16,
    code: &'static str,
    left: Option<u32>,
}

impl Front {
    pub(super) async fn start(behind: &str) -> Result<Self, ServerError> {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        let client = client.build().map_err(|source| ServerError::NoAnswer {
            request: "client of the front".to_owned(),
            source,
        })?;
        let shared = Arc::new(Shared {
            client,
            behind: behind.to_owned(),
            state: Mutex::default(),
        });
        let app = Router::new().fallback(handle);
        let taken = web::take().await?;
        let served = taken.serve(app.with_state(Arc::clone(&shared)), None)?;
        Ok(Self {
            endpoint: format!("http://127.0.0.1:{}", served.port),
            shared,
            _served: served,
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Answers `action` (such as `Encrypt`) with an error, `times` times or until
    /// [`Front::forward`]. An empty code gives an answer without a body.
    pub fn refuse(&self, action: &str, status: u16, code: &'static str, times: Option<u32>) {
        let refusal = Refusal {
            status,
            code,
            left: times,
        };
        self.told().refusals.insert(action.to_owned(), refusal);
    }

    /// Passes everything on again.
    pub fn forward(&self) {
        self.told().refusals.clear();
    }

    /// How often `action` reached moto.
    #[must_use]
    pub fn forwarded(&self, action: &str) -> u64 {
        self.told().forwarded.get(action).copied().unwrap_or(0)
    }

    /// How many requests were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.told().refused
    }

    /// The access key ids that requests were signed with, each time another one.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        self.told().signers.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.shared.told()
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error to answer `action` with, if any; counts either way.
    fn refusal(&self, action: &str, signer: Option<&str>) -> Option<Refusal> {
        let mut told = self.told();
        if let Some(signer) = signer
            && told.signers.last().is_none_or(|last| last != signer)
        {
            told.signers.push(signer.to_owned());
        }
        let refusal = told
            .refusals
            .get_mut(action)
            .and_then(|it| match &mut it.left {
                Some(0) => None,
                Some(left) => {
                    *left -= 1;
                    Some(it.clone())
                }
                None => Some(it.clone()),
            });
        if refusal.is_some() {
            told.refused += 1;
        } else {
            *told.forwarded.entry(action.to_owned()).or_default() += 1;
        }
        refusal
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let signed = head.headers.get(header::AUTHORIZATION);
    let signed = signed.and_then(|it| it.to_str().ok()?.split_once("Credential="));
    let signer = signed.and_then(|(_, rest)| rest.split('/').next());
    if let Some(refusal) = shared.refusal(&action(&head.headers, &body), signer) {
        let status = StatusCode::from_u16(refusal.status).unwrap_or_default();
        if refusal.code.is_empty() {
            return status.into_response();
        }
        let (kind, text) = error(&head.headers, refusal.code);
        return (status, [(header::CONTENT_TYPE, kind)], text).into_response();
    }
    let target = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let address = format!("{}{target}", shared.behind);
    let sent = shared.client.request(head.method, address);
    let sent = sent.headers(head.headers).body(body).send().await;
    match sent {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.unwrap_or_default();
            let kind = headers.get(header::CONTENT_TYPE).cloned();
            let kind: HeaderMap = kind
                .map(|it| (header::CONTENT_TYPE, it))
                .into_iter()
                .collect();
            (status, kind, body).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// An error in the form of the protocol that was spoken: JSON, or XML for the query protocol.
fn error(headers: &HeaderMap, code: &str) -> (&'static str, String) {
    if headers.contains_key("x-amz-target") {
        let text = json!({ "__type": code, "message": "as told" }).to_string();
        return ("application/x-amz-json-1.1", text);
    }
    let text = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>as told</Message></Error></ErrorResponse>"
    );
    ("text/xml", text)
}

/// What is asked: the operation of the JSON protocols' header, or of the query protocol's form.
fn action(headers: &HeaderMap, body: &Bytes) -> String {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok());
    if let Some((_, operation)) = target.and_then(|it| it.rsplit_once('.')) {
        return operation.to_owned();
    }
    let form = String::from_utf8_lossy(body);
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let mut actions = pairs.filter(|(name, _)| *name == "Action");
    actions
        .next()
        .map_or_else(String::new, |(_, value)| value.to_owned())
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
