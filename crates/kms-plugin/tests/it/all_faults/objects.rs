//! Shell. The objects of one row: written all the time, read, and counted in the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_testservers::Http;

use crate::plugin::MARKER;

/// The group of all rows' resources.
pub const GROUP: &str = "rows.tidegate.test";
/// Between two writes of a row.
const PAUSE: Duration = Duration::from_secs(2);

/// One row's resource at one API server.
#[derive(Clone)]
pub struct Objects {
    api: Http,
    path: String,
    kind: String,
}

/// The kind of a row's resource.
pub fn kind(row: &str) -> String {
    row.split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

pub fn value(name: &str) -> String {
    format!("{MARKER}-{name}")
}

impl Objects {
    pub fn new(api: Http, row: &str) -> Self {
        Self {
            api,
            path: format!("/apis/{GROUP}/v1/namespaces/default/{row}"),
            kind: kind(row),
        }
    }

    /// The status of a creation; 0 without an answer.
    pub async fn create(&self, name: &str) -> u16 {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": self.kind,
            "metadata": { "name": name }, "value": value(name),
        });
        let answer = self.api.post(&self.path, &object).await;
        answer.map_or(0, |answer| answer.status)
    }

    /// Whether the object has its value, or the status of the answer.
    pub async fn read(&self, name: &str) -> Result<(), u16> {
        let answer = self.api.get(&format!("{}/{name}", self.path)).await;
        let answer = answer.map_err(|_| 0_u16)?;
        if answer.status != 200 {
            return Err(answer.status);
        }
        assert_eq!(answer.body["value"], value(name));
        Ok(())
    }

    /// The names of all, which have their values, or the status of the answer.
    pub async fn list(&self) -> Result<BTreeSet<String>, u16> {
        let answer = self.api.get(&self.path).await.map_err(|_| 0_u16)?;
        let items = answer.body["items"].as_array();
        let items = items
            .filter(|_| answer.status == 200)
            .ok_or(answer.status)?;
        let name = |item: &Value| {
            let name = item["metadata"]["name"].as_str().unwrap().to_owned();
            assert_eq!(item["value"], value(&name));
            name
        };
        Ok(items.iter().map(name).collect())
    }
}

/// Creates objects until it is told to stop, and knows which were acknowledged.
pub struct Writer {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<BTreeSet<String>>,
}

impl Writer {
    pub fn start(objects: Objects) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut acknowledged = BTreeSet::new();
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("w-{number}");
                match objects.create(&name).await {
                    201 => drop(acknowledged.insert(name)),
                    status => assert_eq!(status, 500, "{name}"),
                }
                tokio::time::sleep(PAUSE).await;
            }
            acknowledged
        });
        Self { stop, task }
    }

    /// Ends it and gives the names of what was acknowledged.
    pub async fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}
