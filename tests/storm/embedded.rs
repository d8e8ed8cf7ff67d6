//! Shell. Small storms on the embedded API: counts, never times.

use std::time::Duration;

use tidegate_storm::phase::Phase;

use crate::support::{Bench, at_most, controller_of, figure, is, runs, signal, text};

/// Objects that appear in each phase that lets some appear.
const NEW: f64 = 3.0;

const LOAD: [&str; 15] = [
    "--objects",
    "500",
    "--namespaces",
    "20",
    "--keys",
    "100",
    "--shared",
    "50",
    "--nodes",
    "50",
    "--refresh",
    "5s",
    "--no-ceiling",
    "--new-objects=3",
    "--idle=1s",
];

#[test]
fn a_small_storm_reaches_every_node_and_counts_what_it_cost() {
    let bench = Bench::new();
    let phases = "steady,new-objects,rotate-one,rotate-all,mass-restart,restart-term,\
                  restart-kill,namespace-deletion";
    let ended = bench.storm(&[&LOAD[..], &["--phases", phases, "--steady", "10s"]].concat());
    let report = ended.good();
    let count = report.phases.len();
    assert_eq!(count, 9, "{:?}", report.notes);
    for phase in &report.phases {
        if phase.figures.get("unfinished").is_some() {
            is(report, phase.phase, "unfinished", 0.0);
        }
        if phase.phase == Phase::Steady {
            continue;
        }
        if phase.figures.get("nodes.unseen").is_some() && phase.phase != Phase::NamespaceDeletion {
            is(report, phase.phase, "nodes.unseen", 0.0);
        }
    }
    let first = Phase::FirstSync;
    is(report, first, "objects", 500.0);
    is(report, first, "requests.secrets", 500.0);
    is(report, first, "requests.statuses", 500.0);
    is(report, first, "backend.logins", 1.0);
    is(report, first, "nodes.samples", 500.0);
    is(report, Phase::Steady, "requests.secrets", 0.0);
    is(report, Phase::Steady, "requests.statuses", 0.0);
    is(report, Phase::NewObjects, "objects", NEW);
    is(report, Phase::NewObjects, "requests.secrets", NEW);
    is(report, Phase::RotateOne, "objects", 50.0);
    is(report, Phase::RotateAll, "objects", 500.0);
    is(report, Phase::MassRestart, "objects", 500.0);
    for restart in [Phase::RestartTerm, Phase::RestartKill] {
        is(report, restart, "requests.secrets.needless", 0.0);
        is(report, restart, "objects", 1.0);
    }
    is(report, Phase::NamespaceDeletion, "namespaces.left", 0.0);
    at_most(report, Phase::NamespaceDeletion, "namespaces", 10.0);
}

#[test]
fn faults_leave_nothing_unfinished() {
    let bench = Bench::new();
    let phases = "throttle,outage,hang,failing-namespace,pushback,new-objects-first-sync";
    let ended = bench.storm(
        &[
            &LOAD[..],
            &["--phases", phases, "--steady", "5s", "--outage", "6s"],
            &["--throttle", "40/40", "--failing", "200"],
        ]
        .concat(),
    );
    let report = ended.good();
    assert_eq!(report.phases.len(), 7, "{:?}", report.notes);
    for phase in &report.phases {
        is(report, phase.phase, "unfinished", 0.0);
    }
    for away in [Phase::Outage, Phase::Hang] {
        is(report, away, "away.secrets", 0.0);
        at_most(report, away, "away.statuses.per-object", 1.1);
    }
    assert!(figure(report, Phase::Pushback, "refused") > 0.0);
    is(report, Phase::FailingNamespace, "requests.secrets", NEW);
}

#[test]
fn the_controller_in_process_meets_the_same_load() {
    let bench = Bench::new();
    let ended = bench.storm(
        &[
            &LOAD[..],
            &[
                "--controller",
                "in-process",
                "--phases",
                "restart-term,restart-kill",
            ],
        ]
        .concat(),
    );
    let report = ended.good();
    assert_eq!(report.setup.controller, "tidegate in process");
    is(report, Phase::FirstSync, "unfinished", 0.0);
    is(report, Phase::RestartKill, "requests.secrets.needless", 0.0);
}

#[test]
fn budgets_decide_the_exit_code() {
    let bench = Bench::new();
    let small = [
        "--objects=20",
        "--namespaces=2",
        "--keys=5",
        "--nodes=0",
        "--no-ceiling",
    ];
    let phases = ["--phases", "first-sync"];
    let held = ["--budget", "first-sync.requests.secrets=20"];
    let ended = bench.storm(&[&small[..], &phases, &held].concat());
    ended.good();
    assert!(
        ended
            .out
            .contains("first-sync.requests.secrets=20: holds (20)"),
        "{}",
        ended.out
    );
    let missed = [
        "--budget",
        "first-sync.requests.secrets=19",
        "--budget",
        "first-sync.x=1",
    ];
    let ended = bench.storm(&[&small[..], &phases, &missed].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.out.contains("MISSED (20)"), "{}", ended.out);
    assert!(ended.out.contains("MISSED (not measured)"), "{}", ended.out);
    let page = std::fs::read_to_string(bench.report_path().with_extension("html")).unwrap();
    assert!(page.contains("<svg") && page.contains("first-sync"));

    let path = bench.report_path();
    let html = bench.report_path().with_file_name("both.html");
    let compare = ["compare", text(&path), text(&path), "--html", text(&html)];
    let ended = bench.plain(&compare);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("requests.secrets"), "{}", ended.out);
    assert!(
        std::fs::read_to_string(html)
            .unwrap()
            .contains("Two storms")
    );
}

#[test]
fn an_interrupted_run_ends_in_order_and_leaves_no_controller() {
    let bench = Bench::new();
    let path = bench.report_path();
    let child = bench.start(
        &[
            &LOAD[..],
            &[
                "--phases",
                "outage",
                "--outage",
                "10m",
                "--report",
                text(&path),
            ],
        ]
        .concat(),
    );
    let started = controller_of(&child);
    signal(child.id(), "INT");
    let ended = bench.wait(child);
    assert_eq!(ended.complaint(130), "tidegate: interrupted");
    for process in started {
        assert!(!runs(process), "process {process} is left");
    }
}

#[test]
fn a_killed_run_takes_its_controller_with_it() {
    let bench = Bench::new();
    let path = bench.report_path();
    let outage = [
        "--phases",
        "outage",
        "--outage",
        "10m",
        "--report",
        text(&path),
    ];
    let child = bench.start(&[&LOAD[..], &outage].concat());
    let started = controller_of(&child);
    signal(child.id(), "KILL");
    assert_eq!(bench.wait(child).code, None);
    for _ in 0..400 {
        if !started.iter().any(|process| runs(*process)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("of {started:?} some are left");
}
