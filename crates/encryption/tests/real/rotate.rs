//! Shell. `rotate` on real API servers: step by step, killed, lagging, and under load.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tidegate_testservers::{ADMIN, Http};

use crate::support::{Bed, Gate, MARKER, Ran, config, flags, tidegate, wait};

const OLD: (&str, &str, u8) = ("aescbc", "old", 1);
const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// The words of one run of `rotate`.
fn words(bed: &Bed, more: &[&str]) -> Vec<String> {
    let archive = bed.folder.path().join("archive.yaml");
    let mut words = vec!["rotate".to_owned()];
    // Begun once: the archive is written before the last change, and stays.
    if !bed.folder.path().join("enc.yaml.rotation.json").exists() && !archive.exists() {
        words.push("--begin".to_owned());
    }
    words.extend(["--archive".to_owned(), archive.display().to_string()]);
    words.extend(more.iter().map(|&word| word.to_owned()));
    words.extend(bed.all_flags());
    words
}

fn rotate(bed: &Bed, more: &[&str]) -> Ran {
    let words = words(bed, more);
    crate::support::run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// As [`rotate`], while this test's own tasks go on.
async fn rotate_beside(bed: &Bed, more: &[&str]) -> Ran {
    let words = words(bed, more);
    let run = move || crate::support::run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn readable(api: &Http, count: usize) {
    let listed = api.get(SECRETS).await.unwrap().ok().unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), count);
}

#[tokio::test]
async fn each_step_waits_for_the_server_and_the_old_key_goes_last() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("s", 60).await;
    let now = ["--wait", "0s", "--soak", "0s", "--provider", "secretbox"];
    let mut stages = Vec::new();
    for _ in 0..3 {
        let ran = rotate(&bed, &now).code(4);
        assert!(
            ran.err.contains("not every API server has loaded"),
            "{}",
            ran.err
        );
        // Again without a restart: nothing moves.
        let before = std::fs::read(bed.file()).unwrap();
        rotate(&bed, &now).code(4);
        assert_eq!(std::fs::read(bed.file()).unwrap(), before);
        stages.push(String::from_utf8(before).unwrap());
        bed.plane.restart_apiserver().await.unwrap();
        readable(&bed.admin(), 60).await;
    }
    let ran = rotate(&bed, &now).ok();
    assert!(
        ran.out.contains("rotated to secretbox:v1:key-"),
        "{}",
        ran.out
    );
    let place = |text: &str, word: &str| text.find(word);
    assert!(
        place(&stages[0], "aescbc") < place(&stages[0], "secretbox"),
        "second at first"
    );
    assert!(
        place(&stages[1], "secretbox") < place(&stages[1], "aescbc"),
        "then first"
    );
    assert!(!stages[2].contains("aescbc") && !stages[2].contains("identity"));
    assert!(
        bed.stored()
            .await
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:key-"))
    );
    bed.run(&["verify", "--fail-on-stale"]).ok();
    // The archive opens what the new file cannot, and nothing else is left beside the file.
    let archive = std::fs::read_to_string(bed.folder.path().join("archive.yaml")).unwrap();
    assert_eq!(archive, stages[1]);
    let left = std::fs::read_dir(bed.folder.path()).unwrap().flatten();
    let left: Vec<String> = left
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn the_drop_needs_the_soak_and_an_archive() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("s", 5).await;
    for _ in 0..2 {
        rotate(&bed, &["--wait", "0s"]).code(4);
        bed.plane.restart_apiserver().await.unwrap();
    }
    let ran = rotate(&bed, &["--wait", "0s"]).ok();
    assert!(ran.out.contains("stays readable until"), "{}", ran.out);
    let file = std::fs::read_to_string(bed.file()).unwrap();
    assert!(file.contains("name: old"));
    let flags = bed.all_flags();
    let bare = ["rotate", "--soak", "0s"];
    let bare: Vec<&str> = bare
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let ran = crate::support::run(&bare).code(4);
    assert!(ran.err.contains("--archive"), "{}", ran.err);
    assert_eq!(
        std::fs::read_to_string(bed.file()).unwrap(),
        file,
        "nothing was dropped"
    );
    // A file that somebody changed meanwhile is not touched.
    crate::support::write(&bed.file(), &format!("# mine\n{file}"));
    let ran = rotate(&bed, &["--soak", "0s"]).code(4);
    assert!(ran.err.contains("changed by somebody else"), "{}", ran.err);
}

/// In an etcd that is not the cluster's nothing is stale: the old key would go, and all with it.
#[tokio::test]
async fn another_etcd_or_another_part_of_it_proves_nothing() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("s", 2).await;
    let file = std::fs::read(bed.file()).unwrap();
    let other = ["--etcd-prefix", "/other", "--soak", "0s", "--wait", "0s"];
    let ran = rotate(&bed, &other).code(4);
    assert!(
        ran.err.contains("look at --etcd, --etcd-prefix"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(bed.file()).unwrap(), file);
    bed.run(&["rewrite", "--etcd-prefix", "/other"]).code(4);
    bed.run(&["verify", "--etcd-prefix", "/other"]).code(4);
    bed.run(&["status", "--etcd-prefix", "/other"]).code(1);
    let etcd = bed.plane.etcd_endpoint();
    let alone = ["verify", "--etcd", &etcd, "--etcd-prefix", "/other"];
    let ran = crate::support::run(&alone).code(1);
    assert!(
        ran.err.contains("holds no cluster under /other"),
        "{}",
        ran.err
    );
    // A copy of the namespace does not make it the cluster's own.
    bed.put("/other/namespaces/kube-system", b"k8s\0copied")
        .await;
    rotate(&bed, &other).code(4);
    assert_eq!(std::fs::read(bed.file()).unwrap(), file);
}

#[tokio::test]
async fn a_server_that_lags_is_named_and_holds_everything_up() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("s", 5).await;
    let mut other = bed
        .plane
        .another_apiserver(&flags(&bed.file()))
        .await
        .unwrap();
    let both = [
        "--wait",
        "0s",
        "--soak",
        "0s",
        "--server",
        bed.plane.url(),
        "--server",
    ];
    let both: Vec<&str> = both.into_iter().chain([other.url()]).collect();
    let url = other.url().to_owned();
    let both: Vec<String> = both.into_iter().map(str::to_owned).collect();
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    rotate(&bed, &both).code(4);
    bed.plane.restart_apiserver().await.unwrap();
    let file = std::fs::read(bed.file()).unwrap();
    let ran = rotate(&bed, &both).code(4);
    assert!(
        ran.err.contains(&format!("{url}: runs with sha256:")),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(bed.file()).unwrap(), file, "not promoted");
    bed.plane
        .restart_another(&mut other, &flags(&bed.file()))
        .await
        .unwrap();
    rotate(&bed, &both).code(4);
    assert_ne!(
        std::fs::read(bed.file()).unwrap(),
        file,
        "promoted once both had loaded"
    );
    drop(other);
}

#[tokio::test]
async fn servers_that_do_not_tell_their_configuration_are_proven_by_canaries() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("s", 5).await;
    let silent = crate::support::without_metric(&bed, "last_config_info").await;
    let now = ["--wait", "0s", "--soak", "0s", "--server", &silent];
    // A start is told in whole seconds: let the change be later than the last one.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let ran = rotate_beside(&bed, &now).await.code(4);
        assert!(ran.err.contains("since the file changed"), "{}", ran.err);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        bed.plane.restart_apiserver().await.unwrap();
    }
    rotate(&bed, &["--wait", "0s", "--soak", "0s"]).ok();
    let listed = bed
        .admin()
        .get("/api/v1/namespaces/kube-system/secrets")
        .await
        .unwrap();
    let left = listed.ok().unwrap()["items"].as_array().unwrap().len();
    assert_eq!(left, 0, "no canary stays behind");
}

/// Three runs of four are killed: at a message to the API server that differs from run to run,
/// or the moment a file has changed. The fourth ends by itself, so that the rotation goes on.
#[tokio::test]
async fn a_rotation_killed_at_random_again_and_again_ends_whole() {
    let bed = Bed::start(&config(&[OLD], true)).await;
    bed.secrets("s", 700).await;
    let gate = Gate::open(&bed).await;
    let more = [
        "--wait",
        "0s",
        "--soak",
        "0s",
        "--max-in-flight",
        "4",
        "--eager",
    ];
    let (mut kills, mut ended) = (0, false);
    let mut loaded = std::fs::read(bed.file()).unwrap();
    for turn in 0..80_i64 {
        gate.allow(if turn % 4 == 3 {
            i64::MAX
        } else {
            turn * turn % 97
        });
        let words = gate.lead(words(&bed, &more));
        let mut command = tidegate(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let killed = kill_midway(&mut child, &bed, &gate, turn).await;
        kills += usize::from(killed);
        let ran = tokio::task::spawn_blocking(move || wait(child))
            .await
            .unwrap();
        readable(&bed.admin(), 700).await;
        ended = !killed && ran.code == 0;
        if ended {
            break;
        }
        assert!(
            killed || ran.err.contains("not every API server"),
            "{}",
            ran.err
        );
        let file = std::fs::read(bed.file()).unwrap();
        if file != loaded {
            bed.plane.restart_apiserver().await.unwrap();
            loaded = file;
        }
    }
    assert!(ended, "no run ended the rotation");
    assert!(kills >= 5, "{kills} kills only");
    let ran = rotate(&bed, &more).ok();
    assert!(ran.out.contains("no rotation is under way"), "{}", ran.out);
    let stored = bed.stored().await;
    assert_eq!(stored.len(), 700);
    assert!(
        stored
            .iter()
            .all(|one| one.begins("k8s:enc:aescbc:v1:key-"))
    );
    readable(&bed.admin(), 700).await;
}

/// Kills a run at the gate, or on even turns the moment it has changed a file. False when it
/// ended first.
async fn kill_midway(child: &mut Child, bed: &Bed, gate: &Gate, turn: i64) -> bool {
    let before = folder_state(bed);
    while child.try_wait().unwrap().is_none() {
        let changed = turn % 2 == 0 && folder_state(bed) != before;
        if changed || gate.holds() {
            child.kill().unwrap();
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Every file beside the configuration, with its content.
fn folder_state(bed: &Bed) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(bed.folder.path()).unwrap().flatten();
    let mut state: Vec<_> = entries
        .map(|entry| entry.path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap_or_default()))
        .collect();
    state.sort();
    state
}

/// Reads and writes Secrets all over, without a pardon for any failed request.
async fn client(server: Http, turn: usize, stop: &AtomicBool, done: &AtomicUsize) {
    for i in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
        let path = format!("{SECRETS}/s-{:05}", (i * 7 + turn) % 2000);
        if i % 3 == 0 {
            let patch = json!({ "metadata": { "labels": { "turn": i.to_string() } } });
            server.patch(&path, &patch).await.unwrap().ok().unwrap();
        } else {
            let secret = server.get(&path).await.unwrap().ok().unwrap();
            assert!(secret["data"]["value"].is_string());
        }
        done.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Two API servers that reload by themselves, readers and writers on both all the time.
#[tokio::test]
async fn a_rotation_of_2000_secrets_fails_no_request() {
    let bed = Bed::start(&config(&[("secretbox", "old", 1)], false)).await;
    let other = bed
        .plane
        .another_apiserver(&flags(&bed.file()))
        .await
        .unwrap();
    bed.secrets("s", 2000).await;
    let servers = [bed.admin(), bed.plane.api(ADMIN).unwrap().at(other.url())];
    let (stop, done) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let client = |turn: usize| client(servers[turn % 2].clone(), turn, stop, done);
    let both = [
        "--soak",
        "0s",
        "--wait",
        "10m",
        "--eager",
        "--server",
        bed.plane.url(),
        "--server",
    ];
    let both: Vec<&str> = both.into_iter().chain([other.url()]).collect();
    let words = words(&bed, &both);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let child = tidegate(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let rotation = async {
        let ended = tokio::task::spawn_blocking(move || wait(child).ok())
            .await
            .unwrap();
        stop.store(true, Ordering::Relaxed);
        ended
    };
    let clients = futures::future::join_all((0..4).map(client));
    let (ended, _) = futures::join!(rotation, clients);
    assert!(
        ended.out.contains("rotated to secretbox:v1:key-"),
        "{}",
        ended.out
    );
    assert!(
        done.load(Ordering::Relaxed) > 1000,
        "too few requests to show anything"
    );
    let stored = bed.stored().await;
    assert_eq!(stored.len(), 2000);
    assert!(
        stored
            .iter()
            .all(|one| one.begins("k8s:enc:secretbox:v1:key-"))
    );
    assert!(
        !stored
            .iter()
            .any(|one| String::from_utf8_lossy(&one.value).contains(MARKER))
    );
    drop(other);
}
