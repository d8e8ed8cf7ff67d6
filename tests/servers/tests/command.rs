//! Shell. Tests of the command line, and of the end of servers whose owner is killed.
#![cfg(test)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

fn servers(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command.args(args);
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_unknown_name_ends_with_code_2_and_the_names_there_are() {
    for args in [["path", "kube-scheduler"], ["build", "kube-scheduler"]] {
        let output = servers(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = stderr(&output);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(
            error.contains("no server `kube-scheduler`; there are: etcd, kube-"),
            "{error}"
        );
    }
}

#[test]
fn without_the_toolchain_the_error_names_what_to_install() {
    let cache = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    for name in ["etcd", "vault"] {
        let mut command = servers(&["build", name]);
        command
            .env("TIDEGATE_SERVERS", cache.path())
            .env("PATH", empty.path());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = stderr(&output);
        let want = format!("building {name} needs `go`, which is not installed: install Go");
        assert!(error.contains(&want), "{error}");
    }
    let mut command = servers(&["build", "moto"]);
    command
        .env("TIDEGATE_SERVERS", cache.path())
        .env("PATH", empty.path());
    let error = stderr(&command.output().unwrap());
    let want = "building moto needs `python3`, which is not installed: install Python 3.10";
    assert!(error.contains(want), "{error}");
}

#[test]
fn the_list_says_what_is_missing_and_where_it_would_be() {
    let cache = tempfile::tempdir().unwrap();
    let output = servers(&["list"])
        .env("TIDEGATE_SERVERS", cache.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let all = [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kubectl",
        "vault",
        "moto",
    ];
    assert_eq!(names, all);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[2], "missing", "{line}");
        assert!(Path::new(words[3]).starts_with(cache.path()), "{line}");
    }
}

/// `servers run`, and what it says.
struct Running {
    child: Child,
    pids: Vec<(String, Pid)>,
    folder: PathBuf,
}

fn run() -> Running {
    let mut child = servers(&["run"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut pids = Vec::new();
    let mut folder = PathBuf::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((name, pid)) = line.split_once(" is process ") {
            let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
            pids.push((name.trim_start_matches("# ").to_owned(), pid));
        }
        if let Some(path) = line.strip_prefix("export KUBECONFIG=") {
            folder = Path::new(path).ancestors().nth(3).unwrap().to_owned();
        }
        if line.starts_with("# ready") {
            break;
        }
    }
    let names: Vec<&str> = pids.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["etcd", "kube-apiserver", "kube-controller-manager", "vault"]
    );
    assert!(
        folder.join("logs/kube-apiserver.log").is_file(),
        "{}",
        folder.display()
    );
    Running {
        child,
        pids,
        folder,
    }
}

/// Waits until every server and its folder are gone; 30 s at most.
fn all_gone(running: &Running) {
    let alive = || -> Vec<&(String, Pid)> {
        running
            .pids
            .iter()
            .filter(|(_, pid)| test_kill_process(*pid).is_ok())
            .collect()
    };
    for _ in 0..300 {
        if alive().is_empty() && !running.folder.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("left: {:?}, {}", alive(), running.folder.display());
}

#[test]
fn servers_end_when_their_owner_is_killed() {
    let mut running = run();
    // A frozen server cannot end by itself.
    let (_, etcd) = &running.pids[0];
    kill_process(*etcd, Signal::STOP).unwrap();
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    all_gone(&running);
}

#[test]
fn servers_end_when_their_owner_is_told_to_end() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = run();
        let owner = Pid::from_raw(i32::try_from(running.child.id()).unwrap()).unwrap();
        kill_process(owner, signal).unwrap();
        assert_eq!(running.child.wait().unwrap().code(), Some(0));
        // Nothing is left to wait for: an orderly end takes everything along.
        assert!(!running.folder.exists());
        all_gone(&running);
    }
}
