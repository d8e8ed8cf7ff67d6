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
use tidegate_api::{ExternalSecret, names};
use tidegate_stages::{ObjectKey, TargetDigest, Trigger, status_is_ours};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::follow::{Seen, follow, key_of};
use super::sources::{SourceKey, SourceKind};
use super::world::{Arrival, Broken, Look};
use crate::metrics::WatchFate;
use crate::report::STATUS_MANAGER;

mod stores;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Secrets in one page of a list: few, so that neither side holds many whole ones at once.
const PAGE: u32 = 100;
/// Objects in one page of what holds no values, each a few KiB. A page costs a round trip, and the
/// first look waits for the last of them.
const LONG_PAGE: u32 = 500;

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
        stores::stores(ctx, stop),
        namespaces(ctx, stop),
        targets(ctx, stop),
        references::<Secret>(ctx, stop, SourceKind::Secret, "secrets (metadata)"),
        references::<ConfigMap>(ctx, stop, SourceKind::ConfigMap, "configmaps (metadata)"),
    ];
    if ctx.settings.namespace.is_none() {
        tasks.push(stores::cluster_stores(ctx, stop));
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
    watcher::Config::default().page_size(LONG_PAGE)
}

/// Boxes a followed watch whose handler works on the shared context.
fn run<K, H>(
    ctx: &Arc<Context>,
    stop: &CancellationToken,
    what: &'static str,
    api: Api<K>,
    config: watcher::Config,
    held: fn(&Context) -> Vec<ObjectKey>,
    handle: H,
) -> Task
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default + Clone + Debug + Eq + std::hash::Hash + Send,
    H: Fn(&Context, Seen<K>) + Send + Sync + 'static,
{
    let (ctx, stop) = (Arc::clone(ctx), stop.clone());
    Box::pin(async move {
        follow(
            what,
            api,
            config,
            stop,
            || held(&ctx),
            || ctx.metrics.watch(what, WatchFate::Dropped),
            |seen| {
                if matches!(seen, Seen::Listed) {
                    ctx.listed(what);
                    ctx.metrics.watch(what, WatchFate::Listed);
                }
                handle(&ctx, seen);
            },
        )
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
        |ctx| ctx.seen().objects(),
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
    let early = ctx.is_early(initial);
    let ours = early && status_is_ours(&object, STATUS_MANAGER);
    // Decisions need neither; with them an object takes twice the memory.
    object.metadata.managed_fields = None;
    // It is shown before it is judged: a look that ends meanwhile either finds it, or leaves behind
    // the memory that it is judged by.
    let arrival = match ctx.world().set_object(&key, &object) {
        Ok(arrival) => arrival,
        Err(error) => {
            tracing::error!(%key, %error, "an ExternalSecret cannot be kept and is left out");
            return;
        }
    };
    if arrival == Arrival::Namesake {
        ctx.gone(&key);
    }
    if early {
        ctx.remember_owner_of_status(&key, ours);
    }
    ctx.status_seen(&key, &object);
    let trigger = match arrival {
        Arrival::Known if ctx.is_belied(&key, &object) => Trigger::Retry,
        Arrival::Known => return,
        _ if early => Trigger::First,
        Arrival::New | Arrival::Namesake | Arrival::Edited => Trigger::Spec,
    };
    ctx.look(Look { key, trigger }, initial);
}

/// Namespace and name of what does not decode.
fn key_of_meta(meta: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
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
        |ctx| ctx.seen().namespaces(),
        |ctx, seen| match seen {
            Seen::Applied { object, initial } => {
                ctx.patcher.endings().see(&object);
                let looks = ctx.world().set_namespace(&object);
                looks.into_iter().for_each(|look| ctx.look(look, initial));
            }
            Seen::Gone(key) => {
                ctx.patcher.endings().over(&key.name);
                ctx.world().remove_namespace(&key.name);
            }
            Seen::Listed => {}
        },
    )
}

/// Managed Secrets: whole objects come in, digests stay.
fn targets(ctx: &Arc<Context>, stop: &CancellationToken) -> Task {
    let label = format!("{}={}", names::MANAGED_LABEL, names::MANAGED_VALUE);
    let config = watcher::Config::default().page_size(PAGE).labels(&label);
    run(
        ctx,
        stop,
        "secrets",
        api::<Secret>(ctx),
        config,
        |ctx| ctx.seen().targets(),
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
                looks.into_iter().for_each(|look| ctx.look_at_loss(look));
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
    let config = paged();
    let inner = Arc::clone(ctx);
    let held: fn(&Context) -> Vec<ObjectKey> = match kind {
        SourceKind::Secret => |ctx| ctx.backends.referred(SourceKind::Secret),
        SourceKind::ConfigMap => |ctx| ctx.backends.referred(SourceKind::ConfigMap),
    };
    run(
        ctx,
        stop,
        what,
        api::<PartialObjectMeta<K>>(ctx),
        config,
        held,
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
