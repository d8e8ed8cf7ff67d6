//! Shell. Real servers for the benches, and batches of ExternalSecrets on them.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_testservers::{
    AppRole, ControlPlane, ControlPlaneOptions, Http, TIDEGATE, Vault, VaultOptions,
};
use tokio::task::JoinSet;

use crate::manifests;

/// What a bench does not expect ends it.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Namespaces of one batch.
pub const NAMESPACES: usize = 50;
/// ExternalSecrets per path in Vault.
const PER_PATH: usize = 4;
/// Requests in flight while a batch is prepared or removed; not part of any measure.
const WIDTH: usize = 16;
/// How often the audit log is looked at.
pub const TICK: Duration = Duration::from_millis(250);
const GROUP: &str = "/apis/external-secrets.io/v1";

/// API server, etcd and Vault with one ClusterSecretStore; no kube-controller-manager.
pub struct Storm {
    /// API server and etcd.
    pub plane: ControlPlane,
    /// The API server as an administrator.
    pub admin: Http,
    vault: Vault,
}

/// ExternalSecrets made together.
pub struct Batch {
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// The objects: namespace, name, UID.
    pub objects: Vec<(String, String, String)>,
}

impl Storm {
    /// Starts the servers, with values at as many paths as `objects` need.
    pub async fn start(objects: usize) -> Outcome<Self> {
        let plane = ControlPlane::start(ControlPlaneOptions::default().without_controllers());
        let (plane, vault) = (plane.await?, Vault::start(VaultOptions::default()).await?);
        let admin = plane.api(tidegate_testservers::ADMIN)?;
        manifests::install(&admin).await;
        vault.enable_kv("secret", 2).await?;
        for path in 0..objects.div_ceil(PER_PATH) {
            let value = json!({ "a": format!("value-{path}"), "b": "b" });
            vault.put("secret", &format!("app/{path}"), &value).await?;
        }
        let storm = Self {
            plane,
            admin,
            vault,
        };
        storm.store().await?;
        Ok(storm)
    }

    async fn store(&self) -> Outcome<()> {
        let vault = &self.vault;
        let policy = "path \"secret/data/app/*\" { capabilities = [\"read\"] }";
        vault.policy("bench", policy).await?;
        let role = AppRole {
            name: "bench".into(),
            policies: vec!["bench".into()],
            ..AppRole::default()
        };
        let (role_id, secret_id) = vault.approle("approle", &role).await?;
        self.namespace("bench").await?;
        let secret = json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "approle" }, "stringData": { "id": secret_id } });
        let secrets = "/api/v1/namespaces/bench/secrets";
        self.admin.post(secrets, &secret).await?.ok()?;
        let auth = json!({ "appRole": { "path": "approle", "roleId": role_id,
            "secretRef": { "name": "approle", "key": "id", "namespace": "bench" } } });
        let provider = json!({ "vault": { "server": vault.addr(), "path": "secret",
            "version": "v2", "auth": auth } });
        let store = json!({ "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore", "metadata": { "name": "vault" },
            "spec": { "provider": provider } });
        let stores = format!("{GROUP}/clustersecretstores");
        self.admin.post(&stores, &store).await?.ok()?;
        Ok(())
    }

    async fn namespace(&self, name: &str) -> Outcome<()> {
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.admin.post("/api/v1/namespaces", &body).await?.ok()?;
        Ok(())
    }

    /// Makes `objects` ExternalSecrets with two properties each in namespaces of their own.
    pub async fn batch(&self, name: &str, objects: usize) -> Outcome<Batch> {
        let mut namespaces = Vec::with_capacity(NAMESPACES);
        for number in 0..NAMESPACES {
            let namespace = format!("{name}-{number}");
            self.namespace(&namespace).await?;
            namespaces.push(namespace);
        }
        let paths = objects.div_ceil(PER_PATH).max(1);
        let work = (0..objects).map(|number| {
            let namespace = namespaces[number % NAMESPACES].clone();
            create(self.admin.clone(), namespace, number, number % paths)
        });
        let objects = in_parallel(work).await?;
        Ok(Batch {
            namespaces,
            objects,
        })
    }

    /// Deletes the ExternalSecrets and Secrets of a batch; its namespaces stay, empty.
    pub async fn remove(&self, batch: Batch) -> Outcome<()> {
        let work = batch.namespaces.into_iter().map(|namespace| {
            let admin = self.admin.clone();
            async move {
                let objects = format!("{GROUP}/namespaces/{namespace}/externalsecrets");
                admin.delete(&objects).await?.ok()?;
                let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
                admin.delete(&secrets).await?.ok()?;
                Ok(())
            }
        });
        in_parallel(work).await.map(drop)
    }

    /// How many objects of a batch are Ready.
    pub async fn ready(&self, batch: &Batch) -> Outcome<usize> {
        let mut ready = 0;
        for namespace in &batch.namespaces {
            let path = format!("{GROUP}/namespaces/{namespace}/externalsecrets?resourceVersion=0");
            let list = self.admin.get(&path).await?.ok()?;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let is_ready = |item: &&Value| item["status"]["conditions"][0]["status"] == "True";
            ready += items.iter().filter(is_ready).count();
        }
        Ok(ready)
    }

    /// Flags of a controller of these servers, after the program's name.
    pub fn flags(&self, lease: &str, admin_addr: &str) -> Outcome<Vec<String>> {
        let kubeconfig = self.plane.kubeconfig_path(TIDEGATE)?;
        let flags = ["controller", "--admin-addr", admin_addr];
        let lease = ["--lease-namespace", "default", "--lease-name", lease];
        let mut flags: Vec<String> = flags.iter().chain(&lease).map(|f| (*f).into()).collect();
        flags.extend(["--kubeconfig".into(), kubeconfig.display().to_string()]);
        Ok(flags)
    }

    /// Follows what the controller writes from now on.
    pub fn progress(&self) -> Outcome<Progress> {
        let mut file = File::open(self.plane.audit_log_path())?;
        file.seek(SeekFrom::End(0))?;
        Ok(Progress {
            file,
            rest: Vec::new(),
            secrets: Milestone::default(),
            statuses: Milestone::default(),
        })
    }

    /// Waits until every object of a batch is Ready. The waiting itself asks the API server for
    /// nothing until the audit log shows as many status writes as there are objects.
    pub async fn all_ready(&self, batch: &Batch, progress: &mut Progress) -> Outcome<()> {
        loop {
            tokio::time::sleep(TICK).await;
            progress.read()?;
            let objects = batch.objects.len();
            if progress.statuses.count >= objects && self.ready(batch).await? == objects {
                return Ok(());
            }
        }
    }
}

/// Successful writes of one sort.
#[derive(Default)]
pub struct Milestone {
    /// How many.
    pub count: usize,
    /// When the first of them was answered, by the API server's clock.
    pub first: Option<jiff::Timestamp>,
    /// When the last of them was answered.
    pub last: Option<jiff::Timestamp>,
}

/// The controller's writes as the audit log tells them: reading a file loads no server.
pub struct Progress {
    file: File,
    rest: Vec<u8>,
    /// Secrets created.
    pub secrets: Milestone,
    /// Statuses of ExternalSecrets.
    pub statuses: Milestone,
}

impl Progress {
    /// Reads what was logged since the last look.
    pub fn read(&mut self) -> Outcome<()> {
        self.file.read_to_end(&mut self.rest)?;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n');
        let end = end.map_or(0, |end| end + 1);
        let text: Vec<u8> = self.rest.drain(..end).collect();
        let lines = text.split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            self.line(&serde_json::from_slice(line)?)?;
        }
        Ok(())
    }

    fn line(&mut self, event: &Value) -> Outcome<()> {
        let code = event["responseStatus"]["code"].as_u64().unwrap_or_default();
        let ours = event["user"]["username"] == TIDEGATE && (200..300).contains(&code);
        if !ours || event["stage"] != "ResponseComplete" {
            return Ok(());
        }
        let about = &event["objectRef"];
        let milestone = match (event["verb"].as_str(), about["resource"].as_str()) {
            (Some("create"), Some("secrets")) => &mut self.secrets,
            (Some("patch"), Some("externalsecrets")) if about["subresource"] == "status" => {
                &mut self.statuses
            }
            _ => return Ok(()),
        };
        let at = event["stageTimestamp"].as_str().unwrap_or_default();
        let at: jiff::Timestamp = at.parse()?;
        milestone.count += 1;
        milestone.first = Some(milestone.first.map_or(at, |first| first.min(at)));
        milestone.last = milestone.last.max(Some(at));
        Ok(())
    }
}

async fn create(
    admin: Http,
    namespace: String,
    number: usize,
    path: usize,
) -> Outcome<(String, String, String)> {
    let entry = |secret_key: &str, property: &str| {
        json!({ "secretKey": secret_key,
                "remoteRef": { "key": format!("app/{path}"), "property": property } })
    };
    let name = format!("es-{number}");
    let body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": name }, "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": { "name": "vault", "kind": "ClusterSecretStore" },
            "data": [entry("one", "a"), entry("two", "b")] } });
    let folder = format!("{GROUP}/namespaces/{namespace}/externalsecrets");
    let made = admin.post(&folder, &body).await?.ok()?;
    let uid = made["metadata"]["uid"].as_str().unwrap_or_default();
    Ok((namespace, name, uid.to_owned()))
}

async fn in_parallel<T: Send + 'static>(
    work: impl Iterator<Item = impl Future<Output = Outcome<T>> + Send + 'static>,
) -> Outcome<Vec<T>> {
    let (mut tasks, mut done) = (JoinSet::new(), Vec::new());
    for one in work {
        if tasks.len() == WIDTH
            && let Some(ended) = tasks.join_next().await
        {
            done.push(ended??);
        }
        tasks.spawn(one);
    }
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
    }
    Ok(done)
}

/// The number after `flag` on the command line.
pub fn number(flag: &str, default: usize) -> Outcome<usize> {
    let mut args = std::env::args().skip_while(|arg| arg != flag).skip(1);
    Ok(args.next().map_or(Ok(default), |value| value.parse())?)
}

/// What to say at the top of every output: how far the figures may be carried over.
pub fn conditions() -> Outcome<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "{cores} cores shared by everything, load {load}; etcd runs with --unsafe-no-fsync, \
         the API server writes an audit log, no kube-controller-manager"
    ))
}

/// Runs a bench under `cargo bench` only: `cargo test --all-targets` starts benches as well.
pub fn main<F: Future<Output = Outcome<()>>>(bench: impl FnOnce() -> F) -> Outcome<()> {
    if !std::env::args().any(|arg| arg == "--bench") {
        return print("skipped: this measures for minutes; run it with `cargo bench`\n");
    }
    tidegate::run::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(bench())
}

/// Prints to standard output.
pub fn print(text: &str) -> Outcome<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
