//! Shell. Watches what `dev` shows: ExternalSecrets, stores, and when Secrets are written.

use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::core::{DynamicObject, GroupVersionKind, PartialObjectMeta};
use kube::discovery::ApiResource;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tidegate_api::names;
use tidegate_queue::State;
use tidegate_stages::ObjectKey;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::view::{self, Row, Seen};
use super::wanted::{Id, Rank};
use crate::controller::context::{Context, Item};

/// What tells two writes within one second apart.
const TELL_APART: Duration = Duration::from_millis(1);

/// The kinds that have a Ready condition.
const KINDS: [(&str, &str); 3] = [
    ("ExternalSecret", "externalsecrets"),
    ("SecretStore", "secretstores"),
    ("ClusterSecretStore", "clustersecretstores"),
];

/// What is seen, and a bell that rings when that changes.
#[derive(Clone)]
pub struct Observer {
    seen: Arc<Mutex<Seen>>,
    bell: watch::Sender<()>,
    controller: Arc<OnceLock<Arc<Context>>>,
}

impl Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            seen: Arc::default(),
            bell: watch::Sender::new(()),
            controller: Arc::default(),
        }
    }
}

impl Observer {
    /// Begins to watch in tasks of `tasks`, until `stop`.
    pub fn watch(&self, client: &Client, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        for (kind, plural) in KINDS {
            let gvk = GroupVersionKind::gvk(names::GROUP, "v1", kind);
            let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let (this, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                let follow = follow(api, |object, there| this.object(kind, object, there));
                let _stopped = stop.run_until_cancelled(follow).await;
            });
        }
        let api: Api<PartialObjectMeta<Secret>> = Api::all(client.clone());
        let (this, stop) = (self.clone(), stop.clone());
        tasks.spawn(async move {
            let follow = follow(api, |secret, there| this.secret(&secret, there));
            let _stopped = stop.run_until_cancelled(follow).await;
        });
    }

    /// The controller, once it has started: it knows when it looks again.
    pub fn started(&self, controller: &Arc<Context>) {
        let _set_once = self.controller.set(Arc::clone(controller));
    }

    /// Hears of every change from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// What is seen now, as rows.
    #[must_use]
    pub fn rows(&self, now: Timestamp) -> Vec<Row> {
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        seen.rows(|id| self.next(id, now))
    }

    /// What declares an object, as it was last seen.
    #[must_use]
    pub fn declared(&self, id: &Id) -> Option<serde_json::Value> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.objects.get(id).cloned()
    }

    /// When the controller looks at an object by itself: the next poll of one of its keys, or its
    /// own timer.
    fn next(&self, id: &Id, now: Timestamp) -> Option<Timestamp> {
        let controller = self.controller.get()?;
        if id.rank != Rank::ExternalSecret {
            return None;
        }
        let key = ObjectKey::new(&*id.namespace, &*id.name);
        let polled = controller.fetch.due_at(&key.to_string());
        let polled = polled.and_then(|at| Timestamp::from_duration(at.try_into().ok()?).ok());
        let timer = match controller.queue.state(&Item(key)) {
            Some(State::Delayed { due, .. }) => {
                let after = due.saturating_sub(controller.queue.now());
                now.checked_add(after).ok()
            }
            Some(State::Queued { .. } | State::InWork { .. }) => Some(now),
            None => None,
        };
        polled.into_iter().chain(timer).min()
    }

    fn object(&self, kind: &str, object: DynamicObject, there: bool) {
        let id = view::id(
            kind,
            object.metadata.namespace.as_deref(),
            &object.name_any(),
        );
        self.change(|seen| {
            if !there {
                seen.objects.remove(&id);
                return;
            }
            // Bookkeeping is most of an object and nothing to show.
            let mut value = object.data;
            value["metadata"] = serde_json::json!({
                "labels": object.metadata.labels,
                "annotations": object.metadata.annotations,
            });
            seen.objects.insert(id, value);
        });
    }

    fn secret(&self, secret: &PartialObjectMeta<Secret>, there: bool) {
        let meta = secret.meta();
        let key = (
            meta.namespace.clone().unwrap_or_default(),
            meta.name.clone().unwrap_or_default(),
        );
        let fields = meta.managed_fields.as_deref().unwrap_or_default();
        let times = fields
            .iter()
            .filter_map(|entry| Some(&entry.time.as_ref()?.0));
        let at = view::written(times);
        self.change(|seen| {
            match at.filter(|_| there) {
                Some(at) => {
                    // These times are whole seconds: two writes within one must still differ.
                    let same = |old: &&Timestamp| old.as_second() == at.as_second();
                    let old = seen.secrets.get(&key).filter(same);
                    let later = old.and_then(|old| old.checked_add(TELL_APART).ok());
                    seen.secrets.insert(key, later.unwrap_or(at))
                }
                None => seen.secrets.remove(&key),
            };
        });
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.send_replace(());
    }
}

/// Follows a watch for good; an error is its server's restart or a fault, and it begins again.
async fn follow<K>(api: Api<K>, handle: impl Fn(K, bool))
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash,
{
    let mut stream = pin!(watcher(api, watcher::Config::default()).default_backoff());
    while let Some(event) = stream.next().await {
        match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                handle(object, true);
            }
            Ok(watcher::Event::Delete(object)) => handle(object, false),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => {
                tracing::debug!(%error, "a watch of the screen begins again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
