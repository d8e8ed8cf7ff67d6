//! Shell. `rewrite` on a real API server: only what is stale is written, and no run is lost.

use std::collections::BTreeMap;
use std::process::Stdio;

use tidegate_testservers::ADMIN;

use crate::support::{Bed, config, run, tidegate, wait};

const OLD: (&str, &str, u8) = ("aescbc", "old", 1);
const NEW: (&str, &str, u8) = ("secretbox", "new", 2);

async fn revisions(bed: &Bed) -> BTreeMap<String, i64> {
    bed.stored()
        .await
        .into_iter()
        .map(|one| (one.name, one.revision))
        .collect()
}

#[tokio::test]
async fn only_stale_objects_are_written_and_no_data_is_on_the_wire() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("old", 40).await;
    bed.change(&config(&[NEW, OLD], true)).await;
    bed.secrets("new", 10).await;
    let before = revisions(&bed).await;

    let ran = bed
        .run(&["rewrite", "--resource", "secrets", "--dry-run"])
        .ok();
    assert!(
        ran.out.contains("of 50 objects 40 would be rewritten"),
        "{}",
        ran.out
    );
    assert_eq!(revisions(&bed).await, before, "a dry run writes nothing");

    // By the API alone: everything is touched, and only what is stale is written.
    let flags = bed.cluster_flags();
    let words = ["rewrite", "--resource", "secrets"];
    let words: Vec<&str> = words
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let mark = bed.plane.audit().mark().unwrap();
    let ran = run(&words).ok();
    assert!(
        ran.out
            .contains("50 objects: 40 rewritten, 10 already current"),
        "{}",
        ran.out
    );
    let after = revisions(&bed).await;
    for (name, revision) in &after {
        assert_eq!(name.starts_with("old"), *revision > before[name], "{name}");
    }
    assert!(
        bed.stored()
            .await
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:new:"))
    );
    let requests = bed.plane.requests_since(mark).await.unwrap();
    let patches = requests
        .iter()
        .filter(|request| request.verb == "patch")
        .count();
    assert_eq!(patches, 50, "one touch each");

    // A second run finds nothing to do, by either way.
    run(&words).ok();
    bed.run(&["rewrite", "--resource", "secrets"]).ok();
    assert_eq!(revisions(&bed).await, after);
    bed.run(&["verify", "--resource", "secrets", "--fail-on-stale"])
        .ok();
}

#[tokio::test]
async fn by_etcd_only_stale_objects_are_touched_and_plaintext_too() {
    let bed = Bed::start(&config(&[], true)).await;
    bed.secrets("plain", 30).await;
    bed.change(&config(&[NEW], true)).await;
    bed.secrets("new", 600).await;
    bed.run(&["verify", "--resource", "secrets"]).code(1);
    let mark = bed.plane.audit().mark().unwrap();
    let ran = bed.run(&["rewrite", "--resource", "secrets"]).ok();
    assert!(ran.out.contains("630 objects: 30 rewritten"), "{}", ran.out);
    let requests = bed.plane.requests_since(mark).await.unwrap();
    let patches = requests
        .iter()
        .filter(|request| request.verb == "patch")
        .count();
    assert_eq!(patches, 30, "current objects are not even touched");
    bed.run(&["verify", "--resource", "secrets", "--fail-on-stale"])
        .ok();
}

#[tokio::test]
async fn a_rewrite_killed_again_and_again_ends_whole() {
    let bed = Bed::start(&config(&[OLD], false)).await;
    bed.secrets("s", 1500).await;
    bed.change(&config(&[NEW, OLD], false)).await;
    let checkpoint = bed.folder.path().join("checkpoint.json");
    let path = checkpoint.to_str().unwrap().to_owned();
    let flags = bed.all_flags();
    let words = [
        "rewrite",
        "--resource",
        "secrets",
        "--checkpoint",
        &path,
        "--max-in-flight",
        "2",
        "--eager",
    ];
    let words: Vec<&str> = words
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let mut resumed = 0;
    for _ in 0..4 {
        let seen = std::fs::read(&checkpoint).ok();
        let mut command = tidegate(&words);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Killed as soon as it has got one page further than the run before.
        let ended = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if std::fs::read(&checkpoint).ok() != seen {
                break false;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        if ended {
            wait(child).ok();
            break;
        }
        child.kill().unwrap();
        let ran = wait(child);
        resumed += usize::from(ran.err.contains("going on from"));
    }
    assert!(resumed > 0, "no run went on where another was killed");
    run(&words).ok();
    assert!(!checkpoint.exists(), "a finished run leaves no checkpoint");
    let stored = bed.stored().await;
    assert_eq!(stored.len(), 1500);
    assert!(
        stored
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:new:"))
    );
    let listed = bed
        .admin()
        .get("/api/v1/namespaces/default/secrets")
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1500);
}

#[tokio::test]
async fn a_server_with_another_configuration_stops_the_rewrite() {
    let bed = Bed::start(&config(&[OLD], false)).await;
    bed.secrets("s", 3).await;
    let before = revisions(&bed).await;
    // The file is new, the server has not loaded it.
    crate::support::write(&bed.file(), &config(&[NEW, OLD], false));
    let ran = bed.run(&["rewrite", "--resource", "secrets"]).code(4);
    assert!(
        ran.err.contains("runs with another configuration"),
        "{}",
        ran.err
    );
    assert_eq!(revisions(&bed).await, before);
}

#[tokio::test]
async fn writers_that_come_between_lose_nothing() {
    let bed = Bed::start(&config(&[OLD], false)).await;
    bed.secrets("s", 200).await;
    bed.change(&config(&[NEW, OLD], false)).await;
    let api = bed.plane.api(ADMIN).unwrap();
    let writer = async {
        for i in 0..400 {
            let path = format!("/api/v1/namespaces/default/secrets/s-{:05}", i % 200);
            let patch = serde_json::json!({ "metadata": { "labels": { "turn": i.to_string() } } });
            api.patch(&path, &patch).await.unwrap().ok().unwrap();
        }
    };
    let flags = bed.all_flags();
    let words = ["rewrite", "--resource", "secrets"];
    let words: Vec<&str> = words
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let child = tidegate(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writer.await;
    tokio::task::spawn_blocking(move || wait(child).ok())
        .await
        .unwrap();
    assert!(
        bed.stored()
            .await
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:new:"))
    );
    let listed = bed
        .admin()
        .get("/api/v1/namespaces/default/secrets")
        .await
        .unwrap()
        .ok()
        .unwrap();
    for item in listed["items"].as_array().unwrap() {
        let turn: usize = item["metadata"]["labels"]["turn"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let name = item["metadata"]["name"].as_str().unwrap();
        assert_eq!(
            format!("s-{:05}", turn - 200),
            name,
            "the last write of each stands"
        );
    }
}
