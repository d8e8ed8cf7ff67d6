//! Shell. `--once`: data on standard output, the rest on standard error, a code that says it all.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use tidegate_testservers::{Vault, VaultOptions};
use tokio::io::AsyncWriteExt;

use super::support::{Place, Ran, object, store};

#[tokio::test]
async fn the_built_in_example_is_ready_and_nothing_of_it_is_shown_or_left() {
    let place = Place::new();
    let ran = place.run(&["--once"]).await;
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{}", ran.out);
    let secrets: Vec<Value> = serde_saphyr::from_multiple(&ran.out).unwrap();
    let names: Vec<&str> = secrets
        .iter()
        .map(|secret| secret["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["app-config", "database", "web-credentials"]);
    assert_eq!(secrets[1]["data"]["password"], "<redacted, 13 bytes>");
    assert!(!ran.out.contains("correct horse"), "{}", ran.out);
    assert_eq!(place.leftovers(), [] as [std::path::PathBuf; 0]);
}

#[tokio::test]
async fn revealed_values_are_those_of_the_store() {
    let place = Place::new();
    let ran = place.run(&["--once", "--reveal", "-o", "json"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    // Y29ycmVjdCBob3JzZQ== is "correct horse".
    assert_eq!(list["items"][1]["data"]["password"], "Y29ycmVjdCBob3JzZQ==");
    let ran = place.run(&["--once", "-o", "name"]).await;
    let names = "secret/default/app-config\nsecret/default/database\n\
                 secret/default/web-credentials\n";
    assert_eq!((ran.code, &*ran.out), (Some(0), names));
    let ran = place.run(&["--once", "-o", "table"]).await;
    assert!(
        ran.out.starts_with("SECRET") && ran.out.contains("app.ini"),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn manifests_come_from_folders_files_and_standard_input() {
    let place = Place::new();
    place.write(
        "team/deep/store.yml",
        &store("s", &[("a", "one"), ("b", "two")]),
    );
    place.write("team/a.yaml", &object("from-folder", "s", "a"));
    place.write("b.txt", &object("from-file", "s", "b"));
    let mut child = place.command(&["--once", "-o", "name", "-n", "apps", "team", "b.txt", "-"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = object("from-input", "s", "a");
    input.write_all(text.as_bytes()).await.unwrap();
    drop(input);
    let ran = Ran::from(child.wait_with_output().await.unwrap());
    let names = "secret/apps/from-file\nsecret/apps/from-folder\nsecret/apps/from-input\n";
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), names, ""));
}

#[tokio::test]
async fn what_is_not_ready_is_named_with_cause_and_cure_and_the_others_are_printed() {
    let place = Place::new();
    place.write("s.yaml", &store("s", &[("a", "one")]));
    place.write("good.yaml", &object("good", "s", "a"));
    place.write("key.yaml", &object("no-key", "s", "nope"));
    place.write("store.yaml", &object("no-store", "nobody", "a"));
    let ran = place
        .run(&["--once", "--patience", "1s", "-o", "name", "."])
        .await;
    assert_eq!(
        (ran.code, &*ran.out),
        (Some(1), "secret/default/good\n"),
        "{}",
        ran.err
    );
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    for (line, parts) in lines.iter().zip([
        [
            "ExternalSecret default/no-key: ",
            "(key: nope)",
            "to mend it: correct the key",
        ],
        [
            "ExternalSecret default/no-store: ",
            "\"nobody\" does not exist",
            "declare that store",
        ],
    ]) {
        assert!(
            parts.iter().all(|part| line.contains(part)),
            "{parts:?} in {line}"
        );
    }
}

#[tokio::test]
async fn a_real_vault_is_read() {
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault.enable_kv("secret", 2).await.unwrap();
    let value = serde_json::json!({ "password": "from vault" });
    vault.put("secret", "app", &value).await.unwrap();
    let place = Place::new();
    place.write(
        "vault.yaml",
        &format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: token }}\nstringData: {{ token: {} }}\n\
             ---\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {{ name: v }}\n\
             spec: {{ provider: {{ vault: {{ server: \"{}\", path: secret, version: v2,\n  \
             auth: {{ tokenSecretRef: {{ name: token, key: token }} }} }} }} }}\n---\n{}",
            vault.root_token(),
            vault.addr(),
            object("app", "v", "app").replace("key: app }", "key: app, property: password }"),
        ),
    );
    let ran = place
        .run(&["--once", "--reveal", "-o", "json", "vault.yaml"])
        .await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    // ZnJvbSB2YXVsdA== is "from vault".
    assert_eq!(list["items"][0]["data"]["value"], "ZnJvbSB2YXVsdA==");
}

#[tokio::test]
async fn an_interrupt_before_the_end_is_told_by_the_code() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = Place::new();
        place.write("a.yaml", &object("a", "nobody", "a"));
        let args = [
            "--once",
            "--patience",
            "10m",
            "--timeout",
            "10m",
            "--log",
            "log",
            "a.yaml",
        ];
        let child = place.command(&args).spawn().unwrap();
        // Ready for signals long before its first sync is told.
        while !std::fs::read_to_string(place.path("log")).is_ok_and(|log| log.contains("lists")) {
            tokio::task::yield_now().await;
        }
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let ran = Ran::from(child.wait_with_output().await.unwrap());
        assert_eq!((ran.code, &*ran.out), (Some(code), ""), "{}", ran.err);
        assert_eq!(place.leftovers(), [] as [std::path::PathBuf; 0]);
    }
}
