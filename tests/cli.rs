//! Shell. The binary as a user meets it: what it prints, and how it ends.

#![cfg(test)]

use std::path::Path;
use std::process::{Command, Output};

fn tidegate(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    // No cluster of the machine's own may be found.
    command.env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    command.args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn crds_are_those_that_the_manifests_install() {
    let printed = tidegate(&["crds"]);
    assert!(printed.status.success());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/install/00-crds.yaml");
    let installed = std::fs::read_to_string(file).unwrap();
    assert!(
        text(&printed.stdout) == installed,
        "run: tidegate crds > manifests/install/00-crds.yaml"
    );
}

#[test]
fn help_teaches_and_ends_well() {
    for args in [&["--help"][..], &["controller", "--help"], &["--version"]] {
        let output = tidegate(args);
        assert!(output.status.success(), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn wrong_usage_ends_with_one_clear_line_and_code_2() {
    for (args, part) in [
        (
            &["controller", "--kubeconfig", "/nonexistent/config"][..],
            "--kubeconfig",
        ),
        (&["controller", "--log-level", "a=b=c"], "--log-level"),
        (&["controller", "--context", "nowhere"], "--context"),
        (&["controller"], "no cluster"),
    ] {
        let output = tidegate(args);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{args:?}: {told}");
        assert!(
            told.starts_with("tidegate: ") && told.contains(part),
            "{args:?}: {told}"
        );
    }
    for args in [
        &["controler"][..],
        &["controller", "--lease-duration", "1s"],
    ] {
        let output = tidegate(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_api_server_that_does_not_answer_is_told_with_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let config = "
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
users: [{ name: u, user: {} }]
";
    std::fs::write(&file, config).unwrap();
    let file = file.to_str().unwrap();
    let output = tidegate(&[
        "controller",
        "--kubeconfig",
        file,
        "--admin-addr",
        "127.0.0.1:0",
    ]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the API server cannot be reached"), "{told}");
}
