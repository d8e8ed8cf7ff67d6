//! Shell. The sync controller: watches, queue, workers, and the order in which they start and stop.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tidegate_fetch::Cause;
use tidegate_queue::Lane;
use tidegate_stages::{ObjectKey, Trigger};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::Health;
use crate::lease::Leadership;
use crate::report::{Kind, Subject};
use context::{Context, Item, reason};
use relations::StoreId;

pub mod backends;
mod broken;
pub mod context;
pub mod credentials;
mod desks;
mod few;
mod follow;
mod guard;
mod items;
mod losses;
mod packed;
mod polling;
mod pulse;
mod reconcile;
pub mod relations;
mod reporting;
pub mod sources;
mod stores;
mod templates;
mod tokens;
mod watch;
pub mod world;

/// The subject of an ExternalSecret's status.
#[must_use]
pub fn subject_of(key: &ObjectKey) -> Subject {
    let (namespace, name) = (Arc::clone(&key.namespace), Arc::clone(&key.name));
    Subject {
        kind: Kind::ExternalSecret,
        namespace,
        name,
    }
}

/// The subject of a store's status.
#[must_use]
pub fn subject_of_store(id: &StoreId) -> Subject {
    let kind = match id.namespace {
        Some(_) => Kind::SecretStore,
        None => Kind::ClusterSecretStore,
    };
    let namespace = id.namespace.clone().unwrap_or_default();
    Subject {
        kind,
        namespace,
        name: Arc::clone(&id.key.name),
    }
}

/// Runs the controller until `stop`, then drains for at most `drain`.
///
/// # Guarantees
/// Nothing is decided before the Lease is ours and every watch has listed. On the way out no new
/// look begins, writes in flight end, sessions are revoked.
pub async fn run(
    ctx: &Arc<Context>,
    leadership: &Leadership,
    health: &Health,
    stop: CancellationToken,
    drain: Duration,
) {
    let background = CancellationToken::new();
    let mut tasks = JoinSet::new();
    // A standby watches as well: it serves as soon as the Lease is its own, and a start does not
    // wait for the Lease first and for the lists then.
    for task in watch::tasks(ctx, &background) {
        tasks.spawn(task);
    }
    health.set_ready(true);
    let begin = async {
        leadership.gained().await;
        health.set_ready(false);
        ctx.all_listed().await;
    };
    if stop.run_until_cancelled(begin).await.is_some() {
        ctx.lead();
        health.set_ready(true);
        let (objects, stores, targets) = ctx.seen().sizes();
        tracing::info!(objects, stores, targets, "first lists complete");
        spawn_background(ctx, health, &mut tasks, &background);
        work(ctx, &stop, drain).await;
    }
    background.cancel();
    let unrevoked = ctx.sessions.shutdown(drain).await;
    if unrevoked > 0 {
        tracing::warn!(
            unrevoked,
            "tokens were not revoked in time; they end with their TTL"
        );
    }
    let finish = async { while tasks.join_next().await.is_some() {} };
    let _timed_out = tokio::time::timeout(drain, finish).await;
}

fn spawn_background(
    ctx: &Arc<Context>,
    health: &Health,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) {
    let (shared, end) = (Arc::clone(ctx), stop.clone());
    tasks.spawn(async move {
        let fetch = shared.fetch.clone();
        fetch.drive(end.cancelled_owned()).await;
    });
    let (shared, end) = (Arc::clone(ctx), stop.clone());
    tasks.spawn(async move { shared.reporter.run(end).await });
    let (shared, health, end) = (Arc::clone(ctx), health.clone(), stop.clone());
    tasks.spawn(async move {
        let rest = async {
            tokio::join!(
                wakes(&shared),
                changed_sources(&shared),
                stores::run(&shared),
                pulse::watch(&shared, &health),
            )
        };
        let _ended = end.run_until_cancelled(rest).await;
    });
}

/// Looks begun in a row before those that were begun get a turn.
const RUN: u32 = 32;

/// Hands objects from the queue to tasks of their own until `stop`.
async fn work(ctx: &Arc<Context>, stop: &CancellationToken, drain: Duration) {
    let mut looks = JoinSet::new();
    let mut spawned = 0_u32;
    loop {
        let ticket = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(ended) = looks.join_next(), if !looks.is_empty() => {
                if let Err(error) = ended {
                    // The ticket's drop has put the object back; the panic's text is not logged
                    // here because the hook has told its place.
                    tracing::error!(panicked = error.is_panic(), "a look ended abnormally");
                }
                continue;
            }
            ticket = ctx.queue.next() => ticket,
        };
        let Some(ticket) = ticket else { break };
        looks.spawn(reconcile::reconcile(Arc::clone(ctx), ticket));
        spawned = spawned.wrapping_add(1);
        if spawned.is_multiple_of(RUN) {
            // Most looks of a restart find nothing due: they end before the next are begun.
            tokio::task::yield_now().await;
        }
        // Finished tasks are taken in bulk, so that the set does not grow with the backlog.
        while looks.join_next().now_or_never().flatten().is_some() {}
    }
    ctx.queue.close();
    let finish = async { while looks.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, finish).await.is_err() {
        tracing::warn!(
            abandoned = looks.len(),
            "stopping before every look has ended"
        );
    }
}

/// What polling found goes into the queue. Every cause is news to the plan; how urgent it is, the
/// lane tells: the first look after a start, or an outage, concerns everybody at once.
async fn wakes(ctx: &Context) {
    while let Some(wake) = ctx.fetch.next_wake().await {
        let Some((namespace, name)) = wake.object.split_once('/') else {
            continue;
        };
        let lane = match wake.cause {
            Cause::Changed | Cause::Recovered | Cause::Absent => Lane::Changed,
            Cause::FirstLook | Cause::Failed => Lane::Refresh,
        };
        let key = ObjectKey::new(namespace, name);
        ctx.queue
            .add(Item(key), lane, reason(Trigger::GroupChanged));
    }
}

/// A credential or CA bundle changed: its stores are validated, their users look.
async fn changed_sources(ctx: &Context) {
    loop {
        let (key, version) = ctx.next_source().await;
        for store in ctx.backends.source_changed(&key, version.as_deref()).await {
            tracing::info!(source = %key, store = %store, "a referenced object changed");
            ctx.validate_store(&store);
            ctx.look_at_users(&store);
        }
    }
}
