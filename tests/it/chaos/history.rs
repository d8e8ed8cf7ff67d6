//! Shell. Every state that a Secret was ever in, from the API's own history.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::Sim;

/// One change of one Secret.
#[derive(Debug, Clone)]
pub enum Turn {
    /// It was made or changed, and was this.
    Held(Held),
    /// It was deleted.
    Gone,
}

/// All of a Secret that a write can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its decoded data.
    pub data: BTreeMap<String, String>,
    /// Labels, annotations, owners, finalizers and type.
    pub dress: [Value; 5],
}

/// The changes of every Secret, by path.
pub type History = BTreeMap<String, Vec<Turn>>;

/// Reads what happened to all Secrets since a resourceVersion.
pub async fn read(sim: &Sim, from: u64) -> History {
    let path = format!("/api/v1/secrets?watch=true&resourceVersion={from}&timeoutSeconds=1");
    let text = sim.text(&path).await;
    let mut history = History::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let object = &event["object"];
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let path = crate::support::path(text("namespace"), "secrets", text("name"));
        let turn = match event["type"].as_str().unwrap() {
            "DELETED" => Turn::Gone,
            "ADDED" | "MODIFIED" => Turn::Held(held(object)),
            other => panic!("the history is broken: {other}"),
        };
        history.entry(path).or_default().push(turn);
    }
    // The watch that gave the history has ended with its time.
    crate::support::pass(Duration::from_secs(2)).await;
    history
}

fn held(object: &Value) -> Held {
    let meta = &object["metadata"];
    let fields = ["labels", "annotations", "ownerReferences", "finalizers"].map(|name| &meta[name]);
    let [labels, annotations, owners, finalizers] = fields.map(Clone::clone);
    Held {
        data: crate::support::data(object),
        dress: [
            labels,
            annotations,
            owners,
            finalizers,
            object["type"].clone(),
        ],
    }
}

impl Held {
    /// UID of its owner.
    pub fn owner(&self) -> Option<&str> {
        self.dress[2][0]["uid"].as_str()
    }
}
