//! Pure. What a watched object says, as a row: its store, target, state, cause and times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::names;

use super::fault::one_line;
use super::wanted::{Id, Rank};

#[cfg(test)]
mod tests;

/// How an object fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has failed.
    Failed,
    /// Nothing was told yet.
    Waiting,
    /// All is as declared.
    Ready,
}

impl State {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::Waiting => "Waiting",
            Self::Ready => "Ready",
        }
    }
}

/// One object on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub id: Id,
    /// The store it reads from; for stores, their backend.
    pub store: String,
    /// The Secret it makes; empty for stores.
    pub target: String,
    /// How it fares.
    pub state: State,
    /// The condition's reason.
    pub reason: String,
    /// The condition's message.
    pub cause: String,
    /// When the Secret was last written.
    pub changed: Option<Timestamp>,
    /// When the controller looks again by itself.
    pub next: Option<Timestamp>,
}

impl Row {
    /// `namespace/name`, or the name of what lies in no namespace.
    #[must_use]
    pub fn name(&self) -> String {
        if self.id.namespace.is_empty() {
            self.id.name.clone()
        } else {
            format!("{}/{}", self.id.namespace, self.id.name)
        }
    }

    /// Whether it is a store.
    #[must_use]
    pub fn is_store(&self) -> bool {
        self.id.rank == Rank::Store
    }
}

/// What the watches show.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// ExternalSecrets and stores.
    pub objects: BTreeMap<Id, Value>,
    /// When Secrets were last written, by namespace and name.
    pub secrets: BTreeMap<(String, String), Timestamp>,
}

impl Seen {
    /// Every object as a row; `next` tells when one is looked at again.
    #[must_use]
    pub fn rows(&self, next: impl Fn(&Id) -> Option<Timestamp>) -> Vec<Row> {
        let rows = self.objects.iter().map(|(id, object)| {
            let target = target(id, object);
            let key = (id.namespace.clone(), target.clone());
            let (state, reason, cause) = condition(object);
            Row {
                store: store(id, object),
                changed: self.secrets.get(&key).copied(),
                next: next(id),
                id: id.clone(),
                target,
                state,
                reason,
                cause,
            }
        });
        rows.collect()
    }
}

/// The Id of a watched object.
#[must_use]
pub fn id(kind: &str, namespace: Option<&str>, name: &str) -> Id {
    Id {
        rank: Rank::of(kind),
        group: names::GROUP.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
    }
}

/// The time of the newest write in `managedFields`.
#[must_use]
pub fn written<'a>(times: impl IntoIterator<Item = &'a Timestamp>) -> Option<Timestamp> {
    times.into_iter().max().copied()
}

/// Name of the Secret that an ExternalSecret makes.
#[must_use]
pub fn target(id: &Id, object: &Value) -> String {
    if id.rank == Rank::Store {
        return String::new();
    }
    let name = object.pointer("/spec/target/name").and_then(Value::as_str);
    name.filter(|name| !name.is_empty())
        .unwrap_or(&id.name)
        .to_owned()
}

fn store(id: &Id, object: &Value) -> String {
    if id.rank == Rank::Store {
        let provider = object.pointer("/spec/provider").and_then(Value::as_object);
        let name = provider.and_then(|provider| provider.keys().next());
        return name.cloned().unwrap_or_default();
    }
    let mut found: Vec<String> = Vec::new();
    let own = object.pointer("/spec/secretStoreRef").into_iter();
    let entries = ["/spec/data", "/spec/dataFrom"];
    let entries = entries
        .iter()
        .filter_map(|list| object.pointer(list)?.as_array())
        .flatten();
    let theirs = entries.filter_map(|entry| entry.pointer("/sourceRef/storeRef"));
    for reference in own.chain(theirs) {
        let Some(name) = reference["name"].as_str() else {
            continue;
        };
        let name = match reference["kind"].as_str() {
            Some("ClusterSecretStore") => format!("{name} (cluster)"),
            _ => name.to_owned(),
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found.join(",")
}

fn condition(object: &Value) -> (State, String, String) {
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == names::READY);
    let Some(ready) = ready else {
        return (State::Waiting, String::new(), String::new());
    };
    let state = if ready["status"] == "True" {
        State::Ready
    } else {
        State::Failed
    };
    let text = |field: &str| one_line(ready[field].as_str().unwrap_or_default());
    (state, text("reason"), text("message"))
}
