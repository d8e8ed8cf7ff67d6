//! Shell. A run that is ended in any of its phases, on a real API server: what is left, and clean.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_storm::phase::Phase;
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions, Http};

use crate::cluster::manifests;
use crate::support::{Bench, Ended, runs, text};

/// Runs at once: each has a control loop and a controller of its own.
const AT_ONCE: usize = 3;

const TINY: [&str; 13] = [
    "--objects=12",
    "--namespaces=2",
    "--keys=4",
    "--shared=3",
    "--nodes=2",
    "--mounts=3",
    "--refresh=2s",
    "--idle=10ms",
    "--new-objects=2",
    "--failing=5",
    "--outage=10m",
    "--steady=10m",
    "--yes",
];

/// The moments at which a run is ended: what it says then, and its phase.
fn moments() -> Vec<(String, Option<Phase>)> {
    // Whatever a cluster's API server can be asked for.
    let phases = Phase::ALL.into_iter().filter(|it| *it != Phase::Pushback);
    let begins = phases.map(|phase| (format!("{phase} begins"), Some(phase)));
    let before = ["run ", "measuring the API server"].map(|line| (line.to_owned(), None));
    before.into_iter().chain(begins).collect()
}

/// Strikes one run at each moment, a few at once.
async fn struck(plane: &ControlPlane, signal: &'static str) -> Vec<(String, Ended, Vec<u32>)> {
    let config = plane.kubeconfig_path(ADMIN).unwrap();
    let waiting = Arc::new(Mutex::new(moments()));
    let mut tasks = Vec::new();
    for _ in 0..AT_ONCE {
        let (waiting, config) = (Arc::clone(&waiting), config.clone());
        tasks.push(tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            loop {
                let next = waiting.lock().unwrap().pop();
                let Some((moment, phase)) = next else {
                    return all;
                };
                let bench = Bench::new();
                let report = bench.report_path();
                let asked = phase.unwrap_or(Phase::FirstSync).name();
                let mut line = TINY.to_vec();
                line.extend(["--kubeconfig", text(&config), "--phases", asked]);
                line.extend(["--report", text(&report)]);
                if phase.is_some() {
                    line.push("--no-ceiling");
                }
                let (ended, started) = bench.struck(&line, &moment, signal);
                all.push((moment, ended, started));
            }
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all.len(), moments().len());
    all
}

/// Everything that a storm could touch and that is not its own: names and versions.
async fn others(admin: &Http) -> Vec<String> {
    let mut found = Vec::new();
    for path in [
        "/api/v1/namespaces",
        "/api/v1/secrets",
        "/api/v1/configmaps",
        "/api/v1/events",
        "/apis/coordination.k8s.io/v1/leases",
        "/apis/external-secrets.io/v1/externalsecrets",
        "/apis/external-secrets.io/v1/clustersecretstores",
    ] {
        let list = admin.get(path).await.unwrap().ok().unwrap();
        for item in list["items"].as_array().unwrap() {
            let meta = |name: &str| item["metadata"][name].as_str().unwrap_or_default();
            let (namespace, name) = (meta("namespace"), meta("name"));
            if !namespace.starts_with("storm-") {
                let version = meta("resourceVersion");
                found.push(format!("{path} {namespace}/{name} {version}"));
            }
        }
    }
    // The API server renews its own identity.
    found.retain(|line| !line.contains("/leases kube-system/"));
    found
}

/// A plane with a namespace, a Secret and a ConfigMap of somebody else, under a storm's label.
async fn plane() -> (ControlPlane, Http) {
    tidegate::run::install_crypto();
    let plane = ControlPlane::start(ControlPlaneOptions::default());
    let plane = plane.await.unwrap();
    let admin = plane.api(ADMIN).unwrap();
    manifests::install(&admin).await;
    // It labels every new namespace's root certificate a moment later otherwise.
    plane.restart_controller_manager().await.unwrap();
    let theirs = json!({ "name": "theirs", "namespace": "theirs",
                         "labels": { "storm.tidegate.dev/run": "x" } });
    let objects: [(&str, Value); 3] = [
        (
            "/api/v1/namespaces",
            json!({ "metadata": { "name": "theirs",
                    "labels": { "storm.tidegate.dev/run": "x" } } }),
        ),
        (
            "/api/v1/namespaces/theirs/secrets",
            json!({ "metadata": theirs, "stringData": { "a": "b" } }),
        ),
        (
            "/api/v1/namespaces/theirs/configmaps",
            json!({ "metadata": theirs, "data": { "a": "b" } }),
        ),
    ];
    for (path, object) in objects {
        admin.post(path, &object).await.unwrap().ok().unwrap();
    }
    (plane, admin)
}

/// Waits until nothing of `now` differs from `before`: the control plane tidies in its own time.
async fn same(admin: &Http, before: &[String], what: &str) {
    let mut now = Vec::new();
    for _ in 0..600 {
        now = others(admin).await;
        if now == before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: {before:#?} became {now:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_any_phase_removes_what_the_run_made_and_nothing_else() {
    let (plane, admin) = plane().await;
    let before = others(&admin).await;
    for (moment, ended, started) in struck(&plane, "INT").await {
        assert_eq!(ended.complaint(130), "tidegate: interrupted", "{moment}");
        for process in started {
            assert!(!runs(process), "{moment}: process {process} is left");
        }
    }
    same(&admin, &before, "after Ctrl-C").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_in_any_phase_clean_removes_what_is_left_and_nothing_else() {
    let (plane, admin) = plane().await;
    let before = others(&admin).await;
    for (moment, ended, started) in struck(&plane, "KILL").await {
        assert_eq!(ended.code, None, "{moment}");
        for process in started {
            for round in 0.. {
                assert!(round < 600, "{moment}: process {process} is left");
                if !runs(process) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    assert_ne!(others(&admin).await, before, "killed runs leave something");
    let config = plane.kubeconfig_path(ADMIN).unwrap();
    let cleaned = tokio::task::spawn_blocking(move || {
        Bench::new().plain(&["clean", "--kubeconfig", text(&config), "--yes"])
    });
    let cleaned = cleaned.await.unwrap();
    assert_eq!(cleaned.code, Some(0), "{}", cleaned.err);
    same(&admin, &before, "after clean").await;
}
