//! Shell. Our HTTP under the SDK: it brings no HTTP client, no trust and no retries of its own.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, DispatchFailure};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tidegate_contract::ProviderError;

use crate::http::Http;

/// A pool of connections, as the SDK wants to see it.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Arc<Http>);

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move { send(&http, request).await })
    }
}

async fn send(http: &Http, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x();
    let request = request.map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    // Requests of these services are never streamed.
    let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let sent = http.send(http::Request::from_parts(head, body)).await;
    let answer = sent.map_err(|error| ConnectorError::io(error.into()))?;
    let unreadable = |error: http::Error| ConnectorError::io(error.into());
    let mut response = http::Response::builder()
        .status(answer.status)
        .body(SdkBody::from(answer.body.to_vec()))
        .map_err(unreadable)?;
    *response.headers_mut() = answer.headers;
    HttpResponse::try_from(response).map_err(|error| ConnectorError::io(error.into()))
}

/// What our HTTP said of a request that got no answer.
pub(super) fn why(lost: &DispatchFailure) -> &str {
    let source = lost.as_connector_error().and_then(Error::source);
    let told = source.and_then(|it| it.downcast_ref::<ProviderError>());
    told.map_or("no answer", ProviderError::public)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
