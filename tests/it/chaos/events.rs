//! Shell. What people do meanwhile: they rotate, remove, tamper, edit and delete.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::cast::{Cast, Kind, Role};
use crate::support::random::Random;
use crate::support::{Sim, folder};

/// How much happens in one storm.
pub const COUNT: usize = 150;
/// What somebody writes over a value by hand.
pub const TAMPERED: &str = "tampered";

/// What happened.
#[derive(Debug, Default)]
pub struct Ledger {
    lines: Vec<String>,
    /// Secrets deleted by hand, by path.
    pub deleted: BTreeMap<String, usize>,
    /// UIDs of deleted objects: the garbage collector takes whatever has such an owner.
    pub dead: BTreeSet<String>,
    /// Changes of an object that its Secret follows in metadata alone, by the Secret's path.
    pub dressed: BTreeMap<String, usize>,
    /// Looks that an object may have needed besides its polls, by key.
    pub looks: BTreeMap<String, usize>,
}

impl Ledger {
    /// The last that happened.
    pub fn last(&self, count: usize) -> &[String] {
        &self.lines[self.lines.len().saturating_sub(count)..]
    }

    fn note(&mut self, sim: &Sim, what: &str, role: &Role) {
        let (now, ns, name, key) = (sim.now(), &role.namespace, &role.name, &role.key);
        self.lines.push(format!("{now} {what} {ns}/{name} ({key})"));
        *self.looks.entry(role.key.clone()).or_default() += 1;
        if let Some(second) = &role.second {
            *self.looks.entry(second.clone()).or_default() += 1;
        }
    }

    /// One thing happens to one object.
    pub async fn happen(&mut self, sim: &Sim, cast: &Cast, random: &mut Random) {
        let role = &cast.0[random.below(cast.0.len())];
        let removable = role.kind == Kind::Delete;
        match random.below(10) {
            0..=4 => {
                self.note(sim, "rotated", role);
                sim.depot.put(&role.key);
            }
            5 | 6 if sim.depot.number(&role.key).is_some() => {
                self.note(sim, "removed the value of", role);
                sim.depot.remove(&role.key);
            }
            5 | 6 => {
                self.note(sim, "put back the value of", role);
                sim.depot.put(&role.key);
            }
            7 if role.kind == Kind::Plain || removable => {
                self.note(sim, "tampered with", role);
                let data = json!({ "data": { "v": STANDARD.encode(TAMPERED) } });
                insist(sim, "PATCH", &role.secret(), Some(&data)).await;
            }
            8 if matches!(role.kind, Kind::Plain | Kind::Orphan) => {
                self.note(sim, "deleted the Secret of", role);
                *self.deleted.entry(role.secret()).or_default() += 1;
                remove(sim, &role.secret()).await;
            }
            9 if role.kind == Kind::Plain => {
                self.note(sim, "deleted and made again", role);
                *self.dressed.entry(role.secret()).or_default() += 1;
                self.dead.extend(remove(sim, &role.object()).await);
                tokio::time::sleep(random.time(Duration::from_secs(30))).await;
                let objects = folder(&role.namespace, "externalsecrets");
                insist(sim, "POST", &objects, Some(&role.body())).await;
            }
            _ => {
                self.note(sim, "forced", role);
                *self.dressed.entry(role.secret()).or_default() += 1;
                let force = json!({ "external-secrets.io/force-sync": sim.now().to_string() });
                let patch = json!({ "metadata": { "annotations": force } });
                insist(sim, "PATCH", &role.object(), Some(&patch)).await;
            }
        }
    }

    /// Values of objects that need them come back; those under Delete may stay away.
    pub fn put_back(&mut self, sim: &Sim, cast: &Cast) {
        for role in &cast.0 {
            if role.kind != Kind::Delete && sim.depot.number(&role.key).is_none() {
                self.note(sim, "put back the value of", role);
                sim.depot.put(&role.key);
            }
        }
    }
}

/// Deletes what is there now, once: after a lost answer the next of that name is spared. Gives the
/// UID of what was there.
async fn remove(sim: &Sim, path: &str) -> Option<String> {
    let mut found = None;
    loop {
        let uid = |object: Value| object["metadata"]["uid"].as_str().map(str::to_owned);
        let now = insist(sim, "GET", path, None).await.and_then(uid);
        if now.is_none() || (found.is_some() && found != now) {
            return found;
        }
        let body = json!({ "kind": "DeleteOptions", "apiVersion": "v1",
                           "preconditions": { "uid": now } });
        let _told_by_the_next_look = sim.send("DELETE", path, body.to_string().into()).await;
        found = now;
    }
}

/// Asks until it is done: people meet the same faults. None when it was done before.
async fn insist(sim: &Sim, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
    let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    loop {
        match sim.send(method, path, body.clone()).await {
            Ok(answer) => return Some(answer),
            Err(kube::Error::Api(status)) if status.is_not_found() => return None,
            Err(kube::Error::Api(status)) if status.is_already_exists() => return None,
            Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
}
