//! Shell. A control plane with an encryption configuration, the binary, and what is in etcd.

mod gate;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions, Http};

pub use gate::Gate;

/// In every value of every object: it may be nowhere but inside API servers.
pub const MARKER: &str = "marker-3f9c1b7e";

pub struct Bed {
    pub plane: ControlPlane,
    pub folder: TempDir,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

/// The program: the commands as `tidegate encryption` runs them, built by Cargo beside this test.
pub fn tidegate(args: &[&str]) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples/standalone");
    let mut command = Command::new(built);
    // No cluster of the machine's own may be found.
    command.env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    command.args(args).stdin(Stdio::null());
    command
}

fn ran(output: Output) -> Ran {
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    let told = format!("{}{}", ran.out, ran.err);
    assert!(!told.contains(MARKER), "a value was printed");
    ran
}

pub fn run(args: &[&str]) -> Ran {
    ran(tidegate(args).output().unwrap())
}

/// Waits for a started command; its streams must be piped.
pub fn wait(child: Child) -> Ran {
    ran(child.wait_with_output().unwrap())
}

/// A configuration for Secrets and ConfigMaps; keys are (cipher, name, byte).
pub fn config(keys: &[(&str, &str, u8)], identity: bool) -> String {
    use base64::Engine as _;
    let provider = |&(cipher, name, byte): &(&str, &str, u8)| {
        let secret = base64::engine::general_purpose::STANDARD.encode([byte; 32]);
        json!({ cipher: { "keys": [{ "name": name, "secret": secret }] } })
    };
    let mut providers: Vec<Value> = keys.iter().map(provider).collect();
    if identity {
        providers.push(json!({ "identity": {} }));
    }
    let config = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{ "resources": ["secrets", "configmaps"], "providers": providers }],
    });
    config.to_string()
}

pub fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Bed {
    /// A control plane that runs with a configuration.
    pub async fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("enc.yaml");
        write(&file, text);
        let mut options = ControlPlaneOptions::default().without_controllers();
        options.apiserver_args = flags(&file);
        let plane = ControlPlane::start(options).await.unwrap();
        Self { plane, folder }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("enc.yaml")
    }

    /// Replaces the configuration and restarts the API server with it.
    pub async fn change(&self, text: &str) {
        write(&self.file(), text);
        self.plane.restart_apiserver().await.unwrap();
    }

    pub fn admin(&self) -> Http {
        self.plane.api(ADMIN).unwrap()
    }

    /// Makes Secrets `prefix-0`… in `default`, each with the marker in it.
    pub async fn secrets(&self, prefix: &str, count: usize) {
        let api = self.admin();
        let make = |i: usize| {
            let api = api.clone();
            let secret = json!({
                "metadata": { "name": format!("{prefix}-{i:05}") },
                "stringData": { "value": MARKER },
            });
            async move {
                let path = "/api/v1/namespaces/default/secrets";
                api.post(path, &secret).await.unwrap().ok().unwrap();
            }
        };
        use futures::StreamExt as _;
        futures::stream::iter(0..count)
            .map(make)
            .buffer_unordered(16)
            .collect::<()>()
            .await;
    }

    /// Every flag that names the cluster, etcd and the configuration.
    pub fn all_flags(&self) -> Vec<String> {
        let mut flags = self.cluster_flags();
        flags.extend(["--etcd".to_owned(), self.plane.etcd_endpoint()]);
        flags.extend(["--config".to_owned(), self.file().display().to_string()]);
        flags
    }

    pub fn cluster_flags(&self) -> Vec<String> {
        let path = self.plane.kubeconfig_path(ADMIN).unwrap();
        vec!["--kubeconfig".to_owned(), path.display().to_string()]
    }

    /// Runs a subcommand with all flags and some more.
    pub fn run(&self, words: &[&str]) -> Ran {
        let flags = self.all_flags();
        let flags = flags.iter().map(String::as_str);
        run(&words.iter().copied().chain(flags).collect::<Vec<_>>())
    }

    /// What etcd holds of the Secrets of `default`, read by its HTTP gateway: key to prefix of
    /// the value and revision.
    pub async fn stored(&self) -> Vec<Stored> {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let (from, to) = ("/registry/secrets/default/", "/registry/secrets/default0");
        let body = json!({ "key": base64.encode(from), "range_end": base64.encode(to) });
        let http = self.admin().at(&self.plane.etcd_endpoint());
        let answer = http
            .post("/v3/kv/range", &body)
            .await
            .unwrap()
            .ok()
            .unwrap();
        let kvs = answer["kvs"].as_array().cloned().unwrap_or_default();
        let text = |kv: &Value, name: &str| {
            base64
                .decode(kv[name].as_str().unwrap_or_default())
                .unwrap()
        };
        kvs.iter()
            .map(|kv| Stored {
                name: String::from_utf8(text(kv, "key")).unwrap()[from.len()..].to_owned(),
                value: text(kv, "value"),
                revision: kv["mod_revision"].as_str().unwrap().parse().unwrap(),
            })
            .collect()
    }

    /// Puts raw bytes into etcd, past every API server.
    pub async fn put(&self, key: &str, value: &[u8]) {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let body = json!({ "key": base64.encode(key), "value": base64.encode(value) });
        let http = self.admin().at(&self.plane.etcd_endpoint());
        http.post("/v3/kv/put", &body).await.unwrap().ok().unwrap();
    }
}

pub struct Stored {
    pub name: String,
    pub value: Vec<u8>,
    pub revision: i64,
}

impl Stored {
    pub fn begins(&self, prefix: &str) -> bool {
        self.value.starts_with(prefix.as_bytes())
    }
}

pub fn flags(file: &Path) -> Vec<String> {
    vec![
        format!("--encryption-provider-config={}", file.display()),
        "--encryption-provider-config-automatic-reload=true".to_owned(),
    ]
}

/// The address of a proxy of the API server that leaves one metric out, as servers before 1.34
/// do: everything else, reloads and restarts too, is the real server's.
pub async fn without_metric(bed: &Bed, metric: &'static str) -> String {
    use axum::body::Bytes;
    use axum::http::{HeaderMap, Method, StatusCode, Uri};
    let ca = reqwest::Certificate::from_pem(bed.plane.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([ca])
        .build()
        .unwrap();
    let base = bed.plane.url().to_owned();
    let forward = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let mut request = client.request(method, format!("{base}{uri}")).body(body);
        for name in ["authorization", "accept", "content-type"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let Ok(answer) = request.send().await else {
            return (StatusCode::BAD_GATEWAY, String::new());
        };
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        let lines = text
            .lines()
            .filter(|line| uri.path() != "/metrics" || !line.contains(metric));
        (status, lines.collect::<Vec<_>>().join("\n"))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let proxy = axum::Router::new().fallback(forward);
    #[allow(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, proxy).await });
    url
}
