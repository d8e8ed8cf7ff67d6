//! Shell. The only writer of statuses and events: queued, latest wins, Secrets go first.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_queue::{Key, Lane, Options, Requeue, Ticket, WorkQueue};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::patch::api::{Api, Refusal, percent};
use crate::patch::permits::Class;
use crate::patch::request;
use gate::{Event, Gate};

mod post;

pub mod gate;

/// Whose status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An ExternalSecret.
    ExternalSecret,
    /// A SecretStore.
    SecretStore,
    /// A ClusterSecretStore.
    ClusterSecretStore,
}

/// The object a status belongs to. The namespace of a ClusterSecretStore is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Subject {
    fn path(&self) -> String {
        let name = percent(&self.name);
        let namespace = percent(&self.namespace);
        let base = "/apis/external-secrets.io/v1";
        match self.kind {
            Kind::ExternalSecret => {
                format!("{base}/namespaces/{namespace}/externalsecrets/{name}/status")
            }
            Kind::SecretStore => {
                format!("{base}/namespaces/{namespace}/secretstores/{name}/status")
            }
            Kind::ClusterSecretStore => format!("{base}/clustersecretstores/{name}/status"),
        }
    }
}

impl Key for Subject {
    type Namespace = Arc<str>;

    fn namespace(&self) -> &Arc<str> {
        &self.namespace
    }
}

/// Field manager of statuses; `status_is_ours` looks for it.
pub const STATUS_MANAGER: &str = "tidegate";

/// What matters of the answer to a status write.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    metadata: Version,
}

#[derive(Deserialize, Default)]
struct Version {
    #[serde(rename = "resourceVersion", default)]
    resource_version: String,
}

/// A merge patch of the status subresource.
#[derive(Serialize)]
struct Body<'a, S> {
    status: &'a S,
}

#[derive(Debug)]
struct Pending {
    body: Vec<u8>,
    class: Class,
    attempts: u32,
}

/// Statuses that may stand in line for a permit at once. More than the permits there are, so that
/// none of those is idle; few, because each takes a task.
const IN_WORK: usize = 256;

/// How long a status that tells of an outage waits: the store's own condition goes first, and what
/// is over by then needs no telling.
const OUTAGE_WAIT: Duration = Duration::from_secs(2);

/// How long a status waits for another of the same object that is on its way.
const OVERLAP_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Inner {
    api: Api,
    queue: WorkQueue<Subject>,
    /// Statuses that tell of an outage: thousands at once, and none of them urgent.
    paced: WorkQueue<Subject>,
    /// Whose status is on its way.
    flying: Mutex<HashSet<Subject>>,
    pending: Mutex<HashMap<Subject, Pending>>,
    /// Versions that our writes made and no watch has reached yet.
    made: Mutex<HashMap<Subject, u64>>,
    gate: Mutex<Gate>,
    bell: tokio::sync::Notify,
}

/// Takes statuses and events from everyone. Cloning gives another handle to the same.
///
/// # Guarantees
/// A status that was taken is written, or replaced by a later one of the same object, or its
/// object is gone. Two writes of one object's status never overlap. Statuses that tell of an outage
/// take a tenth of the permits at most.
#[derive(Debug, Clone)]
pub struct Reporter(Arc<Inner>);

impl Reporter {
    /// Writes through `api`, which lets at most `writes` at once to the API server.
    #[must_use]
    pub fn new(api: Api, writes: usize) -> Self {
        let bounded = |max_in_work| {
            WorkQueue::new(Options {
                max_in_work,
                ..Options::default()
            })
        };
        Self(Arc::new(Inner {
            api,
            queue: bounded(IN_WORK),
            paced: bounded((writes / 10).max(1)),
            flying: Mutex::default(),
            pending: Mutex::default(),
            made: Mutex::default(),
            gate: Mutex::new(Gate::new()),
            bell: tokio::sync::Notify::new(),
        }))
    }

    /// Takes a status. A waiting one of the same object is replaced and keeps the better class.
    pub fn status(&self, subject: Subject, status: &impl Serialize, class: Class) {
        let class = self.take(&subject, status, class);
        self.0.queue.add(subject, lane(class), ());
    }

    /// Takes a status that tells of an outage, as [`Reporter::status`] does others: it is in no
    /// hurry, and takes few of the permits.
    pub fn outage(&self, subject: Subject, status: &impl Serialize) {
        self.take(&subject, status, Class::Status);
        let lane = lane(Class::Status);
        self.0.paced.add_after(subject, lane, OUTAGE_WAIT, ());
    }

    /// Puts a status in the place of a waiting one of the same object; answers the better class.
    fn take(&self, subject: &Subject, status: &impl Serialize, class: Class) -> Class {
        let body = serde_json::to_vec(&Body { status }).unwrap_or_default();
        let mut pending = lock(&self.0.pending);
        let class = pending
            .get(subject)
            .map_or(class, |waiting| waiting.class.min(class));
        pending.insert(
            subject.clone(),
            Pending {
                body,
                class,
                attempts: 0,
            },
        );
        class
    }

    /// Drops a waiting status of an object that is gone.
    pub fn forget(&self, subject: &Subject) {
        lock(&self.0.pending).remove(subject);
        lock(&self.0.made).remove(subject);
        self.0.queue.forget(subject);
        self.0.paced.forget(subject);
    }

    /// A watch shows the object at `version`: whether every status that was taken is in it.
    #[must_use]
    pub fn is_settled(&self, subject: &Subject, version: Option<&str>) -> bool {
        let queues = [&self.0.queue, &self.0.paced];
        if queues.iter().any(|queue| queue.state(subject).is_some()) {
            return false;
        }
        let mut made = lock(&self.0.made);
        let seen = version.and_then(|text| text.parse().ok());
        // A version that is no number cannot be compared: then the first event counts.
        let later = |ours: &u64| seen.is_some_and(|seen: u64| seen < *ours);
        if made.get(subject).is_some_and(later) {
            return false;
        }
        made.remove(subject);
        true
    }

    /// Takes an event.
    pub fn event(&self, event: Event) {
        let now = self.0.api.clock().uptime();
        lock(&self.0.gate).offer(event, now);
        self.0.bell.notify_one();
    }

    /// Statuses that wait or are on their way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.0.pending).len()
    }

    /// Of these, statuses that may wait behind all Secrets.
    #[must_use]
    pub fn deferred(&self) -> usize {
        let pending = lock(&self.0.pending);
        let waits = |it: &&Pending| it.class >= Class::DeferredStatus;
        pending.values().filter(waits).count()
    }

    /// Normal events dropped so far, and warnings that wait.
    #[must_use]
    pub fn events(&self) -> (u64, usize) {
        let gate = lock(&self.0.gate);
        (gate.dropped(), gate.waiting())
    }

    /// Writes until `stop`, then finishes what is on its way.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            self.statuses(&self.0.queue, stop.clone()),
            self.statuses(&self.0.paced, stop.clone()),
            self.post_events(stop)
        );
    }

    async fn statuses(&self, queue: &WorkQueue<Subject>, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        loop {
            let ticket = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_finished) = tasks.join_next(), if !tasks.is_empty() => continue,
                ticket = queue.next() => ticket,
            };
            let Some(ticket) = ticket else { break };
            let inner = Arc::clone(&self.0);
            tasks.spawn(async move { inner.write(ticket).await });
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn post_events(&self, stop: CancellationToken) {
        loop {
            let now = self.0.api.clock().uptime();
            let next = lock(&self.0.gate).next(now);
            if let Some((event, count)) = next {
                self.0.post(&event, count).await;
                continue;
            }
            let pause = if lock(&self.0.gate).waiting() == 0 {
                IDLE
            } else {
                TICK
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.0.bell.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// How long the event task sleeps when nothing waits; a new event rings.
const IDLE: Duration = Duration::from_secs(60);
/// How often it looks for a token while warnings wait.
const TICK: Duration = Duration::from_millis(200);

impl Inner {
    async fn write(&self, ticket: Ticket<Subject>) {
        let subject = ticket.work().key.clone();
        if !lock(&self.flying).insert(subject.clone()) {
            // It stands in the other queue as well, and goes from there at this moment.
            let (lane, after, reasons) = (ticket.work().lane, OVERLAP_WAIT, ());
            ticket.done(Some(Requeue {
                lane,
                after,
                reasons,
            }));
            return;
        }
        let _landed = Flying(self, subject.clone());
        let Some(pending) = lock(&self.pending).remove(&subject) else {
            ticket.done(None);
            return;
        };
        let path = format!("{}?fieldManager={STATUS_MANAGER}", subject.path());
        let body = pending.body.clone();
        let patch = request("PATCH", &path, "application/merge-patch+json", body);
        let namespace = &subject.namespace;
        let sent = self
            .api
            .send_into::<Written>(namespace, pending.class, patch);
        match sent.await {
            Ok(written) => {
                if let Ok(version) = written.metadata.resource_version.parse() {
                    lock(&self.made).insert(subject, version);
                }
                ticket.done(None);
            }
            Err(Refusal::NotFound | Refusal::Ending) => ticket.done(None),
            Err(refusal) => {
                let (namespace, name) = (&*subject.namespace, &*subject.name);
                tracing::warn!(namespace, name, %refusal, "status not written, will be retried");
                self.again(ticket, subject, pending);
            }
        }
    }

    /// Puts a status back unless a newer one has come.
    fn again(&self, ticket: Ticket<Subject>, subject: Subject, mut pending: Pending) {
        pending.attempts = pending.attempts.saturating_add(1);
        let after = Duration::from_secs(1 << pending.attempts.min(7));
        lock(&self.pending).entry(subject).or_insert(pending);
        ticket.done(Some(Requeue {
            lane: Lane::Retry,
            after,
            reasons: (),
        }));
    }
}

/// Marks that an object's status is on its way, also when the writing is cut off.
struct Flying<'a>(&'a Inner, Subject);

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        lock(&self.0.flying).remove(&self.1);
    }
}

fn lane(class: Class) -> Lane {
    match class {
        Class::FreshSecret | Class::FreshStatus => Lane::Fresh,
        Class::ChangedSecret | Class::DeferredStatus => Lane::Changed,
        Class::BulkSecret | Class::Status => Lane::Bulk,
        Class::Event => Lane::Retry,
        Class::Heartbeat => Lane::Refresh,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
