//! Shell. Validates stores: at once when they change, then at their interval; tells the result.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tidegate_api::{StoreKind, names};
use tidegate_contract::{ErrorKind, ProviderError, Validation};
use tidegate_queue::{Lane, Requeue, Ticket};
use tidegate_stages::store::{StoreDefect, StoreOutcome, check, next_validation, status};
use tidegate_stages::{Retry, StoreFault};
use tokio::task::JoinSet;

use super::context::{Context, StoreItem, lock};
use super::relations::StoreId;
use super::world::StoreEntry;
use super::{reporting, subject_of_store};
use crate::patch::permits::Class;
use crate::report::gate::About;

/// Stores that are validated at once, at most: a thousand stores must not log in together.
const AT_ONCE: usize = 16;

/// Failures in a row of each store that fails.
type Failures = Arc<Mutex<HashMap<StoreId, u32>>>;

/// Validates stores for ever.
pub async fn run(ctx: &Arc<Context>) {
    let failures = Failures::default();
    let mut tasks = JoinSet::new();
    while let Some(ticket) = ctx.stores.next().await {
        if tasks.len() >= AT_ONCE {
            let _ended = tasks.join_next().await;
        }
        tasks.spawn(look(Arc::clone(ctx), ticket, Arc::clone(&failures)));
    }
}

async fn look(ctx: Arc<Context>, ticket: Ticket<StoreItem>, failures: Failures) {
    let id = ticket.work().key.id.clone();
    let Some(entry) = ctx.seen().store(&id) else {
        lock(&failures).remove(&id);
        ticket.done(None);
        return;
    };
    if is_foreign(&ctx, &entry) {
        ticket.done(None);
        return;
    }
    let (outcome, fault) = validate(&ctx, &id, &entry, ticket.work().lane).await;
    tell(&ctx, &id, &entry, &outcome, fault);
    let before = {
        let mut failures = lock(&failures);
        match &outcome {
            StoreOutcome::Invalid(_) => {
                let count = failures.entry(id).or_default();
                *count = count.saturating_add(1);
                *count - 1
            }
            _ => failures.remove(&id).map_or(0, |_| 0),
        }
    };
    let interval = ctx.settings.store_interval;
    let after = next_validation(&entry.spec, &outcome, interval, before, &ctx.env());
    ticket.done(Some(Requeue {
        lane: Lane::Refresh,
        after,
        reasons: (),
    }));
}

fn is_foreign(ctx: &Context, entry: &StoreEntry) -> bool {
    let class = entry
        .spec
        .controller
        .as_deref()
        .filter(|class| !class.is_empty());
    class.is_some_and(|class| class != &*ctx.config.controller_class)
}

/// What validation found, and whether it keeps the store's users from reading.
async fn validate(
    ctx: &Context,
    id: &StoreId,
    entry: &StoreEntry,
    lane: Lane,
) -> (StoreOutcome, Result<(), StoreFault>) {
    if let Err(defect) = check(&entry.spec, id.namespace.as_deref()) {
        let fault = defect.fault();
        return (StoreOutcome::Invalid(defect), Err(fault));
    }
    let consumer = id.namespace.clone().unwrap_or_default();
    let source = match ctx.backends.source(id, entry, &consumer).await {
        Ok(source) => source,
        // Each consumer brings its own credentials: nothing to log in with from here.
        Err(_) if id.key.kind == StoreKind::ClusterSecretStore && is_referent(entry) => {
            return (StoreOutcome::Valid, Ok(()));
        }
        Err(error) => return refused(names::MSG_STORE_CLIENT, &error),
    };
    let lane = match lane {
        Lane::Fresh => tidegate_fetch::Lane::Fresh,
        _ => tidegate_fetch::Lane::Refresh,
    };
    match ctx.fetch.validate(&source, lane).await {
        Ok(Validation::Ready) => (StoreOutcome::Valid, Ok(())),
        Ok(Validation::Unknown(why)) => (StoreOutcome::Unknown(why.into()), Ok(())),
        Err(error) => refused(names::MSG_STORE_VALIDATE, &error),
    }
}

/// Whether a selector of a ClusterSecretStore leaves the namespace to its consumers.
fn is_referent(entry: &StoreEntry) -> bool {
    let references = tidegate_stages::store::references(&entry.spec);
    references
        .iter()
        .any(|reference| reference.namespace.is_none())
}

/// An outage does not keep the users away: their reads tell it themselves, key by key, and keep
/// what they have. A configuration that cannot work does.
fn refused(lead: &'static str, error: &ProviderError) -> (StoreOutcome, Result<(), StoreFault>) {
    let kind = error.kind();
    let defect = StoreDefect {
        lead,
        detail: error.public().into(),
        retry: Retry::from(kind),
    };
    let blocks = matches!(kind, ErrorKind::Invalid | ErrorKind::Unauthenticated);
    let fault = if blocks { Err(defect.fault()) } else { Ok(()) };
    (StoreOutcome::Invalid(defect), fault)
}

fn tell(
    ctx: &Context,
    id: &StoreId,
    entry: &StoreEntry,
    outcome: &StoreOutcome,
    fault: Result<(), StoreFault>,
) {
    if let StoreOutcome::Invalid(defect) = outcome {
        tracing::warn!(store = %id, lead = defect.lead, cause = %defect.detail, "store not usable");
    }
    // As it is now: what was told may have changed while the backend was asked.
    let now = ctx.seen().store(id);
    let current = now.as_ref().unwrap_or(entry).current();
    let report = status(Some(current), outcome, &ctx.env());
    let written = report.write.then(|| report.status.clone());
    if ctx.world().validated(id, fault, written) {
        ctx.look_at_users(id);
    }
    if report.write {
        // A store that fails is the cause of what its users are about to tell.
        let class = match outcome {
            StoreOutcome::Invalid(_) => Class::FreshStatus,
            StoreOutcome::Valid | StoreOutcome::Unknown(_) => Class::Status,
        };
        ctx.reporter
            .status(subject_of_store(id), &report.status, class);
    }
    let about = About {
        kind: super::world::kind_name(id.key.kind),
        namespace: id.namespace.clone().unwrap_or_default(),
        name: Arc::clone(&id.key.name),
        uid: Arc::clone(&entry.uid),
    };
    reporting::events(ctx, &about, report.events);
}
