//! Pure. What the Key Vault test server answers: JSON, and errors in the form of Azure's.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    header: Option<(header::HeaderName, String)>,
    body: Option<Value>,
}

impl Reply {
    pub(super) const fn ok(body: Value) -> Self {
        Self {
            status: 200,
            header: None,
            body: Some(body),
        }
    }

    pub(super) const fn bare(status: u16) -> Self {
        Self {
            status,
            header: None,
            body: None,
        }
    }

    pub(super) const fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            header: None,
            body: Some(body),
        }
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            json!({ "error": { "code": code, "message": message } }),
        )
    }

    /// 403, whose reason is in the inner error.
    pub(super) fn forbidden(inner: &str, message: &str) -> Self {
        Self::json(
            403,
            json!({ "error": {
                "code": "Forbidden",
                "message": message,
                "innererror": { "code": inner },
            } }),
        )
    }

    pub(super) fn throttled(retry_after: u64) -> Self {
        let text = "Request was not processed because too many requests were received.";
        Self {
            header: Some((header::RETRY_AFTER, retry_after.to_string())),
            ..Self::error(429, "Throttled", text)
        }
    }

    /// 401, which says where to get a token, and for what.
    pub(super) fn challenge(authorization: &str, resource: &str) -> Self {
        let challenge =
            format!("Bearer authorization=\"{authorization}\", resource=\"{resource}\"");
        let text = "AKV10000: Request is missing a Bearer or PoP token.";
        Self {
            header: Some((header::WWW_AUTHENTICATE, challenge)),
            ..Self::error(401, "Unauthorized", text)
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = self.header.map(|(name, value)| [(name, value)]);
        match (headers, self.body) {
            (Some(headers), Some(body)) => (status, headers, axum::Json(body)).into_response(),
            (None, Some(body)) => (status, axum::Json(body)).into_response(),
            (Some(headers), None) => (status, headers).into_response(),
            (None, None) => status.into_response(),
        }
    }
}
