//! Shell. The tower service: any HTTP request body in, an answer or a broken connection out.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, Response};
use http_body_util::{BodyExt, Limited};

use crate::body::{Body, Reset};
use crate::engine::{MAX_BODY, Query, Request};
use crate::kubebox::Kubebox;

/// Who asks through the service, where nobody authenticates.
pub(crate) const USER: &str = "kubebox-admin";

impl<B> tower::Service<http::Request<B>> for Kubebox
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Reset;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Reset>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let kubebox = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // One byte over the limit is enough for the engine to see that it is exceeded.
            let Ok(body) = Limited::new(body, MAX_BODY + 1).collect().await else {
                return Ok(Kubebox::body_too_large());
            };
            kubebox.answer(parsed(&parts, body.to_bytes())).await
        })
    }
}

fn parsed(parts: &Parts, body: Bytes) -> Request {
    let header = |name: HeaderName| {
        let values = parts
            .headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok());
        values.collect::<Vec<_>>().join(",")
    };
    Request {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        accept: header(ACCEPT),
        content_type: header(CONTENT_TYPE),
        user_agent: header(USER_AGENT),
        user: USER.to_owned(),
        body,
    }
}
