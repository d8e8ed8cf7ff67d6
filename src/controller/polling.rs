//! Shell. Keeps an object subscribed to what it depends on, also when nothing was read.

use std::sync::Arc;
use std::time::Duration;

use tidegate_fetch::Subscription;
use tidegate_stages::{Observed, planned_reads};

use super::context::Context;
use super::relations::StoreId;

/// Subscribes to what was just read.
pub fn subscribe(
    ctx: &Context,
    observed: &Observed,
    subscriptions: Vec<Subscription>,
    interval: Duration,
) {
    let object: Arc<str> = observed.key.to_string().into();
    ctx.subscribed(&observed.key, &subscriptions, interval);
    ctx.fetch.subscribe(&object, subscriptions, interval);
}

/// Subscribes an object that had nothing to read (it was in sync at the start, or a store of it
/// changed), unless it is subscribed to the very same already. Causes no call by itself.
pub async fn subscribe_unread(ctx: &Context, observed: &Observed, interval: Duration) {
    let Ok(planned) = planned_reads(observed) else { return };
    let mut subscriptions: Vec<Subscription> = Vec::with_capacity(planned.len());
    for read in planned {
        let id = StoreId::seen_from(&observed.key.namespace, &read.store);
        let Some(entry) = ctx.seen().store(&id) else { return };
        // What cannot be resolved is told by the store's own validation and by the next read.
        let Ok(source) = ctx.backends.source(&id, &entry, &observed.key.namespace).await else {
            return;
        };
        let same = |known: &Subscription| {
            known.key == read.key && known.source.identity == source.identity
        };
        if !subscriptions.iter().any(same) {
            subscriptions.push(Subscription { source, key: read.key, seen: None });
        }
    }
    if !ctx.is_subscribed(&observed.key, &subscriptions, interval) {
        subscribe(ctx, observed, subscriptions, interval);
    }
}
