//! Shell. Keeps an object subscribed to what it depends on, also when nothing was read.

use std::sync::Arc;
use std::time::Duration;

use tidegate_fetch::{Seen, Subscription};
use tidegate_stages::{Observed, Polling};

use super::context::Context;
use super::relations::StoreId;

/// Subscribes to what was just read.
pub fn subscribe(
    ctx: &Context,
    observed: &Observed,
    mut subscriptions: Vec<Subscription>,
    poll: &Polling,
) {
    let refreshed = poll
        .last_read
        .and_then(|at| Duration::try_from(at.as_duration()).ok());
    subscriptions
        .iter_mut()
        .for_each(|subscription| subscription.refreshed = refreshed);
    let interval = poll.interval;
    let object: Arc<str> = observed.key.to_string().into();
    ctx.subscribed(&observed.key, &subscriptions, interval);
    ctx.fetch.subscribe(&object, subscriptions, interval);
}

/// Subscribes an object that had nothing to read (it was in sync at the start, or a store of it
/// changed), unless it is subscribed to the very same already. Causes no call by itself.
///
/// False when a store of it is gone or cannot be resolved: then nothing is polled any more with
/// what the store used to say, and the object needs a timer of its own to tell so when it is due.
pub async fn subscribe_unread(ctx: &Context, observed: &Observed, poll: &Polling) -> bool {
    let mut subscriptions: Vec<Subscription> = Vec::with_capacity(poll.keys.len());
    for (store, key) in &poll.keys {
        let id = StoreId::seen_from(&observed.key.namespace, store);
        let entry = ctx.seen().store(&id);
        let Some(entry) = entry else {
            ctx.unsubscribe(&observed.key);
            return false;
        };
        let Ok(source) = ctx
            .backends
            .source(&id, &entry, &observed.key.namespace)
            .await
        else {
            ctx.unsubscribe(&observed.key);
            return false;
        };
        subscriptions.push(Subscription {
            source,
            key: key.clone(),
            seen: Seen::Nothing,
            refreshed: None,
        });
    }
    if !ctx.is_subscribed(&observed.key, &subscriptions, poll.interval) {
        subscribe(ctx, observed, subscriptions, poll);
    }
    true
}
