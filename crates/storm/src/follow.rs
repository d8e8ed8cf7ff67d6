//! Shell. Watches as kubelets and the witness hold them: list, follow, note, and again.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::Method;
use http_body_util::BodyExt;
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::api::{self, ApiFailure};

/// The first pause after a failure, as client-go's reflector has it.
const FIRST_PAUSE: Duration = Duration::from_millis(800);
/// The longest.
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// Objects of one page of a list.
const PAGE: usize = 500;
/// Longest event that is read; objects are bounded at 3 MiB by the API server.
const MAX_EVENT: usize = 4 * 1024 * 1024;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// A list begins: what it does not name is gone.
    Relisted,
    /// An object is there, so.
    Is(T),
    /// An object is gone.
    Gone(T),
}

/// What is followed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path of the collection.
    pub path: String,
    /// Selector, as it stands in the query; empty for all.
    pub selector: String,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMeta,
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: PageMeta,
}

/// Follows a collection for ever: lists in pages, watches from there, lists again when the watch
/// fails, with growing pauses between failures. `salt` spreads the pauses of many followers.
pub async fn follow<T: DeserializeOwned>(
    client: &Client,
    source: &Source,
    salt: usize,
    mut note: impl FnMut(Change<T>),
) {
    let mut pause = FIRST_PAUSE;
    let mut version: Option<String> = None;
    loop {
        let outcome = match version.take() {
            None => list(client, source, &mut note).await,
            Some(from) => watch(client, source, from, &mut note).await,
        };
        match outcome {
            Ok(next) => {
                version = next;
                pause = FIRST_PAUSE;
            }
            Err(_) => {
                // Without randomness: followers differ by their number.
                let spread = u32::try_from(salt % 8).unwrap_or(0);
                tokio::time::sleep(pause + pause / 8 * spread).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }
}

/// Lists a collection in pages; gives the resourceVersion to watch from.
async fn list<T: DeserializeOwned>(
    client: &Client,
    source: &Source,
    note: &mut impl FnMut(Change<T>),
) -> Result<Option<String>, ApiFailure> {
    note(Change::Relisted);
    let Source { path, selector } = source;
    let mut next = String::new();
    loop {
        let uri = format!("{path}?limit={PAGE}&{selector}&continue={next}");
        let response = api::send(client, Method::GET, &uri, None).await?;
        let bytes = whole(response).await?;
        let page: Page<T> = serde_json::from_slice(&bytes).map_err(|e| broken(&e))?;
        for item in page.items {
            note(Change::Is(item));
        }
        next = page.metadata.next;
        if next.is_empty() {
            return Ok(Some(page.metadata.resource_version));
        }
    }
}

async fn whole(response: http::Response<kube::client::Body>) -> Result<bytes::Bytes, ApiFailure> {
    let status = response.status();
    if !status.is_success() {
        return Err(ApiFailure::Unreachable(status.to_string()));
    }
    let collected = response.into_body().collect().await;
    Ok(collected.map_err(|error| broken(&error))?.to_bytes())
}

fn broken(error: &dyn std::fmt::Display) -> ApiFailure {
    ApiFailure::Unreachable(error.to_string())
}

/// Watches until the server ends it, which is no failure: gives the version to go on from, or
/// `None` when a list must come first.
async fn watch<T: DeserializeOwned>(
    client: &Client,
    source: &Source,
    mut version: String,
    note: &mut impl FnMut(Change<T>),
) -> Result<Option<String>, ApiFailure> {
    let Source { path, selector } = source;
    let uri =
        format!("{path}?watch=true&allowWatchBookmarks=true&{selector}&resourceVersion={version}");
    let response = api::send(client, Method::GET, &uri, None).await?;
    if !response.status().is_success() {
        return Err(ApiFailure::Unreachable(response.status().to_string()));
    }
    let mut body = response.into_body();
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else {
            continue;
        };
        buffer.extend_from_slice(&data);
        if buffer.len() > MAX_EVENT {
            return Err(broken(&"an event is too long"));
        }
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(end);
            buffer.advance(1);
            match event(&line, &mut version, note)? {
                Next::More => {}
                Next::Relist => return Ok(None),
            }
        }
        if buffer.is_empty() {
            // Thousands of watches wait at once: none keeps the buffer of its last event.
            buffer = BytesMut::new();
        }
    }
    Ok(Some(version))
}

enum Next {
    More,
    Relist,
}

fn event<T: DeserializeOwned>(
    line: &[u8],
    version: &mut String,
    note: &mut impl FnMut(Change<T>),
) -> Result<Next, ApiFailure> {
    let event: Event<'_> = serde_json::from_slice(line).map_err(|e| broken(&e))?;
    let text = event.object.get();
    if event.kind == "ERROR" {
        return Ok(Next::Relist);
    }
    let seen: Versioned = serde_json::from_str(text).map_err(|e| broken(&e))?;
    *version = seen.metadata.resource_version;
    let object = || serde_json::from_str(text).map_err(|e| broken(&e));
    match event.kind {
        "ADDED" | "MODIFIED" => note(Change::Is(object()?)),
        "DELETED" => note(Change::Gone(object()?)),
        _ => {}
    }
    Ok(Next::More)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Named {
        metadata: Name,
    }

    #[derive(Deserialize)]
    struct Name {
        name: String,
    }

    #[test]
    fn events_move_the_version_and_tell_what_changed() {
        let (mut version, mut heard) = ("1".to_owned(), Vec::new());
        let mut read = |line: &str| {
            let mut note = |change: Change<Named>| {
                heard.push(match change {
                    Change::Relisted => "relisted".to_owned(),
                    Change::Is(it) => format!("is {}", it.metadata.name),
                    Change::Gone(it) => format!("gone {}", it.metadata.name),
                });
            };
            matches!(
                event(line.as_bytes(), &mut version, &mut note),
                Ok(Next::More)
            )
        };
        let object = r#"{"metadata":{"name":"a","resourceVersion":"7"}}"#;
        assert!(read(&format!(r#"{{"type":"ADDED","object":{object}}}"#)));
        assert!(read(&format!(r#"{{"type":"DELETED","object":{object}}}"#)));
        assert!(read(
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#
        ));
        assert!(!read(r#"{"type":"ERROR","object":{"code":410}}"#));
        assert!(!read("{"));
        assert_eq!(heard, ["is a", "gone a"]);
        assert_eq!(version, "9");
    }
}
