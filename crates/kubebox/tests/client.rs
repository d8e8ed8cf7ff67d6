//! Shell. Tests through a real client, kube-rs: on the service with paused time, and over TLS.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{DynamicObject, PartialObjectMeta, WatchEvent};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, Discovery};
use kubebox::{Access, Kubebox, Options, kubeconfig, write_kubeconfig};
use serde_json::json;

fn secret(name: &str) -> Secret {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"app": "t"}},
        "stringData": {"k": "v"}}))
    .unwrap()
}

fn client() -> (Kubebox, Client) {
    let kubebox = Kubebox::new(Options::default());
    (kubebox.clone(), Client::new(kubebox, "default"))
}

#[tokio::test(start_paused = true)]
async fn typed_objects_go_in_and_out() {
    let (_, client) = client();
    let api: Api<Secret> = Api::default_namespaced(client.clone());
    let made = api
        .create(&PostParams::default(), &secret("a"))
        .await
        .unwrap();
    assert_eq!(made.data.as_ref().unwrap()["k"].0, b"v");
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
    let again = api
        .create(&PostParams::default(), &secret("a"))
        .await
        .unwrap_err();
    assert!(matches!(again, kube::Error::Api(s) if s.is_already_exists()));
    let mut stale = made.clone();
    let patch = Patch::Merge(json!({"data": {"k": "bmV3"}}));
    api.patch("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    stale.immutable = Some(true);
    let conflict = api
        .replace("a", &PostParams::default(), &stale)
        .await
        .unwrap_err();
    assert!(matches!(conflict, kube::Error::Api(s) if s.is_conflict()));
    let list = api
        .list(&ListParams::default().labels("app=t"))
        .await
        .unwrap();
    assert_eq!(list.items.len(), 1);
    api.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("a").await.unwrap().is_none());
    let leases: Api<Lease> = Api::default_namespaced(client);
    let lease = serde_json::from_value(json!({"metadata": {"name": "l"},
        "spec": {"renewTime": "2026-01-01T00:00:00.123456Z"}}));
    let lease = leases
        .create(&PostParams::default(), &lease.unwrap())
        .await
        .unwrap();
    assert!(lease.spec.unwrap().renew_time.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_reflector_follows_through_drops_and_compaction() {
    let (kubebox, client) = client();
    let api: Api<PartialObjectMeta<Secret>> = Api::default_namespaced(client.clone());
    let secrets: Api<Secret> = Api::default_namespaced(client);
    for streaming in [false, true] {
        let mut config = watcher::Config::default();
        if streaming {
            config = config.streaming_lists();
        }
        let stream = watcher(api.clone(), config)
            .default_backoff()
            .applied_objects();
        let mut stream = std::pin::pin!(stream);
        let name = format!("first-{streaming}");
        secrets
            .create(&PostParams::default(), &secret(&name))
            .await
            .unwrap();
        let mut seen = Vec::new();
        while !seen.contains(&name) {
            seen.push(stream.next().await.unwrap().unwrap().metadata.name.unwrap());
        }
        kubebox.drop_watches();
        kubebox.compact();
        let name = format!("second-{streaming}");
        secrets
            .create(&PostParams::default(), &secret(&name))
            .await
            .unwrap();
        loop {
            // The broken watch is an error first; the watcher recovers by itself.
            match stream.next().await.unwrap() {
                Ok(object) if object.metadata.name.as_deref() == Some(&name) => break,
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_definition_makes_a_resource() {
    let (_, client) = client();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition = serde_json::from_value(json!({
        "metadata": {"name": "widgets.x.io"},
        "spec": {"group": "x.io", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "status": {"type": "object",
                        "x-kubernetes-preserve-unknown-fields": true}}}}}]}}))
    .unwrap();
    definitions
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    let established = kube::runtime::conditions::is_crd_established();
    let waited = kube::runtime::wait::await_condition(definitions, "widgets.x.io", established);
    tokio::time::timeout(Duration::from_secs(5), waited)
        .await
        .unwrap()
        .unwrap();
    for discovery in [
        Discovery::new(client.clone()).run().await.unwrap(),
        Discovery::new(client.clone())
            .run_aggregated()
            .await
            .unwrap(),
    ] {
        let (resource, capabilities) = discovery
            .get("x.io")
            .unwrap()
            .recommended_kind("Widget")
            .unwrap();
        assert_eq!(resource.plural, "widgets");
        assert_eq!(capabilities.subresources.len(), 1);
        let api: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
        let object = DynamicObject::new("w", &resource).data(json!({"spec": {"a": 1}}));
        api.create(&PostParams::default(), &object).await.unwrap();
        let patch = Patch::Merge(json!({"status": {"up": true}}));
        let patched = api
            .patch_status("w", &PatchParams::default(), &patch)
            .await
            .unwrap();
        assert_eq!(patched.data["status"]["up"], true);
        api.delete("w", &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn server_side_apply_is_refused_in_one_clear_line() {
    let (_, client) = client();
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    let params = PatchParams::apply("me");
    let error = api
        .patch("c", &params, &Patch::Apply(object))
        .await
        .unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error}")
    };
    assert_eq!(status.code, 415);
    assert!(
        status.message.contains("no server-side apply"),
        "{}",
        status.message
    );
}

#[tokio::test]
async fn the_loopback_server_answers_its_owner_only() {
    let kubebox = Kubebox::new(Options::default());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let access = Access::new("s3cret").unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = kubebox.clone();
    let serving = access.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        server
            .serve(listener, &serving, async move {
                stopped.await.unwrap_or_default()
            })
            .await
    });
    let connect = |text: String| async move {
        let parsed = Kubeconfig::from_yaml(&text).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(parsed, &options)
            .await
            .unwrap();
        Client::try_from(config).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    write_kubeconfig(&path, address, &access).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let client = connect(std::fs::read_to_string(&path).unwrap()).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    assert_eq!(
        namespaces
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        4
    );
    let secrets: Api<Secret> = Api::default_namespaced(client);
    let mut watch = secrets
        .watch(&WatchParams::default(), "0")
        .await
        .unwrap()
        .boxed();
    secrets
        .create(&PostParams::default(), &secret("a"))
        .await
        .unwrap();
    let event = watch.try_next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Added(s) if s.metadata.name.as_deref() == Some("a")));
    let wrong = kubeconfig(address, &access).replace("s3cret", "s3creT");
    let stranger: Api<Secret> = Api::default_namespaced(connect(wrong).await);
    let refused = stranger.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(s) if s.code == 401));
    drop(watch);
    stop.send(()).unwrap();
    tasks.join_next().await.unwrap().unwrap().unwrap();
}
