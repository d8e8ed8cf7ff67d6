//! Shell. Brings each failure about, and takes it back.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tidegate_testservers::ADMIN;

use super::corrupt::with_a_broken_seed;
use super::objects::GROUP;
use super::relay::Mode;
use super::stage::{Stage, policy};
use crate::plugin::Plugin;

/// Slower than a call may take.
const SLOW: Duration = Duration::from_millis(2900);

/// Begins all failures.
pub async fn inject(stage: &mut Stage) {
    stage.absent.1.take().unwrap().kill();
    signal(&stage.hanging.1, Signal::STOP);
    stage.cut.set(Mode::Cut);
    stage.slow.set(Mode::Slow(SLOW));
    stage.sealing.seal().await.unwrap();
    let vault = &stage.vault;
    for (name, left) in [("encrypt-denied", "decrypt"), ("decrypt-denied", "encrypt")] {
        vault.policy(name, &policy(name, &[left])).await.unwrap();
    }
    let quota = json!({ "path": "throttled/", "rate": 1, "interval": "1h" });
    vault
        .write("sys/quotas/rate-limit/throttled", &quota)
        .await
        .unwrap();

    let backup = vault.read("deleted/backup/deleted").await.unwrap();
    stage
        .many
        .write("backup", backup["data"]["backup"].as_str().unwrap());
    let allowed = json!({ "deletion_allowed": true });
    vault
        .write("deleted/keys/deleted/config", &allowed)
        .await
        .unwrap();
    delete(stage, "deleted/keys/deleted").await;

    vault
        .write("disabled/keys/disabled/rotate", &json!({}))
        .await
        .unwrap();
    least_version(stage, 2).await;

    stage.many.key_in("wrong-key", "one", 9, SystemTime::now());
    let value = etcd(stage, "range", &json!({ "key": victim() })).await;
    let value = value["kvs"][0]["value"].as_str().unwrap().to_owned();
    let broken = with_a_broken_seed(
        &STANDARD.decode(&value).unwrap(),
        "k8s:enc:kms:v2:corrupted:",
    );
    stage.many.write("victim", &value);
    put_victim(stage, &STANDARD.encode(broken)).await;
}

/// Ends all failures as an operator would.
pub async fn lift(stage: &mut Stage) {
    stage.absent.1 = Some(Plugin::local(&stage.absent.0));
    signal(&stage.hanging.1, Signal::CONT);
    stage.cut.set(Mode::Pass);
    stage.slow.set(Mode::Pass);
    stage.sealing.unseal().await.unwrap();
    let vault = &stage.vault;
    for name in ["encrypt-denied", "decrypt-denied"] {
        let all = policy(name, &["encrypt", "decrypt"]);
        vault.policy(name, &all).await.unwrap();
    }
    delete(stage, "sys/quotas/rate-limit/throttled").await;
    let backup = std::fs::read_to_string(stage.many.path("backup")).unwrap();
    let backup = json!({ "backup": backup });
    vault
        .write("deleted/restore/deleted", &backup)
        .await
        .unwrap();
    least_version(stage, 1).await;

    stage.many.key_in("wrong-key", "one", 1, stage.made);
    let value = std::fs::read_to_string(stage.many.path("victim")).unwrap();
    put_victim(stage, &value).await;
}

fn signal(plugin: &Plugin, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(plugin.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

async fn delete(stage: &Stage, path: &str) {
    let root = stage.vault.api(Some(stage.vault.root_token()));
    let answer = root.delete(&format!("/v1/{path}")).await.unwrap();
    answer.ok().unwrap();
}

async fn least_version(stage: &Stage, version: u32) {
    let config = json!({ "min_decryption_version": version });
    let path = "disabled/keys/disabled/config";
    stage.vault.write(path, &config).await.unwrap();
}

/// The one object whose stored bytes are spoilt.
fn victim() -> String {
    STANDARD.encode(format!("/registry/{GROUP}/corrupted/default/victim"))
}

async fn put_victim(stage: &Stage, value: &str) {
    etcd(stage, "put", &json!({ "key": victim(), "value": value })).await;
}

async fn etcd(stage: &Stage, call: &str, body: &Value) -> Value {
    let plane = &stage.plane;
    let etcd = plane.api(ADMIN).unwrap().at(&plane.etcd_endpoint());
    let answer = etcd.post(&format!("/v3/kv/{call}"), body).await.unwrap();
    answer.ok().unwrap()
}
