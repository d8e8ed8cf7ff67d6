//! Shell. The bare loop: sends the writes that the controller would send, and decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::AsyncReadExt;
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tidegate::clock::Clock;
use tidegate_testservers::TIDEGATE;
use tokio::task::JoinSet;

use crate::storm::{Batch, Outcome, Storm};

/// What the controller wrote for one object, to be written again for others.
pub struct Template {
    secret: Value,
    manager: String,
    status: Value,
}

/// How long the bare loop took.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// Until the last Secret was there.
    pub secrets: Duration,
    /// Until the last status was there as well.
    pub all: Duration,
}

impl Template {
    /// Takes Secret and status of the first object of a batch that the controller has served.
    pub async fn taken(storm: &Storm, batch: &Batch) -> Outcome<Self> {
        let (namespace, name, _) = batch.objects.first().ok_or("an empty batch")?;
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let mut secret = storm.admin.get(&path).await?.ok()?;
        let fields = &secret["metadata"]["managedFields"][0]["manager"];
        let manager = fields.as_str().ok_or("a Secret without a manager")?;
        let manager = manager.to_owned();
        let metadata = secret["metadata"].as_object_mut().ok_or("no metadata")?;
        for made_by_the_server in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "managedFields",
        ] {
            metadata.remove(made_by_the_server);
        }
        let path = path_of_status(namespace, name);
        let object = storm.admin.get(&path).await?.ok()?;
        Ok(Self {
            secret,
            manager,
            status: object["status"].clone(),
        })
    }

    /// Bytes of one Secret's body and of one status's.
    pub fn sizes(&self) -> (usize, usize) {
        (self.secret.to_string().len(), self.status.to_string().len())
    }

    fn create(&self, object: &(String, String, String)) -> Outcome<Request<Vec<u8>>> {
        let (namespace, name, uid) = object;
        let mut secret = self.secret.clone();
        secret["metadata"]["name"] = json!(name);
        secret["metadata"]["namespace"] = json!(namespace);
        secret["metadata"]["ownerReferences"][0]["name"] = json!(name);
        secret["metadata"]["ownerReferences"][0]["uid"] = json!(uid);
        let manager = &self.manager;
        let path = format!("/api/v1/namespaces/{namespace}/secrets?fieldManager={manager}");
        request("POST", &path, "application/json", &secret)
    }

    fn report(&self, object: &(String, String, String)) -> Outcome<Request<Vec<u8>>> {
        let (namespace, name, _) = object;
        let mut status = self.status.clone();
        status["binding"]["name"] = json!(name);
        let path = format!("{}?fieldManager=tidegate", path_of_status(namespace, name));
        let body = json!({ "status": status });
        request("PATCH", &path, "application/merge-patch+json", &body)
    }
}

fn path_of_status(namespace: &str, name: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets/{name}/status")
}

fn request(method: &str, path: &str, kind: &str, body: &Value) -> Outcome<Request<Vec<u8>>> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", kind);
    let request = request.header("accept", "application/json");
    Ok(request.body(serde_json::to_vec(body)?)?)
}

/// Writes all Secrets of a batch, then all statuses, `width` at a time, as the controller's user.
/// Nothing when the API server closed a watch meanwhile, so that it had less to do.
pub async fn run(
    storm: &Storm,
    batch: &Batch,
    like: &Template,
    width: usize,
) -> Outcome<Option<Bare>> {
    let kubeconfig = Kubeconfig::from_yaml(&storm.plane.kubeconfig(TIDEGATE)?)?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    let client = tidegate::client::client(config)?;
    let secrets: Outcome<Vec<_>> = batch.objects.iter().map(|o| like.create(o)).collect();
    let statuses: Outcome<Vec<_>> = batch.objects.iter().map(|o| like.report(o)).collect();
    let (secrets, statuses) = (secrets?, statuses?);
    let mut watches = watch(&client).await?;
    let clock = Clock::system();
    let began = clock.uptime();
    send(&client, secrets, width).await?;
    let created = clock.uptime();
    send(&client, statuses, width).await?;
    let ended = clock.uptime();
    if watches.try_join_next().is_some() {
        return Ok(None);
    }
    watches.shutdown().await;
    Ok(Some(Bare {
        secrets: created - began,
        all: ended - began,
    }))
}

async fn send(client: &Client, requests: Vec<Request<Vec<u8>>>, width: usize) -> Outcome<()> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut workers: JoinSet<Outcome<()>> = JoinSet::new();
    for _ in 0..width {
        let (client, requests) = (client.clone(), Arc::clone(&requests));
        let next = Arc::clone(&next);
        workers.spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                client.request_text(request.clone()).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(())
}

/// Opens the controller's watches; what they tell is received and thrown away undecoded.
async fn watch(client: &Client) -> Outcome<JoinSet<()>> {
    const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    const WHOLE: &str = "application/json";
    const OURS: &str = "&labelSelector=reconcile.external-secrets.io%2Fmanaged%3Dtrue";
    let group = "/apis/external-secrets.io/v1";
    let watched = [
        (format!("{group}/externalsecrets"), "", WHOLE),
        (format!("{group}/secretstores"), "", WHOLE),
        (format!("{group}/clustersecretstores"), "", WHOLE),
        ("/api/v1/namespaces".to_owned(), "", WHOLE),
        ("/api/v1/secrets".to_owned(), OURS, WHOLE),
        ("/api/v1/secrets".to_owned(), "", METADATA),
        ("/api/v1/configmaps".to_owned(), "", METADATA),
    ];
    let mut tasks = JoinSet::new();
    for (path, selector, accept) in watched {
        let uri = format!("{path}?watch=true&allowWatchBookmarks=true{selector}");
        let request = Request::get(uri)
            .header("accept", accept)
            .body(Vec::new())?;
        let stream = client.request_stream(request).await?;
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            let mut buffer = vec![0; 16 * 1024];
            while matches!(stream.read(&mut buffer).await, Ok(bytes) if bytes > 0) {}
        });
    }
    Ok(tasks)
}
