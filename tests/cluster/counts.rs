//! Shell. The counts that the issue asks for: requests and calls of a thousand ExternalSecrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_testservers::{AppRole, Http, VaultRequestKind};
use tokio::task::JoinSet;

use crate::support::logs::MARKER;
use crate::support::{Asked, Controller, Fixture, World, eventually, properties};

const OBJECTS: usize = 1000;
const NAMESPACES: usize = 50;
const PATHS: usize = 250;
/// A `refreshInterval` that does not end within a test, in seconds.
const HOUR: usize = 3600;
/// The short `refreshInterval`, in seconds.
const INTERVAL: usize = 10;
/// Reads by which a late poll may make a round look longer: 2 s of an interval.
const LATE: usize = PATHS * 2 / INTERVAL;

/// A thousand objects with two properties each, made before any controller runs.
struct Storm {
    world: World,
}

impl Storm {
    async fn new(fixture: Fixture, interval: usize) -> Self {
        let world = World::alone(fixture, "counts").await;
        let vault = &world.servers.vault;
        for path in 0..PATHS {
            let value = json!({ "a": format!("{MARKER}-{path}"), "b": "b" });
            vault
                .put("secret", &format!("app/{path}"), &value)
                .await
                .unwrap();
        }
        let policy = "path \"secret/data/app/*\" { capabilities = [\"read\"] }";
        vault.policy("counts", policy).await.unwrap();
        let role = AppRole {
            name: "counts".into(),
            policies: vec!["counts".into()],
            ..AppRole::default()
        };
        let (role_id, secret_id) = vault.approle("approle", &role).await.unwrap();
        world.secret("approle", &[("id", &secret_id)]).await;
        let auth = json!({ "appRole": { "path": "approle", "roleId": role_id,
            "secretRef": { "name": "approle", "key": "id", "namespace": "counts" } } });
        let mut provider = world.vault_provider();
        provider["vault"]["auth"] = auth;
        let store = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
            "metadata": { "name": "vault" }, "spec": { "provider": provider },
        });
        let stores = "/apis/external-secrets.io/v1/clustersecretstores";
        world
            .servers
            .admin
            .post(stores, &store)
            .await
            .unwrap()
            .ok()
            .unwrap();
        for number in 0..NAMESPACES {
            world.create_namespace(&format!("counts-{number}")).await;
        }
        let admin = Arc::new(world.servers.admin.clone());
        in_parallel((0..OBJECTS).map(|number| create(Arc::clone(&admin), number, interval))).await;
        Self { world }
    }

    fn controller(&self) -> Controller {
        self.world.controller_with(&["--status-heartbeat", "off"])
    }

    /// Statuses of all objects, by whether they are Ready.
    async fn ready(&self) -> usize {
        let path = "/apis/external-secrets.io/v1/externalsecrets";
        let list = self
            .world
            .servers
            .admin
            .get(path)
            .await
            .unwrap()
            .ok()
            .unwrap();
        let items = list["items"].as_array().unwrap();
        let ready = |item: &&Value| item["status"]["conditions"][0]["status"] == "True";
        items.iter().filter(ready).count()
    }

    /// What the conditions say, each text once, with paths left out.
    async fn messages(&self) -> BTreeSet<String> {
        let path = "/apis/external-secrets.io/v1/externalsecrets";
        let list = self
            .world
            .servers
            .admin
            .get(path)
            .await
            .unwrap()
            .ok()
            .unwrap();
        let items = list["items"].as_array().unwrap().iter();
        let texts = items.map(|item| item["status"]["conditions"][0]["message"].to_string());
        texts
            .map(|text| text.replace(|c: char| c.is_ascii_digit(), ""))
            .collect()
    }

    async fn all_ready(&self) {
        eventually("all objects to be Ready", || async {
            self.ready().await == OBJECTS
        })
        .await;
    }

    /// Every read of a path so far, in the order of Vault's log.
    fn read_log(&self) -> Vec<String> {
        let requests = self.world.servers.vault.requests().unwrap();
        let read = |entry: &tidegate_testservers::AuditEntry| {
            entry.path.starts_with("secret/data/app/") && entry.operation == "read"
        };
        requests
            .into_iter()
            .filter(read)
            .map(|entry| entry.path)
            .collect()
    }

    /// Reads of each path so far.
    fn reads(&self) -> BTreeMap<String, usize> {
        count(&self.read_log())
    }

    /// Waits until every path was read again since `from`, and gives the reads up to the one that
    /// made it so: what one interval takes, however late this test looks.
    async fn one_round(&self, from: usize) -> BTreeMap<String, usize> {
        let mut round = BTreeMap::new();
        eventually("every path to be polled", || {
            let log = self.read_log();
            let mut seen = BTreeSet::new();
            let end = log[from..].iter().position(|path| {
                seen.insert(path.clone());
                seen.len() == PATHS
            });
            round = end.map_or_else(BTreeMap::new, |end| count(&log[from..=from + end]));
            std::future::ready(!round.is_empty())
        })
        .await;
        round
    }

    fn logins(&self) -> usize {
        let requests = self.world.servers.vault.requests().unwrap();
        requests
            .iter()
            .filter(|entry| entry.kind == VaultRequestKind::Login)
            .count()
    }

    /// What the controller changed since a mark: Secrets, ExternalSecrets, their statuses, events.
    async fn writes(&self, mark: u64) -> Vec<Asked> {
        let counted = ["secrets", "externalsecrets", "events"];
        let mut writes = self.world.requests_since(mark).await;
        writes.retain(|asked| asked.mutates && counted.contains(&asked.resource.as_str()));
        writes
    }

    fn mark(&self) -> u64 {
        self.world.mark()
    }
}

async fn create(admin: Arc<Http>, number: usize, interval: usize) {
    let namespace = format!("counts-{}", number % NAMESPACES);
    let key = format!("app/{}", number % PATHS);
    let mut spec = properties(&[("one", &key, "a"), ("two", &key, "b")]);
    spec["refreshInterval"] = json!(format!("{interval}s"));
    spec["secretStoreRef"] = json!({ "name": "vault", "kind": "ClusterSecretStore" });
    let body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                       "metadata": { "name": format!("es-{number}") }, "spec": spec });
    let path = format!("/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets");
    admin.post(&path, &body).await.unwrap().ok().unwrap();
}

async fn in_parallel(work: impl Iterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let mut tasks = JoinSet::new();
    for one in work {
        if tasks.len() == 16 {
            tasks.join_next().await.unwrap().unwrap();
        }
        tasks.spawn(one);
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

fn of<'a>(writes: &'a [Asked], resource: &str) -> Vec<&'a Asked> {
    writes
        .iter()
        .filter(|request| request.resource == resource)
        .collect()
}

async fn a_first_sync_and_a_restart_cost_what_they_must_and_no_more(fixture: Fixture) {
    let storm = Storm::new(fixture, HOUR).await;
    let mark = storm.mark();
    let controller = storm.controller();
    storm.all_ready().await;
    first_sync(&storm, mark).await;
    controller.stop().await;
    restart_when_nothing_is_due(&storm).await;
}

async fn an_interval_a_change_and_an_outage_cost_what_they_must_and_no_more(fixture: Fixture) {
    let storm = Storm::new(fixture, INTERVAL).await;
    let controller = storm.controller();
    storm.all_ready().await;
    one_more_interval(&storm).await;
    one_changed_path(&storm).await;
    outage(&storm).await;
    controller.stop().await;
    restart(&storm).await;
}

async fn first_sync(storm: &Storm, mark: u64) {
    let writes = storm.writes(mark).await;
    let (secrets, statuses) = (of(&writes, "secrets"), of(&writes, "externalsecrets"));
    assert_eq!(secrets.len(), OBJECTS, "one create each");
    assert_eq!(statuses.len(), OBJECTS, "one status each");
    assert!(
        writes.len() * 100 <= OBJECTS * 202,
        "{} writes",
        writes.len()
    );
    assert_eq!(storm.logins(), 1);
    let reads = storm.reads();
    assert_eq!(reads.len(), PATHS);
    assert!(reads.values().all(|count| *count == 1), "{reads:?}");
}

/// A new object that becomes Ready shows that the first lists are done with.
async fn restart_when_nothing_is_due(storm: &Storm) {
    let (mark, before) = (storm.mark(), storm.read_log().len());
    let controller = storm.controller();
    create(Arc::new(storm.world.servers.admin.clone()), OBJECTS, HOUR).await;
    eventually("the new object to be Ready", || async {
        storm.ready().await == OBJECTS + 1
    })
    .await;
    assert_eq!(
        storm.read_log().len(),
        before + 1,
        "reads besides the new object's own"
    );
    let writes = storm.writes(mark).await;
    assert_eq!(of(&writes, "secrets").len(), 1, "the new object's own");
    assert_eq!(of(&writes, "externalsecrets").len(), 1, "its status");
    controller.stop().await;
}

async fn one_more_interval(storm: &Storm) {
    // The first poll of a path comes at its slot, half to one and a half intervals after the first
    // read; from then on it is periodic.
    storm.one_round(storm.read_log().len()).await;
    let mark = storm.mark();
    let round = storm.one_round(storm.read_log().len()).await;
    // Each path once. On a loaded machine a poll may come late, and the next polls of those that
    // were on time then fall into the same round.
    let reads: usize = round.values().sum();
    assert!(
        (PATHS..=PATHS + LATE).contains(&reads),
        "{reads} reads in one interval"
    );
    assert_eq!(storm.writes(mark).await, Vec::new());
    assert_eq!(storm.logins(), 1);
}

async fn one_changed_path(storm: &Storm) {
    let users: Vec<usize> = (0..OBJECTS).filter(|number| number % PATHS == 7).collect();
    let path = "secret/data/app/7";
    // Right after a poll of the path, so that exactly one more can come before the writes.
    let polled = storm.reads()[path];
    eventually("a poll of the path", || async {
        storm.reads()[path] > polled
    })
    .await;
    let (mark, before) = (storm.mark(), storm.reads()[path]);
    let value = json!({ "a": format!("{MARKER}-new"), "b": "b" });
    storm
        .world
        .servers
        .vault
        .put("secret", "app/7", &value)
        .await
        .unwrap();
    for user in &users {
        let secret = format!(
            "/api/v1/namespaces/counts-{}/secrets/es-{user}",
            user % NAMESPACES
        );
        eventually("the users of the path to be written", || async {
            let live = storm.world.servers.admin.get(&secret).await.unwrap().body;
            live["data"]["one"] == json!(STANDARD.encode(format!("{MARKER}-new")))
        })
        .await;
    }
    let reads = storm.reads()[path] - before;
    let writes = storm.writes(mark).await;
    let mut written: Vec<&str> = of(&writes, "secrets")
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    written.sort_unstable();
    let mut wanted: Vec<String> = users.iter().map(|number| format!("es-{number}")).collect();
    wanted.sort_unstable();
    assert_eq!(written, wanted, "exactly the users, once each");
    assert_eq!(reads, 1, "from the one poll");
}

async fn outage(storm: &Storm) {
    let vault = &storm.world.servers.vault;
    let mark = storm.mark();
    vault.down().await.unwrap();
    eventually("every object to tell the outage", || async {
        storm.ready().await == 0
    })
    .await;
    // Three intervals: the one wait of the suite that no condition can end earlier.
    tokio::time::sleep(std::time::Duration::from_secs(3 * INTERVAL as u64)).await;
    let told = storm.writes(mark).await;
    let (told, messages) = (of(&told, "externalsecrets").len(), storm.messages().await);
    assert_eq!(
        told, OBJECTS,
        "one status write each; they say {messages:?}"
    );
    vault.up().await.unwrap();
    storm.all_ready().await;
    let writes = storm.writes(mark).await;
    assert_eq!(
        of(&writes, "secrets"),
        Vec::<&Asked>::new(),
        "nothing deleted or emptied"
    );
    // One status write into the outage, one out of it.
    assert!(
        of(&writes, "externalsecrets").len() <= 2 * OBJECTS,
        "{} writes",
        writes.len()
    );
}

async fn restart(storm: &Storm) {
    let (mark, from) = (storm.mark(), storm.read_log().len());
    let controller = storm.controller();
    // Each path once: nothing is read that is not due, and nothing is left out.
    let round = storm.one_round(from).await;
    let reads: usize = round.values().sum();
    assert!(
        (PATHS..=PATHS + LATE).contains(&reads),
        "{reads} reads in the restart's interval"
    );
    assert_eq!(
        of(&storm.writes(mark).await, "secrets"),
        Vec::<&Asked>::new()
    );
    controller.stop().await;
}

fn count(log: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for path in log {
        *counts.entry(path.clone()).or_default() += 1;
    }
    counts
}

on_both!(
    a_first_sync_and_a_restart_cost_what_they_must_and_no_more,
    an_interval_a_change_and_an_outage_cost_what_they_must_and_no_more,
);
