//! Shell. Benchmark: what encryption costs an API server, as a ratio from one run.
//!
//! `cargo bench -p tidegate-kms-plugin --bench overhead`. Two control planes, one of them encrypts
//! Secrets with the plugin; both are asked the same in turn, and the medians are compared.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};

use report::{Outcome, Report};

#[path = "figures/report.rs"]
#[allow(dead_code, reason = "shared with the benchmark of the plugin alone")]
mod report;

/// Rounds; in each, both servers are asked in turn.
const ROUNDS: usize = 200;
/// Secrets of a list.
const LISTED: usize = 500;
const LISTS: usize = 30;
/// What upstream accepted of its own measurement.
const MOST: f64 = 1.2;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(bench())
}

/// One control plane, and a client of it.
struct Side {
    plane: ControlPlane,
    client: reqwest::Client,
}

struct Plugin(Child);

impl Drop for Plugin {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn bench() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
    let _plugin = plugin(folder.path())?;
    let config = encryption(folder.path())?;
    let plain = Side::start(None).await?;
    let encrypted = Side::start(Some(&config)).await?;
    let sides = [&plain, &encrypted];
    let mut report = Report::default();
    let mut times: [[Vec<Duration>; 2]; 3] = Default::default();
    for round in 0..ROUNDS {
        // Who is first changes, so that what one leaves behind hits both.
        for turn in 0..2 {
            let side = (round + turn) % 2;
            let name = format!("bench-{round}");
            let [posts, gets, _] = &mut times;
            posts[side].push(sides[side].post(&name).await?);
            gets[side].push(sides[side].get(&format!("/{name}")).await?);
        }
    }
    for side in sides {
        for number in ROUNDS..LISTED {
            side.post(&format!("bench-{number}")).await?;
        }
        side.is_stored(side.plane.url() == encrypted.plane.url())
            .await?;
    }
    for round in 0..LISTS {
        for turn in 0..2 {
            let side = (round + turn) % 2;
            times[2][side].push(sides[side].get("").await?);
        }
    }
    for (what, [plain, encrypted]) in ["POST", "GET", "LIST of 500"].iter().zip(&mut times) {
        let [plain, encrypted] = [median(plain), median(encrypted)];
        let shown = format!("{what}: {encrypted:.2} ms over {plain:.2} ms");
        report.at_most("files", &shown, encrypted / plain, MOST);
    }
    writeln!(
        std::io::stdout(),
        "\nmedians with over without encryption; target: upstream's own"
    )?;
    report.print()
}

/// In milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1000.0
}

impl Side {
    async fn start(encryption: Option<&str>) -> Outcome<Self> {
        let mut options = ControlPlaneOptions::default().without_controllers();
        if let Some(file) = encryption {
            options = options.apiserver_arg(format!("--encryption-provider-config={file}"));
        }
        let plane = ControlPlane::start(options).await?;
        let ca = reqwest::Certificate::from_pem(plane.ca_pem().as_bytes())?;
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([ca]);
        Ok(Self {
            plane,
            client: client.build()?,
        })
    }

    async fn post(&self, name: &str) -> Outcome<Duration> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
            "stringData": { "value": "v".repeat(1024) },
        });
        self.send(Method::POST, "", Some(&secret)).await
    }

    async fn get(&self, rest: &str) -> Outcome<Duration> {
        self.send(Method::GET, rest, None).await
    }

    async fn send(&self, method: Method, rest: &str, body: Option<&Value>) -> Outcome<Duration> {
        let url = format!(
            "{}/api/v1/namespaces/default/secrets{rest}",
            self.plane.url()
        );
        let mut request = self.client.request(method, url);
        request = request.bearer_auth(self.plane.token(ADMIN)?);
        if let Some(body) = body {
            request = request.json(body);
        }
        let began = Instant::now();
        let answer = request.send().await?.error_for_status()?;
        let _all = answer.bytes().await?;
        Ok(began.elapsed())
    }

    /// Makes sure that the two sides are what they are said to be.
    async fn is_stored(&self, encrypted: bool) -> Outcome<()> {
        let key = STANDARD.encode("/registry/secrets/default/bench-0");
        let etcd = self.plane.api(ADMIN)?.at(&self.plane.etcd_endpoint());
        let answer = etcd.post("/v3/kv/range", &json!({ "key": key })).await?;
        let value = answer.body["kvs"][0]["value"]
            .as_str()
            .ok_or("nothing stored")?;
        let has_prefix = STANDARD.decode(value)?.starts_with(b"k8s:enc:kms:v2:");
        if has_prefix == encrypted {
            Ok(())
        } else {
            Err("a side does not store as it should".into())
        }
    }
}

fn plugin(folder: &Path) -> Outcome<Plugin> {
    let keys = folder.join("keys");
    fs::create_dir(&keys)?;
    let key = keys.join("one.key");
    fs::write(&key, [7; 32])?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let child = Command::new(env!("CARGO_BIN_EXE_tidegate-kms"))
        .args(["--log-level", "error", "--socket"])
        .arg(folder.join("kms.sock"))
        .arg("--local-keys")
        .arg(keys)
        .stdout(Stdio::null())
        .spawn()?;
    Ok(Plugin(child))
}

fn encryption(folder: &Path) -> Outcome<String> {
    let endpoint = format!("unix://{}", folder.join("kms.sock").display());
    let kms = json!({ "apiVersion": "v2", "name": "tidegate", "endpoint": endpoint });
    let config = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{ "resources": ["secrets"], "providers": [{ "kms": kms }, { "identity": {} }] }],
    });
    let path = folder.join("encryption.json");
    fs::write(&path, config.to_string())?;
    Ok(path.display().to_string())
}
