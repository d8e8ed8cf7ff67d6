//! Shell. Tests that drive kubebox and a real API server with the same random requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use kubebox::{Kubebox, Options};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};

mod bodies;
mod dice;
mod draw;
mod faults;
mod kinds;
mod known;
mod normal;
mod run;
mod side;
mod step;

use known::KNOWN;
use run::Run;
use step::Step;

/// Seed of the sequence that CI runs; other seeds by `KUBEBOX_SEED`, in `soak`.
const SEED: u64 = 20_261_123;
/// Steps that CI runs; `soak` takes 5,000 and more by `KUBEBOX_STEPS`.
const STEPS: u64 = 1_900;
/// Most runs that the search for a shorter sequence takes.
const SHRINKS: usize = 60;

fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|e| panic!("{variable}={text}: {e}")),
        Err(_) => otherwise,
    }
}

async fn real_client(plane: &ControlPlane) -> Client {
    let text = plane.kubeconfig(ADMIN).unwrap();
    let parsed = Kubeconfig::from_yaml(&text).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(parsed, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

fn our_client(controllers: bool) -> Client {
    let options = Options {
        controllers,
        history: 100_000,
        ..Options::default()
    };
    Client::new(Kubebox::new(options), "default")
}

/// Gives a server our definitions, and waits until it serves them.
async fn define(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in tidegate_api::crd::crds() {
        api.create(&PostParams::default(), &definition)
            .await
            .unwrap();
    }
    for kind in [
        &kinds::EXTERNAL_SECRET,
        &kinds::SECRET_STORE,
        &kinds::CLUSTER_STORE,
    ] {
        let call = step::Call::new("GET", kind.path(""));
        let side = side::Side::new(client.clone(), "");
        for _ in 0..300 {
            if side.send(&call).await.code == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Runs the steps up to a failure on fresh state, and says whether the last one still fails.
async fn fails_again(real: &Client, attempt: usize, steps: Vec<Step>) -> bool {
    let ours = our_client(false);
    define(&ours).await;
    let prefix = format!("x{attempt}-");
    let mut run = Run::new(real.clone(), ours, &prefix);
    run.steps(&steps, 1).await;
    run.failures
        .first()
        .is_some_and(|f| f.step + 1 == steps.len())
}

/// The report of a failed run: seed, step, both answers, and the fewest steps that show it.
async fn report(real: &Client, seed: u64, run: &Run<'_>, steps: &[Step]) -> String {
    let mut text = format!("seed {seed}, {:?}\n", run.tally);
    for failure in &run.failures {
        text.push_str(&failure.report);
        text.push('\n');
    }
    let first = run.failures.first().filter(|f| f.step < steps.len());
    if let (Some(first), 1) = (first, run.failures.len()) {
        let mut attempt = 0;
        let again = |fewer: Vec<Step>| {
            attempt += 1;
            fails_again(real, attempt, fewer)
        };
        let kept = run::shrink(&steps[..=first.step], SHRINKS, again).await;
        text.push_str("the same with fewer steps:\n");
        for step in kept {
            text.push_str(&format!("  {step}\n"));
        }
    }
    text
}

#[tokio::test]
async fn random_requests_are_answered_alike() {
    let options = ControlPlaneOptions::default().without_controllers();
    let plane = ControlPlane::start(options).await.unwrap();
    let (real, ours) = (real_client(&plane).await, our_client(false));
    tokio::join!(define(&real), define(&ours));
    let seed = number("KUBEBOX_SEED", SEED);
    let length = usize::try_from(number("KUBEBOX_STEPS", STEPS)).unwrap();
    // More than one for a survey of what differs.
    let most = usize::try_from(number("KUBEBOX_FAILURES", 1)).unwrap();
    let steps = draw::sequence(seed, length);
    let mut run = Run::new(real.clone(), ours, "x0-");
    run.steps(&steps, most).await;
    if !run.failures.is_empty() {
        panic!("{}", report(&real, seed, &run, &steps).await);
    }
    if (seed, length) != (SEED, usize::try_from(STEPS).unwrap()) {
        return;
    }
    // A list of known differences is honest only while each of them is met.
    for known in KNOWN {
        let met = run.tally.known.get(known.name).copied().unwrap_or(0);
        assert!(met > 0, "never met: {} ({})", known.name, known.reason);
    }
    let codes: Vec<u16> = run.tally.codes.keys().copied().collect();
    for code in [200, 201, 400, 404, 405, 406, 409, 415, 422] {
        assert!(codes.contains(&code), "no answer {code} among {codes:?}");
    }
    assert!(run.tally.events > 100, "{:?}", run.tally);
}
