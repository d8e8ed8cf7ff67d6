//! Shell. The touch: a patch that changes nothing and whose answer carries no data, so that the
//! API server stores an object anew if and only if it is stale.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::names::{Object, Served};
use super::{Answer, Server};
use crate::error::Failure;
use crate::pace::{Ended, Pace};

/// Tries of one request, about a minute of pauses altogether.
pub(super) const TRIES: u32 = 8;
/// Writers that came between, at most, before an object is told as not rewritten.
const CONFLICTS: u32 = 8;
const ACCEPT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// The pause before another try.
pub(super) fn pause(tries: u32) -> Duration {
    Duration::from_millis(100 << tries.min(8))
}

/// What became of one touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// The object was stored anew.
    Rewritten,
    /// It was stored as it should be: nothing was written.
    Unchanged,
    /// It is not there any more.
    Gone,
    /// It could not be touched; a line that says why.
    Failed(String),
}

#[derive(Deserialize)]
struct Partial {
    metadata: PartialMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartialMetadata {
    resource_version: String,
}

impl Server {
    /// Touches one object. The patch names the resourceVersion that was seen, so that the write
    /// is refused when anybody came between; then the object is looked at again.
    pub async fn touch(&self, served: &Served, object: &Object, pace: &dyn Pace) -> Touch {
        let path = served.path(object);
        let mut seen = object.resource_version.clone();
        let (mut tries, mut conflicts) = (0, 0);
        loop {
            let permit = pace.acquire().await;
            let body = json!({ "metadata": { "resourceVersion": seen } }).to_string();
            let headers = [
                ("accept", ACCEPT),
                ("content-type", "application/merge-patch+json"),
            ];
            let answer = self
                .send(Method::PATCH, &path, &headers, body.into_bytes())
                .await;
            permit.ended(ended(&answer));
            let words = match answer {
                Ok(answer) if answer.status.is_success() => return written(&answer, &seen),
                Ok(answer) if answer.status == StatusCode::NOT_FOUND => return Touch::Gone,
                Ok(answer) if answer.status == StatusCode::CONFLICT && conflicts < CONFLICTS => {
                    conflicts += 1;
                    match self.version_of(&path).await {
                        Ok(Some(version)) => seen = version,
                        Ok(None) => return Touch::Gone,
                        Err(words) => return Touch::Failed(words),
                    }
                    continue;
                }
                Ok(answer) if transient(&answer) => answer.told(),
                Ok(answer) => return Touch::Failed(answer.told()),
                Err(words) => words,
            };
            tries += 1;
            if tries == TRIES {
                return Touch::Failed(words);
            }
            tokio::time::sleep(pause(tries)).await;
        }
    }

    /// A request as small as any, which has to go through the API server to etcd like those of
    /// everybody else.
    ///
    /// # Errors
    /// When the server does not answer, or not properly; in words.
    pub async fn feel(&self) -> Result<(), String> {
        let path = super::KUBE_SYSTEM;
        let headers = [("accept", ACCEPT)];
        let answer = self.send(Method::GET, path, &headers, Vec::new()).await?;
        match transient(&answer) {
            true => Err(answer.told()),
            false => Ok(()),
        }
    }

    async fn version_of(&self, path: &str) -> Result<Option<String>, String> {
        let answer = self
            .send(Method::GET, path, &[("accept", ACCEPT)], Vec::new())
            .await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(answer.told());
        }
        resource_version(&answer).map(Some)
    }
}

/// A failing webhook answers 500 as well: it is tried again like any other, and told by its name
/// in the server's own words.
fn transient(answer: &Answer) -> bool {
    answer.status.as_u16() == 429 || answer.status.is_server_error()
}

fn ended(answer: &Result<Answer, String>) -> Ended {
    match answer {
        Ok(answer) if answer.status.as_u16() == 429 => Ended::Throttled(answer.retry_after),
        Ok(_) => Ended::Answered,
        Err(_) => Ended::Lost,
    }
}

fn resource_version(answer: &Answer) -> Result<String, String> {
    let partial: Result<Partial, _> = serde_json::from_slice(&answer.body);
    let partial = partial.map_err(|_| "an answer without metadata".to_owned())?;
    Ok(partial.metadata.resource_version)
}

fn written(answer: &Answer, seen: &str) -> Touch {
    match resource_version(answer) {
        Ok(version) if version == seen => Touch::Unchanged,
        Ok(_) => Touch::Rewritten,
        Err(words) => Touch::Failed(words),
    }
}

const CANARIES: &str = "/api/v1/namespaces/kube-system/secrets";

impl Server {
    /// Makes an empty Secret through this very server.
    ///
    /// # Errors
    /// When the server does not make it.
    pub async fn make_canary(&self, name: &str) -> Result<(), Failure> {
        let body = json!({ "metadata": { "name": name } })
            .to_string()
            .into_bytes();
        let headers = [("accept", ACCEPT), ("content-type", "application/json")];
        let answer = self.send(Method::POST, CANARIES, &headers, body).await;
        self.done(answer, "make a canary")
    }

    /// Removes it.
    ///
    /// # Errors
    /// When the server does not remove it.
    pub async fn remove_canary(&self, name: &str) -> Result<(), Failure> {
        let path = format!("{CANARIES}/{name}");
        let headers = [("accept", "application/json")];
        let answer = self.send(Method::DELETE, &path, &headers, Vec::new()).await;
        self.done(answer, "remove a canary")
    }

    fn done(&self, answer: Result<Answer, String>, what: &str) -> Result<(), Failure> {
        match answer {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => {
                let line = format!("{}: {what}: {}", self.name, answer.told());
                Err(Failure::findings(line))
            }
            Err(words) => {
                let line = format!("{}: {what}: {words}", self.name);
                Err(Failure::unreachable(line))
            }
        }
    }
}
