//! Shell. Two Vaults, three plugins and an API server whose resources each have a key of their own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_testservers::{
    ADMIN, ApiServer, ControlPlane, ControlPlaneOptions, Vault, VaultOptions,
};

use super::objects::{GROUP, Objects, kind};
use super::probe::{Pair, Probe, wait_until};
use super::relay::Relay;
use super::rows::{ROWS, Row};
use crate::plugin::{Folder, MARKER, Plugin, contains, until};

const AN_HOUR: Duration = Duration::from_secs(3600);
/// What Status told holds for an Encrypt within ten seconds.
const PIN: Duration = Duration::from_secs(9);

/// Everything that runs. The folder `many` has the sockets of all rows but two.
pub struct Stage {
    pub plane: ControlPlane,
    pub vault: Vault,
    pub sealing: Vault,
    pub cut: Relay,
    pub slow: Relay,
    pub many: Folder,
    pub absent: (Folder, Option<Plugin>),
    pub hanging: (Folder, Plugin),
    /// When the key files of `many` were made.
    pub made: SystemTime,
    probe: Arc<Probe>,
    encryption: PathBuf,
    _plugin: Plugin,
}

/// One API server, as an administrator sees it.
pub struct Server {
    api: tidegate_testservers::Http,
    text: reqwest::Client,
    url: String,
    token: String,
    another: Option<ApiServer>,
}

impl Stage {
    pub async fn start() -> Self {
        let (vault, sealing) = tokio::join!(
            Vault::start(VaultOptions::default()),
            Vault::start(VaultOptions::default())
        );
        let (vault, sealing) = (vault.unwrap(), sealing.unwrap());
        let (cut, slow) = (Relay::to(vault.addr()).await, Relay::to(vault.addr()).await);
        let many = Folder::new();
        let mut services = Vec::new();
        for name in [
            "encrypt-denied",
            "decrypt-denied",
            "deleted",
            "disabled",
            "throttled",
        ] {
            services.push(transit(&many, &vault, name, vault.addr()).await);
        }
        services.push(transit(&many, &vault, "cut", &cut.url).await);
        services.push(transit(&many, &vault, "slow", &slow.url).await);
        for name in ["sealed", "unhealthy", "hierarchy"] {
            services.push(transit(&many, &sealing, name, sealing.addr()).await);
        }
        let made = SystemTime::now() - AN_HOUR;
        for name in ["wrong-key", "corrupted", "mid-probe"] {
            std::fs::create_dir(many.path(name)).unwrap();
            many.key_in(name, "one", 1, made);
            services.push(local(&many, name));
        }
        for service in &mut services {
            adapt(service);
        }
        let config = many.write("kms.json", json!({ "services": services }).to_string());
        let plugin = Plugin::start(&many, &["--config", config.to_str().unwrap()]);
        let (absent, hanging) = (Folder::new(), Folder::new());
        absent.key("one", 1, AN_HOUR);
        hanging.key("one", 1, AN_HOUR);
        let plugins = (Plugin::local(&absent), Plugin::local(&hanging));
        let probe = Probe::start(&many.path("relay.sock"), many.path("mid-probe.sock"));
        let sockets = |row: &Row| match row.name {
            "absent" => absent.path("kms.sock"),
            "hanging" => hanging.path("kms.sock"),
            "mid-probe" => many.path("relay.sock"),
            name => many.path(&format!("{name}.sock")),
        };
        let encryption = many.write("encryption.json", encryption(sockets).to_string());
        let options = ControlPlaneOptions::default()
            .without_controllers()
            .apiserver_arg(flag(&encryption));
        let plane = ControlPlane::start(options).await.unwrap();
        define(&plane).await;
        Self {
            plane,
            vault,
            sealing,
            cut,
            slow,
            many,
            absent: (absent, Some(plugins.0)),
            hanging: (hanging, plugins.1),
            made,
            probe,
            encryption,
            _plugin: plugin,
        }
    }

    /// The API server that was there before the failures.
    pub fn first(&self) -> Server {
        self.server(self.plane.url().to_owned(), None)
    }

    /// One that starts now; it need not be ready.
    pub async fn second(&self) -> Server {
        let extra = [flag(&self.encryption)];
        let served = format!("/apis/{GROUP}/v1");
        let another = self.plane.another_apiserver_until(&extra, &[&served]).await;
        let another = another.unwrap();
        self.server(another.url().to_owned(), Some(another))
    }

    /// The same one as a new process, once it is ready.
    pub async fn restarted(&self, mut server: Server) -> Server {
        let mut another = server.another.take().unwrap();
        let extra = [flag(&self.encryption)];
        self.plane
            .restart_another(&mut another, &extra)
            .await
            .unwrap();
        self.server(another.url().to_owned(), Some(another))
    }

    fn server(&self, url: String, another: Option<ApiServer>) -> Server {
        let ca = reqwest::Certificate::from_pem(self.plane.ca_pem().as_bytes()).unwrap();
        let text = reqwest::Client::builder().no_proxy().tls_certs_only([ca]);
        Server {
            api: self.plane.api(ADMIN).unwrap().at(&url),
            text: text.build().unwrap(),
            url,
            token: self.plane.token(ADMIN).unwrap().to_owned(),
            another,
        }
    }

    /// Rotates the key between a Status and the Encrypt that follows it, and sees that the seed is
    /// under the version that Status told. On a machine that stands still for seconds the moment
    /// can be missed; then it is tried again.
    pub async fn rotate_in_a_probe(&self, server: &Server) {
        for attempt in 0..5 {
            // Two versions to come: an API server that has not seen the first of them yet must
            // call Encrypt for it, and meanwhile the second becomes active.
            let now = SystemTime::now();
            let (one, two) = (now + Duration::from_secs(30), now + Duration::from_secs(60));
            self.many
                .key_in("mid-probe", &format!("{attempt}-a"), 2 + 2 * attempt, one);
            self.many
                .key_in("mid-probe", &format!("{attempt}-b"), 3 + 2 * attempt, two);
            wait_until(one - Duration::from_secs(1)).await;
            let before = self.probe.answers().len();
            // Version times are whole seconds, and the delay of this service is one second.
            self.probe.hold_around(Some(two + Duration::from_secs(1)));
            let over = two + Duration::from_secs(10);
            until("a probe around the rotation", async || {
                // Asking for readiness begins a probe, unless one is under way.
                let _held = server.readyz().await;
                !self.probe.pairs(before).is_empty() || SystemTime::now() > over
            })
            .await;
            self.probe.hold_around(None);
            for Pair { told, used } in self.probe.pairs(before) {
                if used.at - told.at < PIN && self.told_another(server, &told.key_id).await {
                    assert_eq!(told.key_id, used.key_id, "a seed of two versions");
                    return;
                }
            }
        }
        panic!("no rotation fell into a probe: {:?}", self.probe.answers());
    }

    /// Waits for the next Status, and says whether the key id is another than `before`.
    async fn told_another(&self, server: &Server, before: &str) -> bool {
        let seen = self.probe.answers().len();
        let next = || {
            let mut answers = self.probe.answers().split_off(seen).into_iter();
            answers.find(|answer| answer.method == "Status")
        };
        until("the next Status", async || {
            let _probed = server.readyz().await;
            next().is_some()
        })
        .await;
        next().is_some_and(|answer| answer.key_id != before)
    }

    /// The names of what the row's writer has in etcd, where nothing is in the clear.
    pub async fn written(&self, row: &Row) -> BTreeSet<String> {
        let prefix = format!("/registry/{GROUP}/{}/default/", row.name);
        let mut end = prefix.clone();
        end.pop();
        end.push('0');
        let range = json!({ "key": STANDARD.encode(&prefix), "range_end": STANDARD.encode(end) });
        let etcd = self
            .plane
            .api(ADMIN)
            .unwrap()
            .at(&self.plane.etcd_endpoint());
        let answer = etcd.post("/v3/kv/range", &range).await.unwrap();
        let mut written = BTreeSet::new();
        for pair in answer.body["kvs"].as_array().unwrap() {
            let bytes = |field: &str| STANDARD.decode(pair[field].as_str().unwrap()).unwrap();
            let value = bytes("value");
            let expected = format!("k8s:enc:kms:v2:{}:", row.name);
            assert!(value.starts_with(expected.as_bytes()), "{row:?}");
            assert!(!contains(&value, MARKER), "{row:?}");
            let key = String::from_utf8(bytes("key")).unwrap();
            let name = key.strip_prefix(&prefix).unwrap().to_owned();
            if name.starts_with("w-") {
                written.insert(name);
            }
        }
        written
    }
}

impl Server {
    pub fn objects(&self, row: &Row) -> Objects {
        Objects::new(self.api.clone(), row.name)
    }

    /// A client of it.
    pub fn api(&self) -> tidegate_testservers::Http {
        self.api.clone()
    }

    /// What readiness says of all providers.
    pub async fn readyz(&self) -> String {
        self.get("/readyz/kms-providers").await
    }

    /// The API server's metrics of calls to plugins, by provider, method and gRPC code.
    pub async fn counted_codes(&self) -> String {
        let text = self.get("/metrics").await;
        let name = "apiserver_envelope_encryption_kms_operations_latency_seconds_count";
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn get(&self, path: &str) -> String {
        let request = self.text.get(format!("{}{path}", self.url));
        // A readiness that takes the API server too long has no answer.
        match request.bearer_auth(&self.token).send().await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }
}

fn flag(encryption: &std::path::Path) -> String {
    format!("--encryption-provider-config={}", encryption.display())
}

/// One resource, provider and socket per row.
fn encryption(socket: impl Fn(&Row) -> PathBuf) -> Value {
    let resource = |row: &Row| {
        // The relay of this row holds calls for longer than the default.
        let timeout = if row.name == "mid-probe" {
            "120s"
        } else {
            "3s"
        };
        let kms = json!({
            "apiVersion": "v2", "name": row.name, "timeout": timeout,
            "endpoint": format!("unix://{}", socket(row).display()),
        });
        json!({
            "resources": [format!("{}.{GROUP}", row.name)],
            "providers": [{ "kms": kms }, { "identity": {} }],
        })
    };
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": ROWS.iter().map(resource).collect::<Vec<_>>(),
    })
}

/// Defines the resource of each row and waits until it is served.
async fn define(plane: &ControlPlane) {
    let api = plane.api(ADMIN).unwrap();
    for row in &ROWS {
        let kind = kind(row.name);
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{}.{GROUP}", row.name) },
            "spec": {
                "group": GROUP, "scope": "Namespaced",
                "names": { "plural": row.name, "singular": row.name, "kind": kind },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object", "properties": { "value": { "type": "string" } },
                    } },
                }],
            },
        });
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        api.post(path, &crd).await.unwrap().ok().unwrap();
    }
    for row in &ROWS {
        let objects = Objects::new(api.clone(), row.name);
        until(row.name, async || objects.list().await.is_ok()).await;
    }
}

/// A key of its own in an engine of its own, with a token that may use it.
async fn transit(folder: &Folder, vault: &Vault, name: &str, address: &str) -> Value {
    let mount = json!({ "type": "transit" });
    vault
        .write(&format!("sys/mounts/{name}"), &mount)
        .await
        .unwrap();
    let key = json!({ "exportable": true, "allow_plaintext_backup": true });
    vault
        .write(&format!("{name}/keys/{name}"), &key)
        .await
        .unwrap();
    vault
        .policy(name, &policy(name, &["encrypt", "decrypt"]))
        .await
        .unwrap();
    let token = vault.token(&[name], "24h").await.unwrap();
    let token = folder.write(&format!("{name}.token"), token);
    json!({
        "name": name,
        "socket": folder.path(&format!("{name}.sock")),
        "transit": {
            "endpoints": [address], "mount": name, "key": name,
            "login": { "token": { "file": token } },
        },
    })
}

/// What the plugin needs of Vault, less what is not in `calls`.
pub fn policy(name: &str, calls: &[&str]) -> String {
    let mut text = format!("path \"{name}/keys/{name}\" {{ capabilities = [\"read\"] }}\n");
    for call in calls {
        text += &format!("path \"{name}/{call}/{name}\" {{ capabilities = [\"update\"] }}\n");
    }
    text
}

fn local(folder: &Folder, name: &str) -> Value {
    json!({
        "name": name,
        "socket": folder.path(&format!("{name}.sock")),
        "local": { "folder": folder.path(name) },
    })
}

fn adapt(service: &mut Value) {
    for (name, value) in [
        ("grace", "1s"),
        ("activation-delay", "1s"),
        ("deep-probe-interval", "1s"),
    ] {
        service[name] = value.into();
    }
    match service["name"].as_str().unwrap() {
        "sealed" | "cut" => service["offline"] = "strict".into(),
        "hierarchy" => service["local-hierarchy"] = true.into(),
        _ => {}
    }
}
