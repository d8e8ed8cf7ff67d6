//! Shell. Lists the names of a resource's objects, page by page, without their data.

use http::{Method, StatusCode};
use serde::Deserialize;

use super::Server;
use crate::error::Failure;

/// Names of one page: a list of many keeps a small API server from answering others meanwhile.
const PAGE: usize = 100;
const ACCEPT: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Where a resource is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Such as `/api/v1`.
    pub base: String,
    /// Such as `secrets`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// One object, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Empty for what lives in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which write of it was seen.
    pub resource_version: String,
}

impl Object {
    /// `namespace/name`, or the name.
    #[must_use]
    pub fn path(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

impl Served {
    /// The path of one object.
    #[must_use]
    pub fn path(&self, object: &Object) -> String {
        let Self { base, plural, .. } = self;
        let name = escaped(&object.name);
        if object.namespace.is_empty() {
            format!("{base}/{plural}/{name}")
        } else {
            format!(
                "{base}/namespaces/{}/{plural}/{name}",
                escaped(&object.namespace)
            )
        }
    }
}

/// Percent-encodes what is not unreserved: names of some resources have colons, and a hostile
/// etcd key may have anything.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// One page of names.
#[derive(Debug, Default)]
pub struct Names {
    /// The objects, in the order of etcd's keys.
    pub objects: Vec<Object>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
    /// How many come after this page, where the server says so.
    pub remaining: Option<u64>,
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(rename = "continue", default)]
    next: String,
    #[serde(default)]
    remaining_item_count: Option<u64>,
}

#[derive(Deserialize)]
struct Item {
    metadata: ItemMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemMetadata {
    name: String,
    #[serde(default)]
    namespace: String,
    resource_version: String,
}

impl Server {
    /// Lists one page. A token that is too old is exchanged for the one that the server offers,
    /// which goes on at the same name.
    ///
    /// # Errors
    /// When the server refuses or does not answer after several tries.
    pub async fn names(&self, served: &Served, token: Option<&str>) -> Result<Names, Failure> {
        let mut token = token.map(str::to_owned);
        let mut tries = 0;
        loop {
            let Served { base, plural, .. } = served;
            let next = match &token {
                Some(token) => format!("&continue={}", escaped(token)),
                None => String::new(),
            };
            let path = format!("{base}/{plural}?limit={PAGE}{next}");
            let answer = self
                .send(Method::GET, &path, &[("accept", ACCEPT)], Vec::new())
                .await;
            tries += 1;
            let (words, pause) = match answer {
                Ok(answer) if answer.status.is_success() => {
                    return Ok(page(self.decode(&answer)?));
                }
                Ok(answer) if answer.status == StatusCode::GONE => {
                    let offered = answer.refusal().metadata.next;
                    token = (!offered.is_empty()).then_some(offered);
                    ("the list's token is too old".to_owned(), None)
                }
                Ok(answer) if answer.status.as_u16() == 429 || answer.status.is_server_error() => {
                    (answer.told(), answer.retry_after)
                }
                Ok(answer) => {
                    let line = format!("{}: list {plural}: {}", self.name, answer.told());
                    return Err(Failure::findings(line));
                }
                Err(words) => (words, None),
            };
            if tries == super::touch::TRIES {
                let line = format!("{}: list {plural}: {words}", self.name);
                return Err(Failure::unreachable(line));
            }
            let pause = pause.unwrap_or_else(|| super::touch::pause(tries));
            tokio::time::sleep(pause).await;
        }
    }
}

fn page(list: List) -> Names {
    let objects = list.items.into_iter().map(|item| Object {
        namespace: item.metadata.namespace,
        name: item.metadata.name,
        resource_version: item.metadata.resource_version,
    });
    Names {
        objects: objects.collect(),
        next: Some(list.metadata.next).filter(|next| !next.is_empty()),
        remaining: list.metadata.remaining_item_count,
    }
}
