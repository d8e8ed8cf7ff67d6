//! Shell. What a storm refuses, and how it says so: one line, the right code, nothing made.

use crate::support::{Bench, text};

const SMALL: [&str; 5] = [
    "--objects=20",
    "--namespaces=2",
    "--keys=5",
    "--nodes=0",
    "--no-ceiling",
];

#[test]
fn impossible_numbers_are_refused_by_flag() {
    let bench = Bench::new();
    for (args, part) in [
        (&["--objects", "0"][..], "--objects 0"),
        (
            &["--objects", "10", "--namespaces", "11"],
            "--namespaces 11",
        ),
        (
            &["--objects", "10", "--namespaces", "5", "--keys", "11"],
            "--keys 11",
        ),
        (&["--nodes", "1000000"], "--nodes times --mounts"),
        (&["--mounts", "5000"], "--mounts 5000"),
        (&["--run", "Not_DNS"], "--run Not_DNS"),
        (
            &["--phases", "steady", "--budget", "hang.x=1"],
            "hang, which --phases leaves out",
        ),
    ] {
        let ended = bench.storm(args);
        let told = ended.complaint(2);
        assert!(told.contains(part), "{args:?}: {told}");
        assert!(ended.report.is_none());
    }
}

#[test]
fn a_kubeconfig_that_is_none_is_told_without_a_word_of_it() {
    let bench = Bench::new();
    let path = bench.file(
        "config",
        "users:\n- user: {token: hunter2}\n hunter2 hunter2\n",
    );
    for ended in [
        bench.storm(&["--kubeconfig", text(&path), "--yes"]),
        bench.plain(&["clean", "--kubeconfig", text(&path), "--yes"]),
    ] {
        let told = ended.complaint(2);
        assert!(told.contains("it is no kubeconfig (line "), "{told}");
        assert!(!ended.err.contains("hunter2"), "{}", ended.err);
    }
}

#[test]
fn more_secrets_of_others_than_fit_into_memory_are_refused() {
    let bench = Bench::new();
    let ended = bench.storm(&["--foreign-secrets=1000000", "--foreign-bytes=1000000"]);
    assert!(ended.complaint(2).contains("931 GiB"), "{}", ended.err);
}

#[test]
fn a_kubeconfig_that_leads_nowhere_is_told() {
    let bench = Bench::new();
    let ended = bench.storm(&["--kubeconfig", "/nonexistent/config", "--yes"]);
    assert!(
        ended
            .complaint(2)
            .contains("--kubeconfig /nonexistent/config")
    );
    let config = "
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: u, user: { token: t } }]
";
    let path = bench.file("config", config);
    let path = path.to_str().unwrap();
    let ended = bench.storm(&["--kubeconfig", path, "--yes"]);
    let told = ended.complaint(1);
    assert!(told.contains("the API server cannot be reached"), "{told}");
    let ended = bench.plain(&["clean", "--kubeconfig", path, "--yes"]);
    let told = ended.complaint(1);
    assert!(told.contains("the API server cannot be reached"), "{told}");
    let ended = bench.storm(&["--kubeconfig", path]);
    assert!(ended.complaint(2).contains("--yes"));
}

#[test]
fn a_controller_that_dies_or_does_nothing_ends_the_run() {
    let bench = Bench::new();
    let dies = ["--controller-cmd", "sh -c 'echo it is broken >&2; exit 3'"];
    let ended = bench.storm(&[&SMALL[..], &dies].concat());
    let told = ended.complaint(1);
    assert!(
        told.contains("exit status: 3") && told.contains("it is broken"),
        "{told}"
    );
    let idle = ["--controller-cmd", "sleep 1000", "--ready-timeout", "1s"];
    let ended = bench.storm(&[&SMALL[..], &idle].concat());
    let told = ended.complaint(1);
    assert!(told.contains("never became ready"), "{told}");
    let wrong = ["--", "--max-write-concurrency", "0"];
    let ended = bench.storm(&[&SMALL[..], &wrong].concat());
    let told = ended.complaint(1);
    assert!(
        told.contains("the controller ended with exit status: 2"),
        "{told}"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told() {
    let bench = Bench::new();
    let nowhere = ["--report", "/nonexistent/report.json"];
    let ended = bench.plain(&[&SMALL[..], &nowhere].concat());
    assert!(
        ended
            .complaint(2)
            .contains("--report /nonexistent/report.json")
    );
    // The disk is full only when something is written: after the run.
    let full = ["--report", "/dev/full", "--phases", "first-sync"];
    let ended = bench.plain(&[&SMALL[..], &full].concat());
    let told = ended.complaint(1);
    assert!(
        told.contains("the report /dev/full cannot be written: No space left"),
        "{told}"
    );
}

#[test]
fn what_is_no_report_is_not_compared() {
    let bench = Bench::new();
    let other = bench.file("other.json", "{\"schema\": 99}");
    let other = other.to_str().unwrap();
    let told = bench.plain(&["compare", other, other]);
    assert!(told.complaint(2).contains("a report of schema 99"));
    let told = bench.plain(&["compare", other, "/nonexistent"]);
    assert!(told.complaint(2).contains("other.json"));
}
