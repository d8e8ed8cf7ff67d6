//! Shell. Tests that drive kubebox and a real API server with the same random requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and print what they have compared"
)]

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use kubebox::{Kubebox, Options};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};

mod barrier;
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
mod tally;

use known::KNOWN;
use run::{Failure, Run};
use step::Step;
use tally::Tally;

/// Seed of the first sequence that CI runs; other seeds by `KUBEBOX_SEED`, in `soak`.
const SEED: u64 = 20_261_123;
/// Sequences that CI runs, each with the next seed and on state of its own: short enough that a
/// real server keeps the whole history of one in its watch caches, however slow the machine.
const SEQUENCES: u64 = 6;
/// Steps of a sequence; other numbers by `KUBEBOX_SEQUENCES` and `KUBEBOX_STEPS`.
const STEPS: u64 = 900;
/// Most sequences of a run in which the real server may have had a bad moment.
const MOMENTS: usize = 2;
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
    let (prefix, mut tally) = (format!("x{attempt}-"), Tally::default());
    let failures = drive(real, &prefix, &steps, 1, &mut tally).await;
    failures.first().is_some_and(|f| f.step + 1 == steps.len())
}

/// The report of failures: the fewest steps that show the only one, then step and both answers of
/// each, which stand last so that no shortened log loses them.
async fn report(real: &Client, failures: &[Failure], steps: &[Step], short: bool) -> String {
    let mut text = String::new();
    if let [only] = failures
        && only.step < steps.len()
        && short
    {
        let mut attempt = 0;
        let again = |fewer: Vec<Step>| {
            attempt += 1;
            fails_again(real, attempt, fewer)
        };
        let kept = run::shrink(&steps[..=only.step], SHRINKS, again).await;
        text.push_str("steps that lead there:\n");
        for step in kept {
            text.push_str(&format!("  {step}\n"));
        }
    }
    for failure in failures {
        text.push_str(&failure.report);
        text.push('\n');
    }
    text
}

/// Drives the steps on fresh state, under names that start with `prefix`.
async fn drive(
    real: &Client,
    prefix: &str,
    steps: &[Step],
    most: usize,
    tally: &mut Tally,
) -> Vec<Failure> {
    let ours = our_client(false);
    define(&ours).await;
    let mut run = Run::new(real.clone(), ours, prefix, tally);
    run.steps(steps, most).await;
    run.failures
}

#[tokio::test]
async fn random_requests_are_answered_alike() {
    let options = ControlPlaneOptions::default().without_controllers();
    let plane = ControlPlane::start(options).await.unwrap();
    let real = real_client(&plane).await;
    define(&real).await;
    let chosen = (number("KUBEBOX_SEED", SEED), number("KUBEBOX_STEPS", STEPS));
    let sequences = number("KUBEBOX_SEQUENCES", SEQUENCES);
    // More than one for a survey of what differs.
    let most = usize::try_from(number("KUBEBOX_FAILURES", 1)).unwrap();
    let mut tally = Tally::default();
    let mut reports = Vec::new();
    let mut once = Vec::new();
    for at in 0..sequences {
        let (seed, length) = (chosen.0 + at, usize::try_from(chosen.1).unwrap());
        let steps = draw::sequence(seed, length);
        let mut failures = drive(&real, &format!("s{at}-"), &steps, most, &mut tally).await;
        if most == 1 && !failures.is_empty() {
            // A sequence leaves kubebox no choice. The real server has one: its caches and its
            // store have bad moments, which do not come twice at the same step.
            let again = drive(&real, &format!("r{at}-"), &steps, most, &mut tally).await;
            let first = std::mem::replace(&mut failures, again);
            if failures.is_empty() {
                once.extend(first.iter().map(|f| format!("seed {seed}: {}", f.report)));
            }
        }
        if !failures.is_empty() {
            let text = report(&real, &failures, &steps, sequences == SEQUENCES).await;
            reports.push(format!("seed {seed}:\n{text}"));
            if most == 1 && sequences == SEQUENCES {
                break;
            }
        }
    }
    println!("{tally}");
    println!("{} differed once and not again: {once:#?}", once.len());
    assert!(reports.is_empty(), "{}", reports.join("\n"));
    assert!(once.len() <= MOMENTS, "{}", once.join("\n"));
    if (chosen, sequences) != ((SEED, STEPS), SEQUENCES) {
        return;
    }
    // A list of known differences is honest only while each of them is met.
    for known in KNOWN {
        let met = tally.known.get(known.name).copied().unwrap_or(0);
        assert!(met > 0, "never met: {} ({})", known.name, known.reason);
    }
    let short = tally.shortfalls();
    assert!(short.is_empty(), "compared too little: {short:#?}");
    assert!(tally.steps >= 5_000 && tally.watches >= 60 && tally.events >= 500);
}
