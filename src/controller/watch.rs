//! Shell. Every watch of the controller: what it shows goes into the world, who is concerned
//! goes into the queue.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PartialObjectMeta;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tidegate_api::{
    ClusterSecretStore, ExternalSecret, SecretStore, SecretStoreSpec, StoreKind, StoreStatus, names,
};
use tidegate_stages::{ObjectKey, StoreKey, TargetDigest, Trigger, status_is_ours};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::follow::{Seen, follow, key_of};
use super::relations::StoreId;
use super::sources::{SourceKey, SourceKind};
use super::world::{Broken, Look, StoreEntry, release_of};
use crate::report::STATUS_MANAGER;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Objects in one page of a list: small, so that neither side holds many whole Secrets at once.
const PAGE: u32 = 100;

/// The watches that must have listed before anything is decided.
pub const LISTS: [&str; 5] = [
    "externalsecrets",
    "secretstores",
    "clustersecretstores",
    "namespaces",
    "secrets",
];

/// One future per watch; each runs until `stop`.
pub fn tasks(ctx: &Arc<Context>, stop: &CancellationToken) -> Vec<Task> {
    let mut tasks: Vec<Task> = vec![
        objects(ctx, stop),
        stores(ctx, stop),
        namespaces(ctx, stop),
        targets(ctx, stop),
        references::<Secret>(ctx, stop, SourceKind::Secret, "secrets (metadata)"),
        references::<ConfigMap>(ctx, stop, SourceKind::ConfigMap, "configmaps (metadata)"),
    ];
    if ctx.settings.namespace.is_none() {
        tasks.push(cluster_stores(ctx, stop));
    } else {
        ctx.listed("clustersecretstores");
    }
    tasks
}

/// An Api of the namespace that is served, or of all.
fn api<K>(ctx: &Context) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match &ctx.settings.namespace {
        Some(namespace) => Api::namespaced(ctx.client.clone(), namespace),
        None => Api::all(ctx.client.clone()),
    }
}

fn paged() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// Boxes a followed watch whose handler works on the shared context.
fn run<K, H>(
    ctx: &Arc<Context>,
    stop: &CancellationToken,
    what: &'static str,
    api: Api<K>,
    config: watcher::Config,
    handle: H,
) -> Task
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default + Clone + Debug + Eq + std::hash::Hash + Send,
    H: Fn(&Context, Seen<K>) + Send + Sync + 'static,
{
    let (ctx, stop) = (Arc::clone(ctx), stop.clone());
    Box::pin(async move {
        follow(what, api, config, stop, |seen| {
            if matches!(seen, Seen::Listed) {
                ctx.listed(what);
            }
            handle(&ctx, seen);
        })
        .await;
    })
}

fn objects(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let api = api::<DeserializeGuard<ExternalSecret>>(ctx);
    run(
        ctx,
        stop,
        "externalsecrets",
        api,
        paged(),
        |ctx, seen| match seen {
            Seen::Applied {
                object: DeserializeGuard(Ok(object)),
                initial,
            } => {
                object_applied(ctx, object, initial);
            }
            Seen::Applied {
                object: DeserializeGuard(Err(invalid)),
                initial,
            } => {
                let key = key_of_meta(&invalid.metadata);
                let broken = Broken {
                    uid: invalid.metadata.uid.as_deref().unwrap_or_default().into(),
                    generation: invalid.metadata.generation.unwrap_or_default(),
                    cause: invalid.error.as_str().into(),
                };
                if ctx.world().set_broken(&key, broken) {
                    ctx.look(
                        Look {
                            key,
                            trigger: Trigger::Spec,
                        },
                        initial,
                    );
                }
            }
            Seen::Gone(key) => {
                ctx.world().remove_object(&key);
                ctx.gone(&key);
            }
            Seen::Listed => {}
        },
    )
}

fn object_applied(ctx: &Context, mut object: ExternalSecret, initial: bool) {
    let key = key_of(&object);
    if initial {
        ctx.remember_owner_of_status(&key, status_is_ours(&object, STATUS_MANAGER));
    }
    ctx.told.shown(&key, &object);
    // Decisions need neither; with them an object takes twice the memory.
    object.metadata.managed_fields = None;
    if ctx.world().set_object(&key, object) {
        let trigger = if initial {
            Trigger::First
        } else {
            Trigger::Spec
        };
        ctx.look(Look { key, trigger }, initial);
    }
}

fn stores(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let api = api::<DeserializeGuard<SecretStore>>(ctx);
    run(
        ctx,
        stop,
        "secretstores",
        api,
        paged(),
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

fn cluster_stores(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let api: Api<DeserializeGuard<ClusterSecretStore>> = Api::all(ctx.client.clone());
    let kind = StoreKind::ClusterSecretStore;
    run(
        ctx,
        stop,
        "clustersecretstores",
        api,
        paged(),
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

/// Namespace and name of what does not decode.
fn key_of_meta(meta: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
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
        usable: Ok(()),
    }
}

fn store_applied(ctx: &Context, id: &StoreId, entry: StoreEntry, initial: bool) {
    let well = entry
        .status
        .conditions
        .iter()
        .any(|c| c.type_ == names::READY && c.status == "True");
    if ctx.world().set_store(id, entry) {
        // A restart asks no backend before something is due.
        if initial && well {
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

fn namespaces(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let api: Api<Namespace> = Api::all(ctx.client.clone());
    let mut config = paged();
    if let Some(namespace) = &ctx.settings.namespace {
        config = config.fields(&format!("metadata.name={namespace}"));
    }
    run(
        ctx,
        stop,
        "namespaces",
        api,
        config,
        |ctx, seen| match seen {
            Seen::Applied { object, initial } => {
                let looks = ctx.world().set_namespace(&object);
                looks.into_iter().for_each(|look| ctx.look(look, initial));
            }
            Seen::Gone(key) => ctx.world().remove_namespace(&key.name),
            Seen::Listed => {}
        },
    )
}

/// Managed Secrets: whole objects come in, digests stay.
fn targets(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let label = format!("{}={}", names::MANAGED_LABEL, names::MANAGED_VALUE);
    let config = paged().labels(&label);
    run(
        ctx,
        stop,
        "secrets",
        api::<Secret>(ctx),
        config,
        |ctx, seen| match seen {
            Seen::Applied { object, initial } => {
                let key = key_of(&object);
                let looks = ctx
                    .world()
                    .set_target(&key, TargetDigest::from_secret(&object));
                looks.into_iter().for_each(|look| ctx.look(look, initial));
            }
            Seen::Gone(key) => {
                let looks = ctx.world().remove_target(&key);
                looks.into_iter().for_each(|look| ctx.look(look, false));
            }
            Seen::Listed => {}
        },
    )
}

/// Metadata of all Secrets or ConfigMaps, of which only those matter that stores refer to.
fn references<K>(
    ctx: &Arc<Context>,
    stop: &CancellationToken,
    kind: SourceKind,
    what: &'static str,
) -> Task
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Send
        + Sync
        + 'static,
{
    let config = watcher::Config::default().page_size(500);
    let inner = Arc::clone(ctx);
    run(
        ctx,
        stop,
        what,
        api::<PartialObjectMeta<K>>(ctx),
        config,
        move |ctx, seen| {
            let (key, version) = match seen {
                Seen::Applied { object, .. } => (key_of(&object), object.resource_version()),
                Seen::Gone(key) => (key, None),
                Seen::Listed => return,
            };
            let source = SourceKey {
                kind,
                namespace: key.namespace,
                name: key.name,
            };
            if ctx.backends.refers_to(&source) {
                inner.source_seen(source, version);
            }
        },
    )
}
