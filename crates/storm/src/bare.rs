//! Shell. Bare loops: what the API server itself can take of the writes that a controller sends.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use kube::Client;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::{self, ApiFailure};
use crate::figures::{Figures, Samples, Unit, float};
use crate::follow::{Change, Source, follow};
use crate::load::{LABEL, Load};
use crate::probe::Probe;
use crate::report::{Point, Written};
use crate::setup::{self, NAMESPACES, objects_of, secrets_of};

/// Requests in flight at which a loop is tried: the range of a controller's limit.
const WIDTHS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Widths below this are tried with fewer writes: one at a time would take minutes.
const FULL: usize = 8;
/// How long the unrelated client is alone before each loop.
const ALONE: Duration = Duration::from_secs(1);
/// A loop is considerate if the unrelated client's p99 stays below this multiple of idle.
const CONSIDERATE: f64 = 4.0;

/// What the API server takes.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// The best rates, and those at each width.
    pub figures: Figures,
    /// Rate and latency at each width.
    pub curve: Vec<Point>,
}

/// Who asks during the bare loops.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Clients<'a> {
    /// Prepares and cleans up.
    pub admin: &'a Client,
    /// Writes.
    pub writer: &'a Client,
    /// Watch what a controller watches: managed Secrets, and ExternalSecrets.
    pub watchers: [Client; 2],
}

/// Measures creates of Secrets and writes of statuses, at most `count` each at each width, in a
/// namespace of its own that is empty again afterwards. The watches of a controller are open
/// meanwhile, but none may run.
///
/// # Errors
/// When the API server refuses.
pub async fn ceiling(
    clients: Clients<'_>,
    probe: &Probe,
    load: &Load,
    count: usize,
) -> Result<Ceiling, ApiFailure> {
    let Clients {
        admin,
        writer,
        watchers,
    } = clients;
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
    let _watches = watch(watchers);
    let mut curve = Vec::new();
    let mut idle = Samples::default();
    for width in WIDTHS {
        let count = count.min(count * width / FULL).max(1);
        let secrets =
            (0..count).map(|number| secret(load, &namespace, width, number, uids[number]));
        let statuses = (0..count).map(|number| status(&namespace, width, number));
        let (secrets, statuses): (Vec<_>, Vec<_>) = (secrets.collect(), statuses.collect());
        for (what, method, requests) in [
            (Written::Secrets, Method::POST, secrets),
            (Written::Statuses, Method::PATCH, statuses),
        ] {
            let alone = probe.mark();
            tokio::time::sleep(ALONE).await;
            idle.add(&probe.since(alone));
            let mark = probe.mark();
            let time = send(writer, method, requests, width).await?;
            let latency = probe.since(mark);
            curve.push(Point {
                what,
                width,
                rate: float(count) / time.as_secs_f64().max(f64::MIN_POSITIVE),
                unrelated: latency.percentile(0.99),
                samples: latency.len(),
            });
        }
    }
    setup::empty(admin, &[namespace]).await?;
    let figures = summary(&curve, &idle);
    Ok(Ceiling { figures, curve })
}

/// Holds the watches of a controller, and looks at nothing they tell.
fn watch([secrets, objects]: [Client; 2]) -> JoinSet<()> {
    let source = |path: &str, selector: &str| Source {
        path: path.to_owned(),
        selector: selector.to_owned(),
    };
    let managed = "labelSelector=reconcile.external-secrets.io%2Fmanaged%3Dtrue";
    let secrets_of_all = source("/api/v1/secrets", managed);
    let objects_of_all = source("/apis/external-secrets.io/v1/externalsecrets", "");
    let mut watches = JoinSet::new();
    for (client, source) in [(secrets, secrets_of_all), (objects, objects_of_all)] {
        watches.spawn(async move {
            follow(&client, &source, 0, |_: Change<IgnoredAny>| ()).await;
        });
    }
    watches
}

/// The best rates; and the best rate of objects (a Secret and a status each) that leaves the
/// unrelated client alone enough.
fn summary(curve: &[Point], idle: &Samples) -> Figures {
    let mut figures = Figures::default();
    figures.percentiles("unrelated.idle", idle);
    let idle = idle.percentile(0.99).unwrap_or(f64::INFINITY);
    let mut both: BTreeMap<usize, (f64, bool)> = BTreeMap::new();
    for point in curve {
        let name = match point.what {
            Written::Secrets => "secrets",
            Written::Statuses => "statuses",
        };
        let (width, rate) = (point.width, point.rate);
        figures.set(format!("{name}.rate.{width}"), rate, Unit::PerSecond);
        let best = figures.get(&format!("{name}.rate"));
        if best.is_none_or(|best| best.value < rate) {
            figures.set(format!("{name}.rate"), rate, Unit::PerSecond);
            figures.count(format!("{name}.width"), width);
        }
        let mut considerate = true;
        if let Some(latency) = point.unrelated {
            let title = format!("{name}.unrelated.p99.{width}");
            figures.set(title, latency, Unit::Seconds);
            considerate = latency <= idle * CONSIDERATE;
        }
        let (seconds, all) = both.entry(width).or_insert((0.0, true));
        *seconds += rate.recip();
        *all &= considerate;
    }
    for (width, (seconds, considerate)) in both {
        let rate = seconds.recip();
        for (name, at, counts) in [
            ("objects.rate", "objects.width", true),
            (
                "objects.rate.considerate",
                "objects.width.considerate",
                considerate,
            ),
        ] {
            if counts && figures.get(name).is_none_or(|best| best.value < rate) {
                figures.set(name, rate, Unit::PerSecond);
                figures.count(at, width);
            }
        }
    }
    figures
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_considerate_loop_is_found() {
        let point = |what, width, rate, unrelated| Point {
            what,
            width,
            rate,
            unrelated: Some(unrelated),
            samples: 50,
        };
        let curve = [
            point(Written::Secrets, 1, 200.0, 0.004),
            point(Written::Statuses, 1, 100.0, 0.006),
            point(Written::Secrets, 8, 1000.0, 0.008),
            point(Written::Statuses, 8, 250.0, 0.011),
            point(Written::Secrets, 64, 2000.0, 0.009),
            point(Written::Statuses, 64, 400.0, 0.5),
        ];
        let figures = summary(&curve, &Samples::new([0.003]));
        let value = |name: &str| figures.get(name).unwrap().value;
        assert_eq!(
            (value("secrets.rate"), value("secrets.width")),
            (2000.0, 64.0)
        );
        assert_eq!(value("objects.width"), 64.0);
        assert_eq!(value("objects.width.considerate"), 8.0);
        assert!((value("objects.rate.considerate") - 200.0).abs() < 1e-9);
        assert!((value("statuses.unrelated.p99.64") - 0.5).abs() < 1e-9);
    }
}
