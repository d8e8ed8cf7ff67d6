//! Shell. Each bad input: one clear line, the others go on.

use std::net::TcpListener;

use super::support::{Place, object, store};

/// Runs `--once` on files, beside a good one; the good Secret must come out, and exactly these
/// lines (by parts) on standard error.
async fn check(files: &[(&str, &str)], args: &[&str], lines: &[&[&str]]) {
    let place = Place::new();
    place.write(
        "good.yaml",
        &(store("s", &[("a", "one")]) + &object("good", "s", "a")),
    );
    for (name, text) in files {
        place.write(name, text);
    }
    let all = [&["--once", "--patience", "1s", "-o", "name", "."][..], args].concat();
    let ran = place.run(&all).await;
    assert_eq!(
        (ran.code, &*ran.out),
        (Some(1), "secret/default/good\n"),
        "{}",
        ran.err
    );
    let told: Vec<&str> = ran.err.lines().collect();
    assert_eq!(told.len(), lines.len(), "{}", ran.err);
    for (line, parts) in told.iter().zip(lines) {
        assert!(line.starts_with("tidegate: "), "{line}");
        assert!(
            parts.iter().all(|part| line.contains(part)),
            "{parts:?} in {line}"
        );
    }
}

#[tokio::test]
async fn broken_text_is_told_with_file_line_column_and_what_was_expected() {
    let yaml = "# a comment\n---\nkind: Secret\nstringData:\n  password: hunter2: x\n";
    let parts = [
        "./broken.yaml:5:20: not YAML",
        "expected one `key: value` per line",
    ];
    check(&[("broken.yaml", yaml)], &[], &[&parts]).await;
    let json = "{\n  \"kind\": \"Secret\"\n  \"x\": 1\n}\n";
    let parts = ["./broken.json:3:3: not JSON: expected `,` or `}`"];
    check(&[("broken.json", json)], &[], &[&parts]).await;
    let parts = ["./list.yaml:1: expected a mapping with apiVersion, kind and metadata"];
    check(&[("list.yaml", "- a\n")], &[], &[&parts]).await;
}

#[tokio::test]
async fn a_kind_nobody_serves_is_told_with_what_is_served() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n";
    let parts = [
        "./web.yaml:1: nobody serves Deployment (apps/v1) here",
        "ExternalSecret, ",
    ];
    check(&[("web.yaml", text)], &[], &[&parts]).await;
    let place = Place::new();
    place.write(
        "web.yaml",
        &format!("{text}---\n{}", store("s", &[("a", "one")])),
    );
    let ran = place.run(&["--once", "--skip-unserved", "web.yaml"]).await;
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    let old = object("old", "s", "a").replace("/v1\n", "/v1beta1\n");
    let parts = ["ExternalSecret is served as external-secrets.io/v1"];
    check(&[("old.yaml", &old)], &[], &[&parts]).await;
}

#[tokio::test]
async fn a_name_twice_is_told_with_both_places() {
    let twice = object("good", "s", "a");
    let parts = [
        "./twice.yaml:1: ExternalSecret default/good stands at ./good.yaml:10 (document 2) already",
    ];
    check(&[("twice.yaml", &twice)], &[], &[&parts]).await;
}

#[tokio::test]
async fn schema_errors_come_in_the_servers_words_with_file_and_document() {
    let text = format!(
        "{}{}",
        object("typo", "s", "a").replace("refreshInterval", "refreshIntervall"),
        object("Bad_Name", "s", "a"),
    );
    let lines: [&[&str]; 2] = [
        &[
            "./bad.yaml:1: ExternalSecret default/typo is refused",
            "unknown field \"spec.refresh",
        ],
        &[
            "./bad.yaml:10 (document 2): ",
            "metadata.name: Invalid value: \"Bad_Name\"",
        ],
    ];
    check(&[("bad.yaml", &text)], &[], &lines).await;
}

#[tokio::test]
async fn a_store_without_its_credential_is_told_as_a_condition() {
    let text = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: { name: v }\n\
                spec: { provider: { vault: { server: \"http://127.0.0.1:9\", path: secret,\n  \
                auth: { tokenSecretRef: { name: nobody, key: token } } } } }\n";
    let parts = [
        "SecretStore default/v: ",
        "nobody",
        "does not exist",
        "to mend it: put that",
    ];
    check(&[("v.yaml", text)], &[], &[&parts]).await;
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_told_and_the_others_go_on() {
    check(
        &[],
        &["gone.yaml"],
        &[&["gone.yaml: no such file or folder"]],
    )
    .await;
    let place = Place::new();
    for args in [&["--once", "gone.yaml"][..], &["gone.yaml"]] {
        let ran = place.run(args).await;
        let told = "tidegate: nothing to apply: gone.yaml: no such file or folder\n";
        assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(2), "", told));
    }
}

#[tokio::test]
async fn a_folder_without_manifests_is_told() {
    let place = Place::new();
    place.write("notes.txt", "hello");
    let ran = place.run(&["--once", "."]).await;
    let told = "tidegate: nothing to apply: .: no manifests (.yaml, .yml, .json) in this folder\n";
    assert_eq!((ran.code, &*ran.err), (Some(2), told));
    place.write(
        "c.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\n",
    );
    let ran = place.run(&["--once", "."]).await;
    let told = "tidegate: nothing to sync: no store or ExternalSecret among 1 objects\n";
    assert_eq!((ran.code, &*ran.err), (Some(2), told));
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_foreign_kubeconfig_are_told() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = place.run(&["--port", &port]).await;
    let told = format!("tidegate: --port {port}: address already in use");
    assert_eq!(
        (ran.code, ran.err.lines().count()),
        (Some(2), 1),
        "{}",
        ran.err
    );
    assert!(ran.err.starts_with(&told), "{}", ran.err);
    place.write(
        "config",
        "apiVersion: v1\nkind: Config\ncurrent-context: prod\n",
    );
    let ran = place.run(&["--kubeconfig", "config"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("no earlier dev wrote it"), "{}", ran.err);
    assert!(
        std::fs::read_to_string(place.path("config"))
            .unwrap()
            .contains("prod")
    );
    let ran = place.run(&["--log", "/nonexistent/log"]).await;
    assert_eq!(
        (ran.code, ran.err.lines().count()),
        (Some(2), 1),
        "{}",
        ran.err
    );
    let ran = place.run(&["--log-level", "a=b=c"]).await;
    assert_eq!(
        (ran.code, ran.err.lines().count()),
        (Some(2), 1),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn help_teaches_with_examples_and_exit_codes() {
    let ran = Place::new().run(&["--help"]).await;
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    for part in [
        "Examples:",
        "tidegate dev --once team/",
        "Exit codes:",
        "RBAC is not enforced",
    ] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
}
