//! Shell. The only writer of Secrets: obeys a change and decides nothing.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use http::{Request, header};
use k8s_openapi::api::core::v1::Secret;
use tidegate_contract::ErrorKind;
use tidegate_stages::{
    Action, Applied, ApplyFailure, Change, Cleanup, Intent, ObjectKey, Orphan, Precondition,
    TargetDigest, UpdateSecret, Why, Written, merge,
};

use crate::controller::world::World;
use crate::patch::api::{Api, Refusal, percent};
use crate::patch::endings::Endings;
use crate::patch::permits::Class;

pub mod api;
pub mod endings;
pub mod limit;
pub mod permits;

/// Rounds of GET and write when the target keeps changing under our hands.
const ROUNDS: usize = 3;

/// Performs changes of Secrets.
///
/// # Guarantees
/// Every write is preceded by a look at the Lease, holds a permit, names ESO's field manager and is
/// guarded by resourceVersion or is a POST. What the server answers goes into the world at once, so
/// that the watch's echo of it wakes nobody.
#[derive(Debug, Clone)]
pub struct Patcher {
    api: Api,
    world: Arc<RwLock<World>>,
}

type Done = Result<(Written, Option<Why>), ApplyFailure>;

impl Patcher {
    /// A writer through `api`.
    #[must_use]
    pub fn new(api: Api, world: Arc<RwLock<World>>) -> Self {
        Self { api, world }
    }

    /// Namespaces that take nothing new.
    #[must_use]
    pub fn endings(&self) -> &Endings {
        self.api.endings()
    }

    /// Performs `change` for an object of `namespace`, as urgent as `class`.
    ///
    /// # Errors
    /// See [`ApplyFailure`]; nothing of the target was written when there is one, except that
    /// orphans may be left.
    pub async fn run(
        &self,
        change: &Change,
        namespace: &Arc<str>,
        class: Class,
    ) -> Result<Applied, ApplyFailure> {
        let (written, nothing) = match &change.action {
            Action::Nothing(_) | Action::Refuse(_) => (Written::Nothing, None),
            Action::Create(intent) => self.create(intent, class).await?,
            Action::Merge(intent) => self.merge(intent, class).await?,
            Action::Update(update) => match self.update(update, class).await {
                // The cache was behind: judge the live Secret by the same intent. An operation on
                // a field that is gone answers 422 before the version is looked at.
                Err(
                    ApplyFailure::Conflict
                    | ApplyFailure::Write {
                        kind: ErrorKind::Invalid,
                        ..
                    },
                ) => self.merge(&update.intent, class).await?,
                done => done?,
            },
            Action::Delete(precondition) => self.delete(precondition, namespace, class).await?,
        };
        let mut orphans_deleted = Vec::new();
        for Orphan(orphan) in &change.orphans {
            match self.delete(orphan, namespace, class).await {
                Ok(_) => orphans_deleted.push(Arc::clone(&orphan.name)),
                Err(ApplyFailure::Write { public, kind }) => {
                    return Err(ApplyFailure::Orphan { public, kind });
                }
                Err(other) => return Err(other),
            }
        }
        Ok(Applied {
            written,
            nothing,
            orphans_deleted,
        })
    }

    /// Deletes what a deleted object asks for, then drops ESO's finalizer.
    ///
    /// # Errors
    /// See [`ApplyFailure`].
    pub async fn clean(&self, cleanup: &Cleanup, key: &ObjectKey) -> Result<(), ApplyFailure> {
        if let Some(precondition) = &cleanup.delete {
            self.delete(precondition, &key.namespace, Class::BulkSecret)
                .await?;
        }
        let Some(finalizer) = &cleanup.drop_finalizer else {
            return Ok(());
        };
        let path = format!(
            "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets/{}",
            percent(&key.namespace),
            percent(&key.name)
        );
        let body = serde_json::to_vec(&finalizer.patch()).unwrap_or_default();
        let request = patch_request(&path, body);
        match self
            .api
            .send::<serde_json::Value>(Class::Status, request)
            .await
        {
            Ok(_) | Err(Refusal::NotFound) => Ok(()),
            Err(Refusal::Conflict | Refusal::Invalid(_)) => Err(ApplyFailure::Conflict),
            Err(refusal) => Err(failed("the finalizer could not be dropped", &refusal)),
        }
    }

    async fn create(&self, intent: &Arc<Intent>, class: Class) -> Done {
        let path = format!(
            "{}?fieldManager={}",
            folder(&intent.owner.namespace),
            manager(intent)
        );
        let body = intent.create_body().into_inner();
        let request = json_request("POST", &path, body.to_vec());
        let namespace = &intent.owner.namespace;
        let sent = self.api.send_into::<Secret>(namespace, class, request);
        match sent.await {
            Ok(secret) => Ok(self.keep(&secret, intent, Written::Created)),
            Err(Refusal::AlreadyExists) => self.merge(intent, class).await,
            Err(refusal) => Err(failed("the Secret could not be created", &refusal)),
        }
    }

    async fn update(&self, update: &UpdateSecret, class: Class) -> Done {
        let intent = &update.intent;
        let path = format!("{}?fieldManager={}", path_of(intent), manager(intent));
        let body = update.patch_body().into_inner();
        let request = patch_request(&path, body.to_vec());
        let namespace = &intent.owner.namespace;
        let sent = self.api.send_into::<Secret>(namespace, class, request);
        match sent.await {
            Ok(secret) => Ok(self.keep(&secret, intent, Written::Updated)),
            // 422: an operation no longer fits what is there; 404: it is gone.
            Err(Refusal::Conflict | Refusal::NotFound) => Err(ApplyFailure::Conflict),
            Err(refusal) => Err(failed("the Secret could not be updated", &refusal)),
        }
    }

    /// Reads the live Secret and lets the pure stage decide, until the write fits.
    async fn merge(&self, intent: &Arc<Intent>, class: Class) -> Done {
        for _ in 0..ROUNDS {
            let request = json_request("GET", &path_of(intent), Vec::new());
            let live = match self.api.read::<Secret>(class, request).await {
                Ok(secret) => Some(secret),
                Err(Refusal::NotFound) => None,
                Err(refusal) => return Err(failed("the Secret could not be read", &refusal)),
            };
            if let Some(secret) = &live {
                self.world()
                    .keep_target(&target(intent), TargetDigest::from_secret(secret));
            }
            match merge(intent, live.as_ref()) {
                Action::Nothing(why) => return Ok((Written::Nothing, Some(why))),
                Action::Refuse(error) => return Err(ApplyFailure::Refused(error)),
                Action::Update(update) => match self.update(&update, class).await {
                    Err(ApplyFailure::Conflict) => {}
                    done => return done,
                },
                Action::Create(intent) => match Box::pin(self.create(&intent, class)).await {
                    Err(ApplyFailure::Conflict) => {}
                    done => return done,
                },
                Action::Merge(_) | Action::Delete(_) => return Err(ApplyFailure::Conflict),
            }
        }
        Err(ApplyFailure::Conflict)
    }

    async fn delete(&self, target: &Precondition, namespace: &Arc<str>, class: Class) -> Done {
        let path = format!("{}/{}", folder(namespace), percent(&target.name));
        let options = serde_json::json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": { "uid": &*target.uid, "resourceVersion": &*target.resource_version },
        });
        let body = serde_json::to_vec(&options).unwrap_or_default();
        let request = json_request("DELETE", &path, body);
        let key = ObjectKey::new(Arc::clone(namespace), Arc::clone(&target.name));
        match self.api.send::<serde_json::Value>(class, request).await {
            Ok(_) => {
                self.world().target_deleted(&key, &target.resource_version);
                Ok((Written::Deleted, None))
            }
            Err(Refusal::NotFound) => {
                self.world().target_deleted(&key, &target.resource_version);
                Ok((Written::Nothing, Some(Why::AlreadyGone)))
            }
            Err(Refusal::Conflict) => Err(ApplyFailure::Conflict),
            Err(refusal) => Err(failed("the Secret could not be deleted", &refusal)),
        }
    }

    fn keep(&self, secret: &Secret, intent: &Intent, written: Written) -> (Written, Option<Why>) {
        self.world()
            .keep_target(&target(intent), TargetDigest::from_secret(secret));
        (written, None)
    }

    fn world(&self) -> std::sync::RwLockWriteGuard<'_, World> {
        self.world
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Deadline of one request to the API server.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

fn failed(what: &str, refusal: &Refusal) -> ApplyFailure {
    let kind = match refusal {
        Refusal::Forbidden(_) | Refusal::Ending => ErrorKind::Denied,
        Refusal::Throttled => ErrorKind::Throttled { after: None },
        Refusal::Invalid(_) | Refusal::TooLarge => ErrorKind::Invalid,
        Refusal::NotFound => ErrorKind::NotFound,
        Refusal::Conflict | Refusal::AlreadyExists => ErrorKind::Conflict,
        Refusal::NotLeader | Refusal::Unavailable => ErrorKind::Unavailable,
    };
    ApplyFailure::Write {
        public: format!("{what}: {refusal}").into(),
        kind,
    }
}

fn folder(namespace: &str) -> String {
    format!("/api/v1/namespaces/{}/secrets", percent(namespace))
}

fn path_of(intent: &Intent) -> String {
    format!(
        "{}/{}",
        folder(&intent.owner.namespace),
        percent(&intent.target)
    )
}

fn target(intent: &Intent) -> ObjectKey {
    ObjectKey::new(
        Arc::clone(&intent.owner.namespace),
        Arc::clone(&intent.target),
    )
}

fn manager(intent: &Intent) -> String {
    percent(&intent.manager)
}

pub(crate) fn json_request(method: &str, path: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    request(method, path, "application/json", body)
}

pub(crate) fn patch_request(path: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    request("PATCH", path, "application/json-patch+json", body)
}

pub(crate) fn request(method: &str, path: &str, kind: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    let builder = Request::builder().method(method).uri(path);
    let builder = builder
        .header(header::CONTENT_TYPE, kind)
        .header(header::ACCEPT, "application/json");
    // Every part was percent-encoded, so the path is one; an empty request would be refused.
    builder.body(body).unwrap_or_default()
}
