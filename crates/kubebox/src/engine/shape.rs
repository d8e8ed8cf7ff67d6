//! Pure. Content negotiation: whole objects, metadata only, or tables.

use super::error::{ApiError, Result};
use super::request::Request;

/// The one media type of answers.
const JSON: &str = "application/json";

/// How objects appear in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Full,
    /// `PartialObjectMetadata` and its list.
    Partial,
    Table(Include),
}

/// What each row of a table carries beside its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    #[default]
    Metadata,
    Object,
}

impl Shape {
    /// Picks the first acceptable shape.
    pub(crate) fn negotiate(request: &Request) -> Result<Self> {
        let accept = request.accept.trim();
        if accept.is_empty() {
            return Ok(Self::Full);
        }
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, JSON | "*/*" | "application/*") {
                continue;
            }
            let parameters: Vec<&str> = parts.collect();
            let value = |key: &str| {
                parameters
                    .iter()
                    .find_map(|p| p.strip_prefix(key))
                    .unwrap_or("")
            };
            let meta = value("g=") == "meta.k8s.io" && value("v=") == "v1";
            match value("as=") {
                "" => return Ok(Self::Full),
                "Table" if meta => return Ok(Self::Table(include(request)?)),
                "PartialObjectMetadata" | "PartialObjectMetadataList" if meta => {
                    return Ok(Self::Partial);
                }
                _ => {}
            }
        }
        Err(ApiError::not_acceptable(JSON))
    }
}

fn include(request: &Request) -> Result<Include> {
    match request.query.get("includeObject") {
        "" | "Metadata" => Ok(Include::Metadata),
        "None" => Ok(Include::None),
        "Object" => Ok(Include::Object),
        other => Err(ApiError::bad_request(format!(
            "unrecognized includeObject value: {}",
            super::field::quote(other)
        ))),
    }
}
