//! Shell. Small storms on a real API server and etcd: counts, what is left, what is not touched.

use std::path::PathBuf;

use serde_json::{Value, json};
use tidegate_storm::phase::Phase;
use tidegate_storm::report::Report;
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions, Http};

use crate::support::{Bench, at_most, controller_of, figure, is, runs, signal, text};

#[path = "../cluster/support/manifests.rs"]
pub mod manifests;

const LOAD: [&str; 13] = [
    "--objects=500",
    "--namespaces=20",
    "--keys=100",
    "--shared=50",
    "--nodes=50",
    "--refresh=10s",
    "--no-ceiling",
    "--new-objects=3",
    "--yes",
    "--run=real",
    "--phase-timeout=5m",
    "--steady=15s",
    "--idle=1s",
];

async fn plane() -> ControlPlane {
    tidegate::run::install_crypto();
    let plane = ControlPlane::start(ControlPlaneOptions::default().user("nobody", &[]));
    plane.await.unwrap()
}

async fn run(bench: Bench, args: Vec<String>) -> crate::support::Ended {
    // The storm is a process that is waited for; the servers are looked after meanwhile.
    tokio::task::spawn_blocking(move || {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        bench.storm(&args)
    })
    .await
    .unwrap()
}

fn args(groups: &[&[&str]]) -> Vec<String> {
    groups.concat().into_iter().map(str::to_owned).collect()
}

async fn names(admin: &Http, path: &str) -> Vec<String> {
    let list = admin.get(path).await.unwrap().ok().unwrap();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
    items.iter().filter_map(name).collect()
}

async fn storms(admin: &Http) -> Vec<String> {
    let all = names(admin, "/api/v1/namespaces").await;
    all.into_iter()
        .filter(|name| name.starts_with("storm-"))
        .collect()
}

fn kubeconfig(plane: &ControlPlane, user: &str) -> PathBuf {
    plane.kubeconfig_path(user).unwrap()
}

/// A namespace with a storm's label, which alone makes it no storm's own, and a Secret in it.
async fn foreign_secrets(admin: &Http) -> &'static str {
    let foreign = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "foreign", "labels": { "storm.tidegate.dev/run": "real" } } });
    let made = admin.post("/api/v1/namespaces", &foreign).await.unwrap();
    made.ok().unwrap();
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" } });
    let path = "/api/v1/namespaces/foreign/secrets";
    admin.post(path, &secret).await.unwrap().ok().unwrap();
    path
}

fn counts_are_exact(report: &Report) {
    let first = Phase::FirstSync;
    is(report, first, "requests.secrets", 500.0);
    // The credential alone: no Secret of an object is ever read.
    is(report, first, "requests.sort.get-secrets", 1.0);
    is(report, first, "requests.statuses", 500.0);
    is(report, first, "backend.logins", 1.0);
    is(report, first, "nodes.unseen", 0.0);
    for server in ["apiserver", "etcd"] {
        assert!(figure(report, first, &format!("{server}.memory.peak")) > 0.0);
        assert!(figure(report, first, &format!("{server}.cpu")) > 0.0);
    }
    is(report, Phase::Steady, "requests.secrets", 0.0);
    is(report, Phase::NewObjects, "objects", 3.0);
    is(report, Phase::RotateOne, "objects", 50.0);
    is(report, Phase::RotateOne, "nodes.unseen", 0.0);
    is(report, Phase::RestartTerm, "requests.secrets.needless", 0.0);
    is(report, Phase::NamespaceDeletion, "namespaces.left", 0.0);
    at_most(
        report,
        Phase::NamespaceDeletion,
        "requests.pushed-back",
        0.0,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_storm_on_a_real_server_counts_and_leaves_nothing() {
    let plane = plane().await;
    let admin = plane.api(ADMIN).unwrap();
    manifests::install(&admin).await;
    let foreign = foreign_secrets(&admin).await;

    let config = kubeconfig(&plane, ADMIN);
    let audit = plane.audit_log_path().to_owned();
    let phases = "steady,new-objects,rotate-one,restart-term,pushback,namespace-deletion";
    let pids = plane.pids().await;
    let pid = |server: &str| {
        let found = pids.iter().find(|(name, _)| *name == server);
        found.unwrap().1.to_string()
    };
    let (apiserver, etcd) = (pid("kube-apiserver"), pid("etcd"));
    let line = [
        "--apiserver-pid",
        &apiserver,
        "--etcd-pid",
        &etcd,
        "--kubeconfig",
        text(&config),
        "--audit-log",
        text(&audit),
        "--audit-user",
        ADMIN,
        "--phases",
        phases,
    ];
    let ended = run(Bench::new(), args(&[&LOAD, &line])).await;
    let report = ended.good();
    assert_eq!(report.phases.len(), 6, "{:?}", report.notes);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("pushback is left out"))
    );
    for phase in &report.phases {
        if phase.figures.get("unfinished").is_some() {
            is(report, phase.phase, "unfinished", 0.0);
        }
    }
    counts_are_exact(report);

    assert_eq!(storms(&admin).await, Vec::<String>::new());
    let stores = "/apis/external-secrets.io/v1/clustersecretstores";
    assert_eq!(names(&admin, stores).await, Vec::<String>::new());
    assert_eq!(names(&admin, foreign).await, ["s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_storm_removes_what_it_made_and_clean_what_a_killed_one_left() {
    let plane = plane().await;
    let admin = plane.api(ADMIN).unwrap();
    manifests::install(&admin).await;
    let config = kubeconfig(&plane, ADMIN);
    let cluster = [
        "--kubeconfig",
        text(&config),
        "--phases",
        "outage",
        "--outage",
        "10m",
    ];
    for (name, code) in [("INT", Some(130)), ("KILL", None)] {
        let line = args(&[&LOAD, &cluster]);
        let ended = tokio::task::spawn_blocking(move || {
            let bench = Bench::new();
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let child = bench.start(&line);
            let started = controller_of(&child);
            signal(child.id(), name);
            (bench.wait(child), started)
        });
        let (ended, started) = ended.await.unwrap();
        assert_eq!(ended.code, code, "{}", ended.err);
        for process in started.iter().filter(|_| code.is_some()) {
            assert!(!runs(*process), "process {process} is left");
        }
        assert_eq!(storms(&admin).await.is_empty(), code.is_some(), "{name}");
    }
    let again = run(Bench::new(), args(&[&LOAD, &cluster])).await;
    assert!(again.complaint(1).contains("storm clean --run real"));
    let bench = Bench::new();
    let cleaned = tokio::task::spawn_blocking(move || {
        bench.plain(&["clean", "--kubeconfig", text(&config), "--yes"])
    });
    let cleaned = cleaned.await.unwrap();
    assert_eq!(cleaned.code, Some(0), "{}", cleaned.err);
    assert_eq!(storms(&admin).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_the_resources_or_the_rights_is_left_alone() {
    let plane = plane().await;
    let admin = plane.api(ADMIN).unwrap();
    let config = kubeconfig(&plane, ADMIN);
    let line = ["--kubeconfig", text(&config)];
    let ended = run(Bench::new(), args(&[&LOAD, &line])).await;
    let told = ended.complaint(1);
    assert!(told.contains("serves no externalsecrets"), "{told}");
    assert!(told.contains("tidegate crds"), "{told}");

    manifests::install(&admin).await;
    let config = kubeconfig(&plane, "nobody");
    let line = ["--kubeconfig", text(&config)];
    let ended = run(Bench::new(), args(&[&LOAD, &line])).await;
    let told = ended.complaint(1);
    assert!(told.contains("may not create namespaces"), "{told}");
    assert!(told.contains("watch externalsecrets"), "{told}");
    assert_eq!(storms(&admin).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_right_is_named_and_objects_of_others_are_left_alone() {
    tidegate::run::install_crypto();
    let users: Vec<String> = (0..32).map(|number| format!("lacks-{number}")).collect();
    let mut options = ControlPlaneOptions::default().user("nobody", &[]);
    for user in &users {
        options = options.user(user, &[]);
    }
    let plane = ControlPlane::start(options).await.unwrap();
    let admin = plane.api(ADMIN).unwrap();
    manifests::install(&admin).await;
    let told = refused(&plane, "nobody").await;
    let rights = told.split_once("may not ").unwrap().1;
    let rights: Vec<(String, String)> = rights
        .split(", ")
        .map(|right| right.split_once(' ').unwrap())
        .map(|(verb, resource)| (verb.to_owned(), resource.to_owned()))
        .collect();
    assert!((15..=users.len()).contains(&rights.len()), "{told}");
    for (user, lacking) in users.iter().zip(&rights) {
        grant_all_but(&admin, user, &rights, lacking).await;
    }
    for (user, (verb, resource)) in users.iter().zip(&rights) {
        granted(&plane, user, &rights, (verb.as_str(), resource.as_str())).await;
        let told = refused(&plane, user).await;
        let expected = format!("tidegate: the kubeconfig's user may not {verb} {resource}");
        assert_eq!(told, expected);
    }

    let store = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
        "metadata": { "name": "theirs" }, "spec": { "provider": { "fake": { "data": [] } } } });
    let stores = "/apis/external-secrets.io/v1/clustersecretstores";
    let made = admin.post(stores, &store).await.unwrap().ok().unwrap();
    let told = refused(&plane, ADMIN).await;
    assert!(told.contains("has clustersecretstores theirs"), "{told}");
    let now = admin.get(&format!("{stores}/theirs")).await.unwrap();
    let version = |store: &Value| store["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&now.ok().unwrap()), version(&made));
    assert_eq!(storms(&admin).await, Vec::<String>::new());
}

/// What a storm says that does not begin.
async fn refused(plane: &ControlPlane, user: &str) -> String {
    let config = kubeconfig(plane, user);
    let line = ["--kubeconfig", text(&config)];
    // With the ceiling, which needs one right more.
    let load: Vec<&str> = LOAD
        .into_iter()
        .filter(|it| *it != "--no-ceiling")
        .collect();
    let ended = run(Bench::new(), args(&[&load, &line])).await;
    ended.complaint(1).to_owned()
}

fn group(resource: &str) -> &'static str {
    if resource.starts_with("external") || resource.contains("stores") {
        "external-secrets.io"
    } else {
        ""
    }
}

async fn grant_all_but(
    admin: &Http,
    user: &str,
    rights: &[(String, String)],
    lacking: &(String, String),
) {
    let granted = rights.iter().filter(|right| *right != lacking);
    let rules: Vec<Value> = granted
        .map(|(verb, resource)| {
            json!({ "apiGroups": [group(resource)], "resources": [resource], "verbs": [verb] })
        })
        .collect();
    let rbac = "rbac.authorization.k8s.io";
    let role = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole",
        "metadata": { "name": user }, "rules": rules });
    let binding = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding",
        "metadata": { "name": user },
        "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": user },
        "subjects": [{ "kind": "User", "name": user, "apiGroup": rbac }] });
    admin.apply(&role).await.unwrap();
    admin.apply(&binding).await.unwrap();
}

/// Waits until the API server knows what was granted: one of the rights stands for all.
async fn granted(
    plane: &ControlPlane,
    user: &str,
    rights: &[(String, String)],
    (verb, resource): (&str, &str),
) {
    let another = rights
        .iter()
        .find(|it| (&*it.0, &*it.1) != (verb, resource));
    let (verb, name) = another.unwrap();
    let (resource, subresource) = name.split_once('/').unwrap_or((name, ""));
    let ask = json!({ "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview", "spec": { "resourceAttributes": { "verb": verb,
        "group": group(resource), "resource": resource, "subresource": subresource } } });
    let api = plane.api(user).unwrap();
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    while api.post(path, &ask).await.unwrap().ok().unwrap()["status"]["allowed"] != true {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_control_manifests_are_accepted_and_whole() {
    let plane = plane().await;
    let admin = plane.api(ADMIN).unwrap();
    let documents = manifests::documents("manifests/flowcontrol");
    assert_eq!(documents.len(), 3);
    for document in &documents {
        admin.apply(document).await.unwrap();
    }
    let path = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
    for schema in ["tidegate", "tidegate-lease"] {
        let dangling = loop {
            let found = admin
                .get(&format!("{path}/{schema}"))
                .await
                .unwrap()
                .ok()
                .unwrap();
            let status = &found["status"]["conditions"][0];
            if status["type"] == "Dangling" {
                break status["status"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        assert_eq!(dangling, "False", "{schema}");
    }
}
