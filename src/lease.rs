//! Shell. The Lease that makes one replica the only writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use election::{Election, Record, Step};

pub mod election;

/// How the election runs; the defaults are client-go's.
#[derive(Debug, Clone)]
pub struct LeaseOptions {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Our name in it: unique per process.
    pub identity: String,
    /// How long a renewal counts.
    pub duration: Duration,
    /// Pause between two attempts.
    pub retry: Duration,
}

/// The right to write, as everyone who writes sees it.
///
/// Cheap to clone and to ask: one atomic load before every write.
#[derive(Debug, Clone)]
pub struct Leadership {
    right: Arc<Right>,
    clock: Clock,
}

#[derive(Debug)]
struct Right {
    until_millis: AtomicU64,
    bell: Notify,
}

impl Leadership {
    /// A right that never ends, for a single process without an election.
    #[must_use]
    pub fn always(clock: Clock) -> Self {
        Self::until(u64::MAX, clock)
    }

    fn none(clock: Clock) -> Self {
        Self::until(0, clock)
    }

    fn until(millis: u64, clock: Clock) -> Self {
        let right = Right {
            until_millis: AtomicU64::new(millis),
            bell: Notify::new(),
        };
        Self {
            right: Arc::new(right),
            clock,
        }
    }

    /// Whether a write may begin now.
    #[must_use]
    pub fn may_write(&self) -> bool {
        u128::from(self.until_millis()) > self.clock.uptime().as_millis()
    }

    /// Waits until a write may begin.
    pub async fn gained(&self) {
        loop {
            let bell = self.right.bell.notified();
            tokio::pin!(bell);
            bell.as_mut().enable();
            if self.may_write() {
                return;
            }
            bell.await;
        }
    }

    /// Waits until no write may begin any more.
    pub async fn lost(&self) {
        loop {
            let bell = self.right.bell.notified();
            tokio::pin!(bell);
            bell.as_mut().enable();
            if !self.may_write() {
                return;
            }
            let end = Duration::from_millis(self.until_millis());
            let left = end.saturating_sub(self.clock.uptime());
            // A renewal moves the end; looking again then is enough.
            tokio::select! {
                biased;
                () = bell => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    fn until_millis(&self) -> u64 {
        self.right.until_millis.load(Ordering::Acquire)
    }

    fn extend(&self, until: Option<Duration>) {
        let millis = until.map_or(0, |until| u64::try_from(until.as_millis()).unwrap_or(0));
        self.right.until_millis.store(millis, Ordering::Release);
        self.right.bell.notify_waiters();
    }
}

/// Takes part in the election until `stop`, then releases the Lease.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    options: LeaseOptions,
    clock: Clock,
    election: Election,
    leadership: Leadership,
}

impl Candidate {
    /// A candidate that has not asked yet.
    #[must_use]
    pub fn new(client: Client, options: LeaseOptions, clock: Clock) -> Self {
        let api = Api::namespaced(client, &options.namespace);
        let election = Election::new(options.identity.clone(), options.duration);
        let leadership = Leadership::none(clock);
        Self {
            api,
            options,
            clock,
            election,
            leadership,
        }
    }

    /// The right to write that this candidate keeps up to date.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Runs the election; gives the Lease back at the end so that the next replica starts at once.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut held = false;
        while !stop.is_cancelled() {
            self.attempt().await;
            let holds = self.leadership.may_write();
            if holds != held {
                held = holds;
                let (name, identity) = (&self.options.name, &self.options.identity);
                tracing::info!(lease = %name, %identity, leader = held, "leadership changed");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.options.retry) => {}
            }
        }
        self.leadership.extend(None);
        self.release().await;
    }

    /// One read and at most one write, bounded by the pause between attempts.
    async fn attempt(&mut self) {
        let began = self.clock.uptime();
        let limit = self.options.duration / 3;
        match tokio::time::timeout(limit, self.read_and_write(began)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(lease = %self.options.name, %error, "lease not renewed");
            }
            Err(_) => {
                tracing::warn!(lease = %self.options.name, "lease not renewed: no answer in time");
            }
        }
    }

    async fn read_and_write(&mut self, began: Duration) -> Result<(), kube::Error> {
        let lease = self.api.get_opt(&self.options.name).await?;
        let current = lease.as_ref().map(record_of);
        match self
            .election
            .step(current.as_ref(), began, self.clock.now())
        {
            Step::Wait => {
                self.election.lost();
                self.leadership.extend(None);
            }
            Step::Create(record) => {
                let body = self.body(&record, None);
                let sent = self.api.create(&PostParams::default(), &body).await;
                self.settle(sent, record, began)?;
            }
            Step::Update(record) => {
                let version = lease.as_ref().and_then(ResourceExt::resource_version);
                let body = self.body(&record, version);
                let sent = self
                    .api
                    .replace(&self.options.name, &PostParams::default(), &body)
                    .await;
                self.settle(sent, record, began)?;
            }
        }
        Ok(())
    }

    fn settle(
        &mut self,
        sent: Result<Lease, kube::Error>,
        record: Record,
        began: Duration,
    ) -> Result<(), kube::Error> {
        match sent {
            Ok(stored) => {
                // The server rounds times to microseconds: remember what it stored.
                let stored = record_of(&stored);
                debug_assert_eq!(stored.holder, record.holder);
                self.election.renewed(stored, began);
                self.leadership.extend(self.election.may_write_until());
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                self.election.lost();
                self.leadership.extend(None);
                Ok(())
            }
            // Not known whether it was stored: what we hold runs out by itself.
            Err(error) => Err(error),
        }
    }

    async fn release(&self) {
        let Some(record) = self.election.release(self.clock.now()) else {
            return;
        };
        let release = async {
            let lease = self.api.get(&self.options.name).await?;
            if record_of(&lease).holder != self.options.identity {
                return Ok(());
            }
            let body = self.body(&record, lease.resource_version());
            self.api
                .replace(&self.options.name, &PostParams::default(), &body)
                .await
                .map(drop)
        };
        match tokio::time::timeout(self.options.duration / 3, release).await {
            Ok(Ok(())) => tracing::info!(lease = %self.options.name, "lease released"),
            Ok(Err::<(), kube::Error>(error)) => {
                tracing::warn!(lease = %self.options.name, %error, "lease not released");
            }
            Err(_) => tracing::warn!(lease = %self.options.name, "lease not released in time"),
        }
    }

    fn body(&self, record: &Record, resource_version: Option<String>) -> Lease {
        Lease {
            metadata: ObjectMeta {
                name: Some(self.options.name.clone()),
                namespace: Some(self.options.namespace.clone()),
                resource_version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(record.holder.clone()),
                lease_duration_seconds: i32::try_from(record.duration.as_secs()).ok(),
                acquire_time: record.acquired.map(MicroTime),
                renew_time: record.renewed.map(MicroTime),
                lease_transitions: Some(record.transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// Reads a Lease; what is missing counts as free and long ago.
fn record_of(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|s| u64::try_from(s).ok())
        .unwrap_or(0);
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        acquired: spec.acquire_time.map(|time| -> Timestamp { time.0 }),
        renewed: spec.renew_time.map(|time| -> Timestamp { time.0 }),
        transitions: spec.lease_transitions.unwrap_or(0),
    }
}
