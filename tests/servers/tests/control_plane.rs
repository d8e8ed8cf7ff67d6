//! Shell. Tests of the control plane: objects, tokens, garbage collection, audit, restarts.
#![cfg(test)]

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tidegate_testservers::{
    ADMIN, ControlPlane, ControlPlaneOptions, Http, TIDEGATE, ensure, shared,
};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const MARKER: &str = "marker-in-no-log";

fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name },
        "stringData": { "password": MARKER },
    })
}

/// Asks until the answer has this status; 60 s at most.
async fn becomes(api: &Http, path: &str, status: u16) {
    for _ in 0..600 {
        if api.get(path).await.unwrap().status == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} never answered {status}");
}

#[tokio::test]
async fn a_secret_is_created_and_read_back() {
    let plane = shared().await.unwrap();
    let api = plane.api(ADMIN).unwrap();
    api.post(SECRETS, &secret("created"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    let found = api
        .get(&format!("{SECRETS}/created"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.encode(MARKER);
    assert_eq!(found["data"]["password"], json!(bytes));
}

#[tokio::test]
async fn the_servers_are_the_versions_of_the_recipes() {
    let plane = shared().await.unwrap();
    let version = plane
        .api(ADMIN)
        .unwrap()
        .get("/version")
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(version["gitVersion"], json!("v1.34.4"));
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("34"))
    );
}

#[tokio::test]
async fn without_a_role_a_user_may_do_nothing_and_without_a_token_nobody_is_known() {
    let plane = shared().await.unwrap();
    let tidegate = plane.api(TIDEGATE).unwrap();
    assert_eq!(tidegate.get(SECRETS).await.unwrap().status, 403);
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
    });
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let who = tidegate.post(path, &review).await.unwrap().ok().unwrap();
    let who = &who["status"]["userInfo"];
    assert_eq!(who["username"], json!("tidegate"));
    assert_eq!(who["groups"], json!(["system:authenticated"]));
    assert!(plane.token("nobody").is_err());
}

#[tokio::test]
async fn a_token_request_gives_a_token_for_its_audience_that_the_server_knows() {
    let plane = shared().await.unwrap();
    let token = plane
        .service_account_token("default", "default", &["vault"], 600)
        .await
        .unwrap();
    let api = plane.api(ADMIN).unwrap();
    let review = |audience: &str| {
        json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": { "token": token, "audiences": [audience] },
        })
    };
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let vault = api
        .post(path, &review("vault"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(vault["status"]["authenticated"], json!(true), "{vault}");
    let user = &vault["status"]["user"]["username"];
    assert_eq!(user, &json!("system:serviceaccount:default:default"));
    let other = api
        .post(path, &review("other"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_ne!(other["status"]["authenticated"], json!(true), "{other}");
}

#[tokio::test]
async fn the_keys_of_service_account_tokens_are_published() {
    let plane = shared().await.unwrap();
    let api = plane.api(ADMIN).unwrap();
    let found = api
        .get("/.well-known/openid-configuration")
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(found["issuer"], json!(plane.issuer()));
    let keys = api.get("/openid/v1/jwks").await.unwrap().ok().unwrap();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_dependent_goes_with_its_owner() {
    let plane = shared().await.unwrap();
    let api = plane.api(ADMIN).unwrap();
    let owner = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owner" },
    });
    let maps = "/api/v1/namespaces/default/configmaps";
    let owner = api.post(maps, &owner).await.unwrap().ok().unwrap();
    let mut owned = secret("owned");
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
        "uid": owner["metadata"]["uid"],
    }]);
    api.post(SECRETS, &owned).await.unwrap().ok().unwrap();
    api.delete(&format!("{maps}/owner"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    becomes(&api, &format!("{SECRETS}/owned"), 404).await;
}

#[tokio::test]
async fn a_restarted_garbage_collector_knows_new_resource_types() {
    let plane = ControlPlane::start(ControlPlaneOptions::default())
        .await
        .unwrap();
    let api = plane.api(ADMIN).unwrap();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "owners.tidegate.test" },
        "spec": {
            "group": "tidegate.test",
            "scope": "Namespaced",
            "names": { "kind": "Owner", "plural": "owners", "singular": "owner" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object" } },
            }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    api.post(definitions, &definition)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let owners = "/apis/tidegate.test/v1/namespaces/default/owners";
    becomes(&api, owners, 200).await;
    plane.restart_controller_manager().await.unwrap();
    let owner = json!({
        "apiVersion": "tidegate.test/v1", "kind": "Owner", "metadata": { "name": "owner" },
    });
    let owner = api.post(owners, &owner).await.unwrap().ok().unwrap();
    let mut owned = secret("owned-by-custom");
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "tidegate.test/v1", "kind": "Owner", "name": "owner",
        "uid": owner["metadata"]["uid"],
    }]);
    api.post(SECRETS, &owned).await.unwrap().ok().unwrap();
    api.delete(&format!("{owners}/owner"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    becomes(&api, &format!("{SECRETS}/owned-by-custom"), 404).await;
}

#[tokio::test]
async fn a_paused_server_goes_on_where_it_was() {
    let options = ControlPlaneOptions::default().without_controllers();
    let plane = ControlPlane::start(options).await.unwrap();
    let pids = plane.pids().await;
    let names: Vec<&str> = pids.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["etcd", "kube-apiserver"]);
    plane.pause_apiserver().await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pids[1].1)).unwrap();
    assert!(stat.rsplit(") ").next().unwrap().starts_with('T'), "{stat}");
    plane.resume_apiserver().await.unwrap();
    assert_eq!(
        plane.api(ADMIN).unwrap().get(SECRETS).await.unwrap().status,
        200
    );
    plane.kill().await.unwrap();
    assert!(plane.pids().await.is_empty());
}

#[tokio::test]
async fn a_deleted_namespace_goes_with_what_is_in_it() {
    let plane = shared().await.unwrap();
    let api = plane.api(ADMIN).unwrap();
    let space = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "short-lived" },
    });
    api.post("/api/v1/namespaces", &space)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let path = "/api/v1/namespaces/short-lived";
    becomes(&api, &format!("{path}/serviceaccounts/default"), 200).await;
    api.post(&format!("{path}/secrets"), &secret("inside"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    api.delete(path).await.unwrap().ok().unwrap();
    becomes(&api, path, 404).await;
}

#[tokio::test]
async fn the_audit_log_counts_by_user_and_holds_no_value() {
    let options = ControlPlaneOptions::default().user("auditor", &["system:masters"]);
    let plane = ControlPlane::start(options).await.unwrap();
    let auditor = plane.api("auditor").unwrap();
    let before = plane.audit().mark().unwrap();
    for name in ["one", "two", "three"] {
        auditor
            .post(SECRETS, &secret(name))
            .await
            .unwrap()
            .ok()
            .unwrap();
    }
    auditor
        .patch(&format!("{SECRETS}/one"), &secret("one"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    auditor.get(&format!("{SECRETS}/absent")).await.unwrap();
    plane
        .api(ADMIN)
        .unwrap()
        .get(SECRETS)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let requests = plane.requests_since(before).await.unwrap();
    let ours: Vec<(&str, &str, u16)> = requests
        .iter()
        .filter(|request| request.user == "auditor")
        .map(|request| (request.verb.as_str(), request.name.as_str(), request.code))
        .collect();
    let made = ["one", "two", "three"].map(|name| ("create", name, 201));
    let rest = [("patch", "one", 200), ("get", "absent", 404)];
    assert_eq!(ours, [made.as_slice(), rest.as_slice()].concat());
    assert_eq!(
        requests
            .iter()
            .filter(|r| r.user == "auditor" && r.mutates())
            .count(),
        4
    );
    let log = std::fs::read_to_string(plane.audit_log_path()).unwrap();
    assert!(!log.contains(MARKER));
}

#[tokio::test]
async fn no_request_of_many_at_once_is_missing_from_the_audit_log() {
    let options = ControlPlaneOptions::default()
        .without_controllers()
        .user("crowd", &[]);
    let plane = ControlPlane::start(options).await.unwrap();
    let crowd = plane.api("crowd").unwrap();
    let before = plane.audit().mark().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..300 {
        let crowd = crowd.clone();
        tasks.spawn(async move {
            let path = format!("{SECRETS}/wanted-{number}");
            crowd.get(&path).await.unwrap().status
        });
    }
    assert_eq!(tasks.join_all().await, [403; 300]);
    let requests = plane.requests_since(before).await.unwrap();
    let ours = requests
        .iter()
        .filter(|r| r.user == "crowd" && r.verb == "get" && r.code == 403);
    let names: std::collections::BTreeSet<&str> = ours.clone().map(|r| r.name.as_str()).collect();
    assert_eq!((ours.count(), names.len()), (300, 300));
}

#[tokio::test]
async fn a_restarted_server_keeps_its_data_and_tokens() {
    let options = ControlPlaneOptions::default().without_controllers();
    let plane = ControlPlane::start(options).await.unwrap();
    let api = plane.api(ADMIN).unwrap();
    api.post(SECRETS, &secret("kept"))
        .await
        .unwrap()
        .ok()
        .unwrap();
    plane.stop_apiserver().await.unwrap();
    assert!(api.get(SECRETS).await.is_err());
    let extra = vec!["--max-requests-inflight=77".to_owned()];
    plane.start_apiserver().await.unwrap();
    plane.restart_apiserver_with(extra).await.unwrap();
    plane.kill_apiserver().await.unwrap();
    plane.start_apiserver().await.unwrap();
    assert_eq!(
        api.get(&format!("{SECRETS}/kept")).await.unwrap().status,
        200
    );
    let pids = plane.pids().await;
    let apiserver = pids
        .iter()
        .find(|(name, _)| *name == "kube-apiserver")
        .unwrap()
        .1;
    let command = std::fs::read_to_string(format!("/proc/{apiserver}/cmdline")).unwrap();
    assert!(command.contains("--max-requests-inflight=77"), "{command}");
}

#[tokio::test]
async fn kubectl_works_with_the_kubeconfig() {
    let plane = shared().await.unwrap();
    let kubectl = ensure("kubectl").await.unwrap();
    let output = Command::new(kubectl)
        .arg("--kubeconfig")
        .arg(plane.kubeconfig_path(ADMIN).unwrap())
        .args(["get", "namespace", "kube-system", "-o", "name"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), "namespace/kube-system", "{output:?}");
}

#[tokio::test]
async fn a_server_that_ends_at_start_says_why() {
    let options = ControlPlaneOptions::default().apiserver_arg("--no-such-flag");
    let error = ControlPlane::start(options).await.unwrap_err().to_string();
    assert!(error.contains("kube-apiserver ended at start"), "{error}");
    assert!(error.contains("unknown flag: --no-such-flag"), "{error}");
    let log = error
        .split("log: ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .unwrap();
    assert!(
        std::fs::read_to_string(log)
            .unwrap()
            .contains("no-such-flag")
    );
    let logs = std::path::Path::new(log).parent().unwrap();
    let folder = logs.parent().unwrap();
    let left: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(left, [logs]);
    std::fs::remove_dir_all(folder).unwrap();
}
