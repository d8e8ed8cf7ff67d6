//! Shell. A cluster in this process: the embedded API, a backend in memory, controllers as tasks,
//! all on tokio's paused clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use http::Request;
use jiff::Timestamp;
use kube::Client;
use kubebox::{Kubebox, Options, RequestRecord, TokioClock};
use serde_json::{Value, json};
use tidegate::cli::{Cli, Command, ControllerArgs};
use tidegate::clock::Clock;
use tidegate::entropy::Entropy;
use tidegate::run::controller::{ControllerError, Ground, run_on};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

pub mod depot;
pub mod line;
pub mod random;
pub mod tape;

use depot::Depot;
use line::{Flights, Line};
use random::Random;
use tape::Tape;

/// The namespace of tests that need one only.
pub const NS: &str = "tests";
/// Flags of a controller alone that writes nothing for the sake of its time: hours of renewals and
/// heartbeats would be most of what a test computes.
pub const QUIET: &[&str] = &["--status-heartbeat", "off", "--no-leader-election"];
/// Virtual time within which a healthy controller has done what there is to do.
const SOON: Duration = Duration::from_secs(90);

/// The cluster.
pub struct Sim {
    pub kubebox: Kubebox,
    pub depot: Depot,
    pub flights: Flights,
    clock: Clock,
    admin: Client,
    seed: u64,
    processes: AtomicU64,
    tape: Tape,
}

/// A controller that runs as a task.
pub struct Replica {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ControllerError>>,
}

impl Replica {
    /// Ends it as SIGTERM does.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as SIGKILL does: nothing is drained or released.
    pub async fn kill(self) {
        self.task.abort();
        let _cancelled = self.task.await;
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// How it ended by itself.
    pub async fn outcome(self) -> Result<(), ControllerError> {
        self.task.await.unwrap()
    }
}

impl Sim {
    /// A cluster with the CRDs, the namespace [`NS`] and a store `depot` in it.
    pub async fn new(seed: u64) -> Self {
        Self::taped(seed, Tape::blank()).await
    }

    /// The same, with everything that is asked on `tape`.
    pub async fn taped(seed: u64, tape: Tape) -> Self {
        // kube's watches draw the jitter of their retries from the thread.
        fastrand::seed(seed);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let kubebox = Kubebox::new(Options {
            seed,
            history: 1_000_000,
            request_log: 1_000_000,
            clock: std::sync::Arc::new(TokioClock::starting_at(start)),
            ..Options::default()
        });
        let flights = Flights::default();
        let line = Line::new(&kubebox, "admin", &Flights::default(), &tape);
        let sim = Self {
            depot: Depot::new(seed, &tape),
            clock: Clock::starting_at(start),
            admin: Client::new(line, NS),
            kubebox,
            flights,
            seed,
            processes: AtomicU64::new(0),
            tape,
        };
        for crd in crds() {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            sim.send("POST", path, crd.clone()).await.unwrap();
        }
        sim.namespace(NS).await;
        sim
    }

    /// A namespace with a store `depot`.
    pub async fn namespace(&self, name: &str) {
        let body = json!({ "metadata": { "name": name } });
        self.create("/api/v1/namespaces", &body).await;
        let spec = json!({ "provider": { "fake": { "data": [{ "key": "-", "value": "-" }] } } });
        let body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
                           "metadata": { "name": "depot" }, "spec": spec });
        self.create(&folder(name, "secretstores"), &body).await;
    }

    /// Starts a controller; each has a name of its own in the request log and in the Lease.
    pub fn start(&self, flags: &[&str]) -> Replica {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(number);
        let line = Line::new(
            &self.kubebox,
            &format!("tidegate-{number}"),
            &self.flights,
            &self.tape,
        );
        let ground = Ground {
            client: Client::new(line, "default"),
            namespace: "default".to_owned(),
            listener: None,
            clock: self.clock,
            seed,
            entropy: entropy(seed),
            fakes: self.depot.fakes(),
        };
        let args = arguments(flags);
        let stop = CancellationToken::new();
        let token = stop.clone();
        #[allow(clippy::disallowed_methods, reason = "the handle is kept and awaited")]
        let task = tokio::spawn(async move { run_on(&args, ground, token).await });
        Replica { stop, task }
    }

    /// Sends one request as the administrator.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Value, kube::Error> {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", kind).body(body).unwrap();
        self.admin.request::<Value>(request).await
    }

    /// Reads a text to its end, as the administrator.
    pub async fn text(&self, path: &str) -> String {
        let request = Request::get(path).body(Vec::new()).unwrap();
        self.admin.request_text(request).await.unwrap()
    }

    pub async fn create(&self, folder: &str, body: &Value) -> Value {
        let body = body.to_string().into_bytes();
        self.send("POST", folder, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Option<Value> {
        self.send("GET", path, Vec::new()).await.ok()
    }

    pub async fn patch(&self, path: &str, patch: &Value) -> Value {
        let body = patch.to_string().into_bytes();
        self.send("PATCH", path, body).await.unwrap()
    }

    pub async fn delete(&self, path: &str) {
        self.send("DELETE", path, Vec::new()).await.unwrap();
    }

    /// Makes an ExternalSecret in [`NS`].
    pub async fn external_secret(&self, name: &str, spec: &Value) {
        let body = external_secret(name, spec);
        self.create(&folder(NS, "externalsecrets"), &body).await;
    }

    /// The decoded data of a Secret in [`NS`].
    pub async fn data(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.get(&path(NS, "secrets", name)).await.map(|s| data(&s))
    }

    /// Whether all of [`NS`] is Ready.
    pub async fn all_ready(&self) -> bool {
        let list = self.get(&folder(NS, "externalsecrets")).await.unwrap();
        let items = list["items"].as_array().unwrap();
        items.iter().all(|item| ready(item).0 == "True")
    }

    /// Waits until all of [`NS`] is Ready.
    pub async fn until_ready(&self) {
        eventually("all to be Ready", SOON, || self.all_ready()).await;
    }

    /// What the controllers changed so far, the Lease left out.
    pub fn writes(&self) -> Vec<RequestRecord> {
        let mut requests = self.requests();
        requests.retain(|request| request.is_write() && request.resource != "leases");
        requests
    }

    /// What the controllers asked so far.
    pub fn requests(&self) -> Vec<RequestRecord> {
        let mut requests = self.kubebox.requests();
        requests.retain(|request| request.user_agent.starts_with("tidegate"));
        requests
    }

    /// Forgets requests and calls so far.
    pub fn count_from_here(&self) {
        self.kubebox.clear_requests();
        self.depot.forget_calls();
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Lets virtual time pass.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits in virtual time until `probe` says yes.
pub async fn eventually<F: Future<Output = bool>>(
    what: &str,
    longest: Duration,
    mut probe: impl FnMut() -> F,
) {
    let wait = async {
        while !probe().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let done = tokio::time::timeout(longest, wait).await.is_ok();
    assert!(done, "waited in vain for {what}");
}

/// An ExternalSecret that takes whole values of the store `depot`.
pub fn extract(keys: &[&str], interval: &str) -> Value {
    let entries: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "extract": { "key": key } }))
        .collect();
    json!({
        "refreshInterval": interval,
        "secretStoreRef": { "name": "depot" },
        "dataFrom": entries,
    })
}

/// A whole ExternalSecret.
pub fn external_secret(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": name }, "spec": spec })
}

/// The path of a kind in a namespace.
pub fn folder(namespace: &str, plural: &str) -> String {
    let root = match plural {
        "secrets" => "/api/v1",
        "leases" => "/apis/coordination.k8s.io/v1",
        _ => "/apis/external-secrets.io/v1",
    };
    format!("{root}/namespaces/{namespace}/{plural}")
}

/// The path of an object.
pub fn path(namespace: &str, plural: &str, name: &str) -> String {
    format!("{}/{name}", folder(namespace, plural))
}

/// Decoded data of a Secret.
pub fn data(secret: &Value) -> BTreeMap<String, String> {
    let data = secret["data"].as_object().cloned().unwrap_or_default();
    let text = |value: &Value| {
        String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
    };
    data.iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// Status, reason and message of the Ready condition; empty without one.
pub fn ready(object: &Value) -> (String, String, String) {
    let conditions = object["status"]["conditions"].as_array().cloned();
    let mut conditions = conditions.unwrap_or_default().into_iter();
    let found = conditions.rfind(|condition| condition["type"] == "Ready");
    let found = found.unwrap_or_default();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

/// Random bytes that repeat by seed.
fn entropy(seed: u64) -> Entropy {
    let random = Mutex::new(Random::new(seed.rotate_left(7)));
    Entropy::new(move || {
        let mut random = random.lock().unwrap();
        let mut bytes = Zeroizing::new([0; 32]);
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&random.next().to_le_bytes());
        }
        Some(bytes)
    })
}

fn arguments(flags: &[&str]) -> ControllerArgs {
    let args = ["tidegate", "controller"].iter().chain(flags);
    match Cli::try_parse_from(args).unwrap().command {
        Command::Controller(args) => *args,
        other => panic!("not the controller: {other:?}"),
    }
}

/// The CRDs as JSON, made once per test binary.
fn crds() -> &'static [Vec<u8>] {
    static CRDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    CRDS.get_or_init(|| {
        let crds = tidegate_api::crd::crds();
        crds.iter()
            .map(|crd| serde_json::to_vec(crd).unwrap())
            .collect()
    })
}
