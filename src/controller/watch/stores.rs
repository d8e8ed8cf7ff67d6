//! Shell. The watches of stores: what changed about one is validated, and its users look.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::core::DeserializeGuard;
use tidegate_api::{
    ClusterSecretStore, SecretStore, SecretStoreSpec, StoreKind, StoreStatus, names,
};
use tidegate_stages::{ObjectKey, StoreKey};
use tokio_util::sync::CancellationToken;

use super::super::context::Context;
use super::super::follow::{Seen, key_of};
use super::super::relations::StoreId;
use super::super::subject_of_store;
use super::super::world::{StoreEntry, release_of};
use super::{Task, api, key_of_meta, paged, run};

/// Follows the SecretStores.
pub(super) fn stores(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let api = api::<DeserializeGuard<SecretStore>>(ctx);
    run(
        ctx,
        stop,
        "secretstores",
        api,
        paged(),
        |ctx| ctx.seen().stores(StoreKind::SecretStore),
        |ctx, seen| match seen {
            Seen::Applied {
                object: DeserializeGuard(Ok(store)),
                initial,
            } => {
                let id = store_id(StoreKind::SecretStore, &key_of(&store));
                store_applied(
                    ctx,
                    &id,
                    entry(&store.metadata, store.spec, store.status),
                    initial,
                );
            }
            Seen::Applied {
                object: DeserializeGuard(Err(invalid)),
                ..
            } => {
                let key = key_of_meta(&invalid.metadata);
                store_broken(ctx, &store_id(StoreKind::SecretStore, &key), &invalid.error);
            }
            Seen::Gone(key) => store_gone(ctx, &store_id(StoreKind::SecretStore, &key)),
            Seen::Listed => {}
        },
    )
}

/// Follows the ClusterSecretStores.
pub(super) fn cluster_stores(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let api: Api<DeserializeGuard<ClusterSecretStore>> = Api::all(ctx.client.clone());
    let kind = StoreKind::ClusterSecretStore;
    run(
        ctx,
        stop,
        "clustersecretstores",
        api,
        paged(),
        |ctx| ctx.seen().stores(StoreKind::ClusterSecretStore),
        move |ctx, seen| match seen {
            Seen::Applied {
                object: DeserializeGuard(Ok(store)),
                initial,
            } => {
                let id = store_id(kind, &key_of(&store));
                store_applied(
                    ctx,
                    &id,
                    entry(&store.metadata, store.spec.0, store.status),
                    initial,
                );
            }
            Seen::Applied {
                object: DeserializeGuard(Err(invalid)),
                ..
            } => {
                let key = key_of_meta(&invalid.metadata);
                store_broken(ctx, &store_id(kind, &key), &invalid.error);
            }
            Seen::Gone(key) => store_gone(ctx, &store_id(kind, &key)),
            Seen::Listed => {}
        },
    )
}

fn store_id(kind: StoreKind, key: &ObjectKey) -> StoreId {
    let store = StoreKey {
        kind,
        name: Arc::clone(&key.name),
    };
    StoreId::seen_from(&key.namespace, &store)
}

fn entry(meta: &ObjectMeta, spec: SecretStoreSpec, status: Option<StoreStatus>) -> StoreEntry {
    StoreEntry {
        spec: Arc::new(spec),
        uid: meta.uid.as_deref().unwrap_or_default().into(),
        generation: meta.generation.unwrap_or_default(),
        release: release_of(meta.annotations.as_ref()),
        status: Arc::new(status.unwrap_or_default()),
        told: None,
        version: meta.resource_version.as_deref().map(Into::into),
        usable: Ok(()),
    }
}

fn store_applied(ctx: &Context, id: &StoreId, entry: StoreEntry, initial: bool) {
    let well = entry
        .status
        .conditions
        .iter()
        .any(|c| c.type_ == names::READY && c.status == "True");
    let on_its_way = !ctx
        .reporter
        .is_settled(&subject_of_store(id), entry.version.as_deref());
    if ctx.world().set_store(id, entry, on_its_way) {
        // A restart asks no backend before something is due.
        if ctx.is_early(initial) && well {
            ctx.validate_store_later(id)
        } else {
            ctx.validate_store(id)
        }
        if !initial {
            ctx.look_at_users(id);
        }
    }
}

/// A store that does not decode is to its users as if it were absent, and the log says why.
fn store_broken(ctx: &Context, id: &StoreId, cause: &str) {
    tracing::warn!(store = %id, cause, "the store does not decode and is left out");
    store_gone(ctx, id);
}

fn store_gone(ctx: &Context, id: &StoreId) {
    ctx.world().remove_store(id);
    ctx.backends.forget(id);
    ctx.forget_store(id);
    ctx.look_at_users(id);
}
