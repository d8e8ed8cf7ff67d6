//! Shell. Benchmark: a small storm on a real API server, its figures held against the targets.
//!
//! `cargo bench --bench storm [-- --objects 1000] [--nodes 100]`. Ratios are of one run.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_storm::controller::Kind;
use tidegate_storm::figures::Figure;
use tidegate_storm::load::Load;
use tidegate_storm::phase::Phase;
use tidegate_storm::process::Server;
use tidegate_storm::report::Report;
use tidegate_storm::screen::Screen;
use tidegate_storm::store::Store;
use tidegate_storm::target::Where;
use tidegate_storm::{Options, page};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};
use tokio_util::sync::CancellationToken;

use support::{Outcome, conditions, number, print};

#[path = "../tests/cluster/support/manifests.rs"]
#[allow(
    clippy::unwrap_used,
    reason = "a file of the tests, where it is allowed"
)]
mod manifests;
#[path = "support/storm.rs"]
#[allow(dead_code, reason = "shared with benches that prepare their own load")]
mod support;

const PHASES: [Phase; 7] = [
    Phase::FirstSync,
    Phase::Steady,
    Phase::NewObjects,
    Phase::RotateOne,
    Phase::RotateAll,
    Phase::RestartTerm,
    Phase::NewObjectsFirstSync,
];

/// A target: number in the issue, what, phase, figure, whether at least, bound.
type Target = (&'static str, &'static str, Phase, &'static str, bool, f64);

const TARGETS: [Target; 21] = [
    (
        "S1",
        "mutating requests per object",
        Phase::FirstSync,
        "requests.mutating.per-object",
        false,
        2.02,
    ),
    (
        "S1",
        "reading requests per object",
        Phase::FirstSync,
        "requests.reading.per-object",
        false,
        0.05,
    ),
    (
        "S1",
        "logins",
        Phase::FirstSync,
        "backend.logins",
        false,
        1.0,
    ),
    (
        "S1",
        "backend reads over keys",
        Phase::FirstSync,
        "backend.reads.over-keys",
        false,
        1.0,
    ),
    (
        "S2",
        "bare loop over first sync",
        Phase::FirstSync,
        "bare-loop.over-ready.max",
        true,
        0.85,
    ),
    (
        "S3",
        "all Secrets over bare creates",
        Phase::FirstSync,
        "secret.max.over-bare-loop",
        false,
        1.2,
    ),
    (
        "S4",
        "mutating per refresh",
        Phase::Steady,
        "requests.mutating.per-refresh",
        false,
        0.005,
    ),
    (
        "S4",
        "reading per refresh",
        Phase::Steady,
        "requests.reading.per-refresh",
        false,
        0.005,
    ),
    (
        "S4",
        "backend calls over due",
        Phase::Steady,
        "backend.calls.over-due",
        false,
        1.01,
    ),
    (
        "S4",
        "controller's cores",
        Phase::Steady,
        "controller.cores",
        false,
        0.02,
    ),
    (
        "S5",
        "new object to Secret, steady",
        Phase::NewObjects,
        "secret.p99",
        false,
        1.0,
    ),
    (
        "S5",
        "new object to Ready, steady",
        Phase::NewObjects,
        "ready.p99",
        false,
        2.0,
    ),
    (
        "S5",
        "new object to Secret, first sync",
        Phase::NewObjectsFirstSync,
        "secret.p99",
        false,
        1.0,
    ),
    (
        "S5",
        "new object to Ready, first sync",
        Phase::NewObjectsFirstSync,
        "ready.p99",
        false,
        2.0,
    ),
    (
        "S6",
        "reads of the rotated key until all is Ready",
        Phase::RotateOne,
        "key.reads",
        false,
        2.0,
    ),
    (
        "S6",
        "Secrets after the read",
        Phase::RotateOne,
        "secret.after-read",
        false,
        2.0,
    ),
    (
        "S6",
        "mutating until written",
        Phase::RotateOne,
        "until-written.mutating.per-object",
        false,
        1.02,
    ),
    (
        "S7",
        "needless Secret writes",
        Phase::RestartTerm,
        "requests.secrets.needless",
        false,
        0.0,
    ),
    (
        "S7",
        "new object after the start",
        Phase::RestartTerm,
        "secret.max",
        false,
        3.0,
    ),
    (
        "S8",
        "unrelated p99 over idle, first sync",
        Phase::FirstSync,
        "unrelated.vs-idle",
        false,
        4.0,
    ),
    (
        "S8",
        "unrelated p99 over idle, rotation",
        Phase::RotateAll,
        "unrelated.vs-idle",
        false,
        4.0,
    ),
];

fn main() -> Outcome<()> {
    support::main(bench)
}

async fn bench() -> Outcome<()> {
    let objects = number("--objects", 1000)?;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    manifests::install(&plane.api(ADMIN)?).await;
    let kubeconfig = plane.kubeconfig_path(ADMIN)?;
    let audit_log = plane.audit_log_path().to_owned();
    let pids = plane.pids().await.into_iter();
    let servers = pids.filter_map(|(name, pid)| match name {
        "kube-apiserver" => Some((Server::Apiserver, pid)),
        "etcd" => Some((Server::Etcd, pid)),
        _ => None,
    });
    let options = options(objects, kubeconfig, audit_log, servers.collect())?;
    let storm = tidegate_storm::storm(options, CancellationToken::new(), Screen::stderr());
    let (report, outcome) = storm.await;
    let Some(report) = report else {
        return outcome.map_err(Into::into);
    };
    let folder = std::env::temp_dir().join(format!("tidegate-storm-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("report.json"), report.to_json()?)?;
    std::fs::write(folder.join("report.html"), page::page(&report))?;
    print(&table(&report)?)?;
    print(&format!(
        "report: {}\n{}\n",
        folder.display(),
        conditions()?
    ))?;
    Ok(outcome?)
}

fn options(
    objects: usize,
    kubeconfig: PathBuf,
    audit_log: PathBuf,
    servers: Vec<(Server, u32)>,
) -> Outcome<Options> {
    let minute = Duration::from_secs(60);
    Ok(Options {
        load: Load {
            run: "bench".into(),
            objects,
            namespaces: number("--namespaces", (objects / 50).clamp(1, 200))?,
            keys: number("--keys", (objects / 5).max(1))?,
            shared: objects / 10,
            nodes: number("--nodes", 100)?,
            mounts: 10.min(objects),
            refresh: minute,
            class: "storm-bench".into(),
            values: Store::Ours,
        },
        place: Where::Cluster {
            kubeconfig,
            context: None,
        },
        token: String::new(),
        seed: 0,
        controller: Kind::Child(env!("CARGO_BIN_EXE_tidegate").into()),
        arguments: Vec::new(),
        phases: PHASES.into(),
        began: tidegate::clock::Clock::system().now().to_string(),
        audit_log: Some(audit_log),
        audit_user: Some(ADMIN.to_owned()),
        servers,
        idle: Duration::from_secs(5),
        ready_timeout: minute,
        phase_timeout: minute * 10,
        steady: minute,
        outage: minute,
        new_objects: number("--new-objects", 30)?,
        failing: 0,
        churn: minute,
        foreign: 0,
        foreign_bytes: 0,
        throttle: (40.0, 40.0),
        backend_latency: Duration::ZERO,
        ceiling: true,
        keep: true,
        among_others: false,
    })
}

fn table(report: &Report) -> Outcome<String> {
    let mut text = format!(
        "\n{} ExternalSecrets, {} namespaces, {} keys, {} nodes\n{:<4}{:<46}{:>12}{:>14}\n",
        report.setup.objects,
        report.setup.namespaces,
        report.setup.keys,
        report.setup.nodes,
        "#",
        "what",
        "target",
        "measured",
    );
    for (number, what, phase, name, at_least, bound) in TARGETS {
        let measured = report.phase(phase).and_then(|it| it.figures.get(name));
        let (shown, holds) = match measured {
            None => ("-".to_owned(), "NOT MEASURED"),
            Some(figure) => {
                let holds = if at_least {
                    figure.value >= bound
                } else {
                    figure.value <= bound
                };
                (figure.to_string(), if holds { "holds" } else { "MISSED" })
            }
        };
        let sign = if at_least { ">=" } else { "<=" };
        let bound = measured.map_or(bound.to_string(), |figure| {
            Figure {
                value: bound,
                unit: figure.unit,
            }
            .to_string()
        });
        writeln!(
            text,
            "{number:<4}{what:<46}{sign} {bound:>9}{shown:>14}  {holds}"
        )?;
    }
    Ok(text)
}
