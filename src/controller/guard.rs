//! Shell. The shrink guards, one per store, and the changes that pass through them.

use std::collections::BTreeSet;

use tidegate_stages::{Change, Env, Observed, ShrinkGuard};

use super::context::{Context, lock};
use super::relations::StoreId;

/// Passes a change through the guard of every store that the object reads from: each may hold it.
pub fn judge(ctx: &Context, observed: &Observed, mut change: Change, env: &Env) -> Change {
    let key = &observed.key;
    let ids: BTreeSet<StoreId> = (observed.stores.keys())
        .map(|store| StoreId::seen_from(&key.namespace, store))
        .collect();
    let mut guards = lock(&ctx.guards);
    for id in ids {
        // The common case first: nothing is removed and nothing is held.
        if change.removal.is_none() && !guards.contains_key(&id) {
            continue;
        }
        let (baseline, release) = {
            let world = ctx.seen();
            (
                world.fed_by(&id),
                world.store(&id).and_then(|store| store.release),
            )
        };
        let release = release.as_deref();
        let guard = guards
            .entry(id)
            .or_insert_with(|| ShrinkGuard::new(release));
        change = guard.judge(key, change, baseline, release, env);
    }
    ctx.metrics
        .held(guards.values().map(ShrinkGuard::pending).sum());
    change
}
