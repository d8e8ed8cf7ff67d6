//! Shell. Bare loops: what the API server itself can take of the writes that a controller sends.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{self, ApiFailure};
use crate::figures::{Figures, Unit, float};
use crate::load::{LABEL, Load};
use crate::setup::{self, NAMESPACES, objects_of, secrets_of};

/// Requests in flight at which a loop is tried.
const WIDTHS: [usize; 4] = [8, 16, 32, 64];

/// Measures creates of Secrets and writes of statuses, `count` each at each width, in a namespace
/// of its own that is empty again afterwards. No controller may run meanwhile; watches may.
///
/// # Errors
/// When the API server refuses.
pub async fn ceiling(
    admin: &Client,
    client: &Client,
    load: &Load,
    count: usize,
) -> Result<Figures, ApiFailure> {
    let namespace = format!("storm-{}-bare", load.run);
    api::ensure(admin, NAMESPACES, &load.namespace_body(&namespace)).await?;
    let made = stream::iter(0..count).map(|number| {
        let (body, path) = (object(load, &namespace, number), objects_of(&namespace));
        async move { api::post(admin, &path, &body).await }
    });
    let made: Vec<Value> = made.buffered(16).try_collect().await?;
    let uids: Vec<&str> = made
        .iter()
        .map(|object| object["metadata"]["uid"].as_str().unwrap_or_default())
        .collect();
    let mut figures = Figures::default();
    for width in WIDTHS {
        let secrets =
            (0..count).map(|number| secret(load, &namespace, width, number, uids[number]));
        let time = send(client, Method::POST, secrets.collect(), width).await?;
        rate(&mut figures, "secrets", width, count, time);
        let statuses = (0..count).map(|number| status(&namespace, width, number));
        let time = send(client, Method::PATCH, statuses.collect(), width).await?;
        rate(&mut figures, "statuses", width, count, time);
    }
    setup::empty(admin, &[namespace]).await?;
    Ok(figures)
}

fn rate(figures: &mut Figures, what: &str, width: usize, count: usize, time: Duration) {
    let rate = float(count) / time.as_secs_f64().max(f64::MIN_POSITIVE);
    figures.set(format!("{what}.rate.{width}"), rate, Unit::PerSecond);
    let best = figures.get(&format!("{what}.rate"));
    if best.is_none_or(|best| best.value < rate) {
        figures.set(format!("{what}.rate"), rate, Unit::PerSecond);
        figures.count(format!("{what}.width"), width);
    }
}

async fn send(
    client: &Client,
    method: Method,
    requests: Vec<(String, Value)>,
    width: usize,
) -> Result<Duration, ApiFailure> {
    let method = &method;
    let requests: Vec<(String, Vec<u8>)> = requests
        .into_iter()
        .map(|(path, body)| (path, body.to_string().into_bytes()))
        .collect();
    let kind = if *method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let began = Instant::now();
    stream::iter(requests)
        .map(|(path, body)| async move {
            let response = api::send(client, method.clone(), &path, Some((kind, body))).await?;
            api::read(method, &path, response).await.map(drop)
        })
        .buffer_unordered(width)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    Ok(began.elapsed())
}

fn object(load: &Load, namespace: &str, number: usize) -> Value {
    let mut body = load.external_secret(0, &load.path(0));
    body["metadata"]["namespace"] = json!(namespace);
    body["metadata"]["name"] = json!(format!("bare-{number}"));
    body
}

/// A Secret of the size and with the metadata that a controller gives it.
fn secret(load: &Load, namespace: &str, width: usize, number: usize, uid: &str) -> (String, Value) {
    let body = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": format!("bare-{width}-{number}"),
            "labels": { LABEL: load.run, "reconcile.external-secrets.io/managed": "true",
                        "reconcile.external-secrets.io/created-by": "0".repeat(56) },
            "annotations": { "reconcile.external-secrets.io/data-hash": "0".repeat(56) },
            "ownerReferences": [{ "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret", "name": format!("bare-{number}"), "uid": uid,
                "controller": true, "blockOwnerDeletion": true }],
        },
        "data": { "one": "Z3h4eHh4eHh4eHh4eA==", "two": "Z3h4eHh4eHh4eHh4eA==" },
    });
    (secrets_of(namespace), body)
}

fn status(namespace: &str, width: usize, number: usize) -> (String, Value) {
    let path = format!("{}/bare-{number}/status", objects_of(namespace));
    let body = json!({ "status": {
        "binding": { "name": format!("bare-{number}") },
        "refreshTime": format!("2026-01-01T00:00:{:02}Z", width % 60),
        "syncedResourceVersion": format!("1-{}", "0".repeat(56)),
        "conditions": [{ "type": "Ready", "status": "True", "reason": "SecretSynced",
            "message": "secret synced", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
    } });
    (path, body)
}
