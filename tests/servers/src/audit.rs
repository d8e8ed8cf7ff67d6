//! Shell. What the API server was asked, read from its audit log.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::error::ServerError;

/// The audit log of an API server: JSON lines at level `Metadata`, so no body is in it.
#[derive(Debug, Clone)]
pub struct AuditLog {
    path: PathBuf,
}

/// One request as the API server recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ApiRequest {
    /// User name; `system:serviceaccount:NAMESPACE:NAME` for service accounts.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name; empty for requests that are not about resources.
    pub resource: String,
    /// `status`, `token`, …; empty without one.
    pub subresource: String,
    /// Namespace; empty for cluster-wide requests.
    pub namespace: String,
    /// Object name; empty for collections.
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
    /// Path and query.
    pub uri: String,
    /// The client's own name.
    pub user_agent: String,
    /// When it arrived, by the API server's clock.
    pub at: Timestamp,
}

impl ApiRequest {
    /// Whether the request could change something.
    #[must_use]
    pub fn mutates(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

impl AuditLog {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A position to read from later.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn mark(&self) -> Result<u64, ServerError> {
        let found = std::fs::metadata(&self.path).map_err(ServerError::io(|| self.failed()))?;
        Ok(found.len())
    }

    /// Requests that were answered (or, for a watch, begun) after `mark`, oldest first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn since(&self, mark: u64) -> Result<Vec<ApiRequest>, ServerError> {
        let mut text = Vec::new();
        File::open(&self.path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(mark))?;
                file.read_to_end(&mut text)
            })
            .map_err(ServerError::io(|| self.failed()))?;
        parse(&String::from_utf8_lossy(&text)).map_err(|source| ServerError::Io {
            what: self.failed(),
            source: source.into(),
        })
    }

    fn failed(&self) -> String {
        format!("read {}", self.path.display())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    #[serde(rename = "requestURI")]
    uri: String,
    verb: String,
    #[serde(default)]
    user: Value,
    #[serde(default)]
    user_agent: String,
    request_received_timestamp: Timestamp,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    namespace: String,
    name: String,
    api_group: String,
    subresource: String,
}

/// Reads whole lines; a last line without its end is still being written.
fn parse(text: &str) -> Result<Vec<ApiRequest>, serde_json::Error> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let events = whole.lines().map(serde_json::from_str::<Event>);
    events
        .filter_map(|event| event.map(request).transpose())
        .collect()
}

/// The request that an event stands for, once per request: a watch is recorded when it begins and
/// again when it ends, and its beginning counts, since the end may never come.
fn request(event: Event) -> Option<ApiRequest> {
    let code = event.response_status["code"]
        .as_u64()
        .unwrap_or(0)
        .try_into()
        .unwrap_or(0);
    let began = event.stage == "ResponseStarted";
    if event.verb == "watch" && !began && code < 400 || event.verb != "watch" && began {
        return None;
    }
    Some(ApiRequest {
        user: event.user["username"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        verb: event.verb,
        group: event.object_ref.api_group,
        resource: event.object_ref.resource,
        subresource: event.object_ref.subresource,
        namespace: event.object_ref.namespace,
        name: event.object_ref.name,
        code,
        uri: event.uri,
        user_agent: event.user_agent,
        at: event.request_received_timestamp,
    })
}

#[cfg(test)]
mod tests;
