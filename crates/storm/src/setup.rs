//! Shell. Makes what a run needs on the API server, and takes it away again.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use kube::Client;
use tokio::time::Instant;

use crate::api::{self, ApiFailure};
use crate::load::{LABEL, Load};
use crate::store::Store;

/// Requests in flight while a load is made or removed; not part of any measure.
const WIDTH: usize = 16;
/// Longest wait for namespaces to be gone.
const GONE: Duration = Duration::from_secs(180);
/// Collections of the resources under load.
const OBJECTS: &str = "externalsecrets";
const GROUP: &str = "/apis/external-secrets.io/v1";

/// Path of the namespaces' collection.
pub const NAMESPACES: &str = "/api/v1/namespaces";

/// Path of a namespace's ExternalSecrets.
#[must_use]
pub fn objects_of(namespace: &str) -> String {
    format!("{GROUP}/namespaces/{namespace}/{OBJECTS}")
}

/// Path of a namespace's Secrets.
#[must_use]
pub fn secrets_of(namespace: &str) -> String {
    format!("{NAMESPACES}/{namespace}/secrets")
}

/// Path of the Secret that the unrelated client reads.
#[must_use]
pub fn probe_path(load: &Load) -> String {
    format!("{}/approle", secrets_of(&load.control()))
}

fn label(run: Option<&str>) -> String {
    let label = LABEL.replace('/', "%2F");
    run.map_or_else(|| label.clone(), |run| format!("{label}%3D{run}"))
}

/// Makes namespaces, credential and store.
///
/// # Errors
/// When the API server refuses; with 409 when a run of this name has left something.
pub async fn base(client: &Client, load: &Load, server: &str) -> Result<(), ApiFailure> {
    let control = load.control();
    api::post(client, NAMESPACES, &load.namespace_body(&control)).await?;
    let credential = load.credential("storm");
    api::post(client, &secrets_of(&control), &credential).await?;
    if let Store::Real(real) = &load.values {
        for secret in real.secrets(load) {
            api::post(client, &secrets_of(&control), &secret).await?;
        }
    }
    stream::iter(0..load.namespaces)
        .map(|number| async move {
            let body = load.namespace_body(&load.namespace(number));
            api::post(client, NAMESPACES, &body).await
        })
        .buffer_unordered(WIDTH)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let stores = format!("{GROUP}/clustersecretstores");
    api::post(client, &stores, &load.store_body(server)).await?;
    Ok(())
}

/// Makes the objects of these numbers; `done` hears of each.
///
/// # Errors
/// When the API server refuses.
pub async fn objects(
    client: &Client,
    load: &Load,
    numbers: impl IntoIterator<Item = usize>,
    mut done: impl FnMut(usize),
) -> Result<(), ApiFailure> {
    let made = stream::iter(numbers).map(|number| async move {
        object(client, load, number).await?;
        Ok::<usize, ApiFailure>(number)
    });
    let mut made = std::pin::pin!(made.buffer_unordered(WIDTH));
    while let Some(number) = made.try_next().await? {
        done(number);
    }
    Ok(())
}

/// Secrets of one namespace among the foreign ones.
const FOREIGN_OF_ONE: usize = 1000;

/// Makes Secrets of others: nothing refers to them. `done` hears of each.
///
/// # Errors
/// When the API server refuses.
pub async fn foreign(
    client: &Client,
    load: &Load,
    count: usize,
    bytes: usize,
    mut done: impl FnMut(),
) -> Result<(), ApiFailure> {
    let namespaces = (0..count.div_ceil(FOREIGN_OF_ONE)).map(|number| load.foreign(number));
    for namespace in namespaces {
        api::post(client, NAMESPACES, &load.namespace_body(&namespace)).await?;
    }
    let text = "x".repeat(bytes);
    let made = stream::iter(0..count).map(|number| {
        let path = secrets_of(&load.foreign(number / FOREIGN_OF_ONE));
        let name = format!("foreign-{number}");
        let body = serde_json::json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name }, "stringData": { "text": text } });
        async move { api::post(client, &path, &body).await }
    });
    let mut made = std::pin::pin!(made.buffer_unordered(WIDTH));
    while made.try_next().await?.is_some() {
        done();
    }
    Ok(())
}

/// Deletes one object.
///
/// # Errors
/// When the API server refuses.
pub async fn remove(client: &Client, load: &Load, number: usize) -> Result<(), ApiFailure> {
    let place = load.place(number);
    let path = format!("{}/{}", objects_of(&place.namespace), place.name);
    api::delete(client, &path).await
}

/// Makes one object.
///
/// # Errors
/// When the API server refuses.
pub async fn object(client: &Client, load: &Load, number: usize) -> Result<(), ApiFailure> {
    let body = load.external_secret(number, &load.path(load.key(number)));
    let path = objects_of(&load.place(number).namespace);
    api::post(client, &path, &body).await.map(drop)
}

/// Deletes all ExternalSecrets and Secrets of namespaces; the namespaces stay.
///
/// # Errors
/// When the API server refuses.
pub async fn empty(client: &Client, namespaces: &[String]) -> Result<(), ApiFailure> {
    stream::iter(namespaces)
        .map(|namespace| async move {
            api::delete(client, &objects_of(namespace)).await?;
            api::delete(client, &secrets_of(namespace)).await
        })
        .buffer_unordered(WIDTH)
        .try_for_each(|()| async { Ok(()) })
        .await
}

/// The labelled namespaces of one run, or of all.
///
/// # Errors
/// When the API server refuses.
pub async fn namespaces(client: &Client, run: Option<&str>) -> Result<Vec<String>, ApiFailure> {
    let path = format!("{NAMESPACES}?labelSelector={}", label(run));
    let list = api::get(client, &path).await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let names = items
        .iter()
        .filter_map(|it| it["metadata"]["name"].as_str());
    // The label alone is not believed: somebody may have copied it onto a namespace of theirs.
    let ours = names.filter(|name| name.starts_with("storm-"));
    Ok(ours.map(str::to_owned).collect())
}

/// An object of somebody else that a controller would serve, if there is one.
///
/// # Errors
/// When the API server refuses.
pub async fn somebody(client: &Client) -> Result<Option<String>, ApiFailure> {
    for resource in [OBJECTS, "secretstores", "clustersecretstores"] {
        let label = label(None);
        let path = format!("{GROUP}/{resource}?labelSelector=%21{label}&limit=1");
        let list = api::get(client, &path).await?;
        let meta = &list["items"][0]["metadata"];
        if let Some(name) = meta["name"].as_str() {
            let namespace = meta["namespace"].as_str();
            let place = namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
            return Ok(Some(format!("{resource} {place}{name}")));
        }
    }
    Ok(None)
}

/// What a clean-up found and left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Namespaces that were deleted.
    pub namespaces: usize,
    /// Of these, still terminating when the wait was over.
    pub left: usize,
}

/// Removes everything of one run, or of all: stores first, then the namespaces' contents, then
/// the namespaces. Touches nothing that lacks the label.
///
/// # Errors
/// When the API server refuses.
pub async fn clean(
    client: &Client,
    run: Option<&str>,
    mut told: impl FnMut(usize),
) -> Result<Cleaned, ApiFailure> {
    let stores = format!("{GROUP}/clustersecretstores?labelSelector={}", label(run));
    events(client, &stores).await?;
    // A cluster without the resources has no store to remove.
    api::delete(client, &stores).await?;
    let found = namespaces(client, run).await?;
    empty(client, &found).await?;
    stream::iter(&found)
        .map(|name| async move { api::delete(client, &format!("{NAMESPACES}/{name}")).await })
        .buffer_unordered(WIDTH)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    let deadline = Instant::now() + GONE;
    let mut left = namespaces(client, run).await?.len();
    while left > 0 && Instant::now() < deadline {
        told(left);
        tokio::time::sleep(Duration::from_millis(500)).await;
        left = namespaces(client, run).await?.len();
    }
    Ok(Cleaned {
        namespaces: found.len(),
        left,
    })
}

/// Removes what controllers have told about the runs' stores: events about what lies in no
/// namespace are kept in `default`, where they would outlive the run.
async fn events(client: &Client, stores: &str) -> Result<(), ApiFailure> {
    let list = match api::get(client, stores).await {
        Err(error) if error.code() == Some(404) => return Ok(()),
        answer => answer?,
    };
    let stores = list["items"].as_array().cloned().unwrap_or_default();
    for name in stores
        .iter()
        .filter_map(|it| it["metadata"]["name"].as_str())
    {
        let about = format!("involvedObject.kind=ClusterSecretStore,involvedObject.name={name}");
        let selector = about.replace('=', "%3D").replace(',', "%2C");
        let path = format!("{NAMESPACES}/default/events?fieldSelector={selector}");
        api::delete(client, &path).await?;
    }
    Ok(())
}

/// Makes objects that can never be served: nothing is at the paths they read.
///
/// # Errors
/// When the API server refuses.
pub async fn failing(
    client: &Client,
    load: &Load,
    namespace: &str,
    count: usize,
) -> Result<(), ApiFailure> {
    api::ensure(client, NAMESPACES, &load.namespace_body(namespace)).await?;
    let made = stream::iter(0..count).map(|number| async move {
        let mut body = load.external_secret(0, &load.absent(number));
        body["metadata"]["namespace"] = namespace.into();
        body["metadata"]["name"] = format!("failing-{number}").into();
        api::call(client, Method::POST, &objects_of(namespace), Some(&body)).await
    });
    made.buffer_unordered(WIDTH)
        .try_for_each(|_| async { Ok(()) })
        .await
}
