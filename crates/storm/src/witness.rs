//! Shell. The witness: two watches that note on the board what the controller has reached.

use std::hash::{DefaultHasher, Hash, Hasher};

use kube::Client;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::follow::{Change, Source, follow};
use crate::load::{LABEL, Load};
use crate::nodes::{SeenMeta, SeenSecret, Watchers};

#[derive(Debug, Deserialize)]
struct SeenObject {
    metadata: SeenMeta,
    #[serde(default)]
    status: SeenStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeenStatus {
    #[serde(default)]
    refresh_time: String,
    #[serde(default)]
    synced_resource_version: String,
    #[serde(default)]
    conditions: Vec<SeenCondition>,
}

#[derive(Debug, Deserialize, Hash)]
#[serde(rename_all = "camelCase")]
struct SeenCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    last_transition_time: String,
    #[serde(default)]
    message: String,
}

impl SeenStatus {
    fn ready(&self) -> bool {
        let ready = |it: &&SeenCondition| it.kind == "Ready";
        self.conditions
            .iter()
            .find(ready)
            .is_some_and(|it| it.status == "True")
    }

    fn stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.refresh_time.hash(&mut hasher);
        self.synced_resource_version.hash(&mut hasher);
        self.conditions.hash(&mut hasher);
        // Zero is what an object has before its first status.
        hasher.finish().max(1)
    }
}

/// Follows the run's Secrets and ExternalSecrets until dropped.
///
/// Secrets are found by the run's label, which controllers copy from the ExternalSecret.
#[must_use]
pub fn start(load: &Load, clients: [Client; 2], watchers: &Watchers) -> JoinSet<()> {
    let selector = format!("labelSelector={}%3D{}", LABEL.replace('/', "%2F"), load.run);
    let mut tasks = JoinSet::new();
    let [secrets, objects] = clients;
    let (source, of, to) = (
        Source {
            path: "/api/v1/secrets".to_owned(),
            selector: selector.clone(),
        },
        load.clone(),
        watchers.clone(),
    );
    tasks.spawn(async move {
        let note = |change: Change<SeenSecret>| match change {
            Change::Relisted => {}
            Change::Is(secret) => {
                let meta = &secret.metadata;
                if let Some(object) = of.object_at(&meta.namespace, &meta.name) {
                    let generation = secret.generation(&of.values);
                    to.note(|board, now| board.secret(object, generation, now));
                }
            }
            Change::Gone(secret) => {
                let meta = &secret.metadata;
                if let Some(object) = of.object_at(&meta.namespace, &meta.name) {
                    to.note(|board, _| board.secret_gone(object));
                }
            }
        };
        follow(&secrets, &source, 0, note).await;
    });
    let (source, of, to) = (
        Source {
            path: "/apis/external-secrets.io/v1/externalsecrets".to_owned(),
            selector,
        },
        load.clone(),
        watchers.clone(),
    );
    tasks.spawn(async move {
        let note = |change: Change<SeenObject>| {
            let (seen, gone) = match change {
                Change::Relisted => return,
                Change::Is(seen) => (seen, false),
                Change::Gone(seen) => (seen, true),
            };
            let meta = &seen.metadata;
            if let Some(object) = of.object_at(&meta.namespace, &meta.name) {
                let (ready, stamp) = (seen.status.ready() && !gone, seen.status.stamp());
                to.note(|board, now| board.status(object, ready, stamp, now));
            }
        };
        follow(&objects, &source, 1, note).await;
    });
    tasks
}
