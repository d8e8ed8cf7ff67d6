//! Shell. A backend that never answers and a namespace full of failures: what others notice.

use std::time::Duration;

use serde_json::json;

use super::{MINUTE, MS, load, slow_writes, trickle};
use crate::support::{QUIET, Sim, external_secret, extract, folder, pass};

/// Objects that fail, in one namespace; as many as in the issue where the tier is `soak`.
const FAILING: usize = if cfg!(debug_assertions) {
    2_000
} else {
    10_000
};
/// Objects on the backend that never answers.
const SILENT: usize = 200;

/// How long each of sixty new objects waited for its Secret, shortest first.
async fn new_objects(seed: u64, noise: bool) -> Vec<Duration> {
    let sim = Sim::new(seed).await;
    load(&sim, 500, 250, "1m").await;
    slow_writes(&sim, 20 * MS);
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(2 * MINUTE).await;
    if noise {
        sim.namespace("silent").await;
        sim.depot.silence("SecretStore silent/depot");
        let spec = extract(&["never"], "1m");
        for number in 0..SILENT {
            let body = external_secret(&format!("silent{number}"), &spec);
            sim.create(&folder("silent", "externalsecrets"), &body)
                .await;
        }
        failures(&sim).await;
    }
    let waits = trickle(&sim, 60, "1m").await;
    controller.kill().await;
    waits
}

/// A namespace full of objects that read nothing, from the store that all others use.
async fn failures(sim: &Sim) {
    let shared = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
        "metadata": { "name": "shared" },
        "spec": { "provider": { "fake": { "data": [{ "key": "-", "value": "-" }] } } } });
    let stores = "/apis/external-secrets.io/v1/clustersecretstores";
    sim.create(stores, &shared).await;
    sim.namespace("failing").await;
    for number in 0..FAILING {
        let mut spec = extract(&[&format!("absent{number}")], "1m");
        spec["secretStoreRef"] = json!({ "name": "shared", "kind": "ClusterSecretStore" });
        let body = external_secret(&format!("failing{number}"), &spec);
        sim.create(&folder("failing", "externalsecrets"), &body)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_backend_and_a_namespace_of_failures_delay_nobody_else() {
    let baseline = new_objects(71, false).await;
    let noisy = new_objects(72, true).await;
    // The slowest but one of sixty stands for the 99th percentile at the least.
    let (quiet, noisy) = (baseline[baseline.len() - 1], noisy[noisy.len() - 1]);
    eprintln!("S14: slowest of 60 new objects {quiet:?} alone, {noisy:?} with {FAILING} failing");
    assert!(
        noisy.as_secs_f64() <= 1.1 * quiet.as_secs_f64(),
        "{noisy:?} with noise, {quiet:?} without"
    );
}
