//! Shell. A running plugin, and an API server that encrypts with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions, ServerError};

/// A private folder with a plugin's socket and files.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file for its owner alone.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Writes a key file that was made `age` ago.
    pub fn key(&self, name: &str, byte: u8, age: Duration) {
        self.key_in("keys", name, byte, SystemTime::now() - age);
    }

    /// Writes a key file that was or will be made at `made`.
    pub fn key_in(&self, folder: &str, name: &str, byte: u8, made: SystemTime) {
        let path = self.write(&format!("{folder}/{name}.key"), [byte; 32]);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(made)
            .unwrap();
    }

    /// The API server's configuration for the plugin's socket.
    pub fn encryption_config(&self) -> PathBuf {
        let socket = self.path("kms.sock");
        let kms = json!({
            "apiVersion": "v2", "name": "tidegate", "timeout": "3s",
            "endpoint": format!("unix://{}", socket.display()),
        });
        let config = json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{
                "resources": ["secrets", "configmaps"],
                "providers": [{ "kms": kms }, { "identity": {} }],
            }],
        });
        self.write("encryption.json", config.to_string())
    }
}

/// A running plugin; it is killed when it is dropped.
pub struct Plugin {
    child: Child,
    log: PathBuf,
}

impl Plugin {
    pub fn start(folder: &Folder, args: &[&str]) -> Self {
        let log = folder.path("plugin.log");
        let output = fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate-kms"))
            .args(args)
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub fn local(folder: &Folder) -> Self {
        let (socket, keys) = (folder.path("kms.sock"), folder.path("keys"));
        let args = [
            "--socket",
            socket.to_str().unwrap(),
            "--local-keys",
            keys.to_str().unwrap(),
        ];
        Self::start(folder, &args)
    }

    /// One service of a cloud, with quick settings.
    pub fn of_cloud(folder: &Folder, kind: &str, cloud: &Value, level: &str) -> Self {
        let service = json!({
            "name": kind,
            "socket": folder.path("kms.sock"),
            "activation-delay": "1s",
            "deep-probe-interval": "1s",
            // The servers share two cores: as much as the API server's 3 s leave.
            "attempt-timeout": "2500ms",
            "budget": "2900ms",
            kind: cloud,
        });
        let config = folder.write("kms.json", json!({ "services": [service] }).to_string());
        let config = config.to_str().unwrap();
        Self::start(folder, &["--config", config, "--log-level", level])
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An API server that encrypts Secrets and ConfigMaps with the plugin at `folder`'s socket.
pub async fn control_plane(folder: &Folder) -> ControlPlane {
    let config = folder.encryption_config();
    let options = ControlPlaneOptions::default()
        .without_controllers()
        .apiserver_arg(format!("--encryption-provider-config={}", config.display()))
        .apiserver_arg("--v=2");
    ControlPlane::start(options).await.unwrap()
}

pub const MARKER: &str = "marker-6f2b1a";

pub async fn create(plane: &ControlPlane, name: &str) -> Result<u16, ServerError> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name }, "stringData": { "value": format!("{MARKER}-{name}") },
    });
    let path = "/api/v1/namespaces/default/secrets";
    Ok(plane.api(ADMIN)?.post(path, &secret).await?.status)
}

/// What [`read`] answers for what [`create`] made.
pub fn value(name: &str) -> Result<String, u16> {
    Ok(format!("{MARKER}-{name}"))
}

/// Makes Secrets until one is stored under another key id than `before`.
pub async fn until_another_key(plane: &ControlPlane, before: &str) {
    let next = AtomicU32::new(0);
    until("another key is used", async || {
        let name = format!("r{}", next.fetch_add(1, Ordering::Relaxed));
        create(plane, &name).await.unwrap() == 201 && key_id(&stored(plane, &name).await) != before
    })
    .await;
}

/// The value of a Secret through the API server, or the status it answers.
pub async fn read(plane: &ControlPlane, name: &str) -> Result<String, u16> {
    let path = format!("/api/v1/namespaces/default/secrets/{name}");
    let answer = plane.api(ADMIN).unwrap().get(&path).await.unwrap();
    if answer.status != 200 {
        return Err(answer.status);
    }
    let value = answer.body["data"]["value"].as_str().unwrap();
    Ok(String::from_utf8(STANDARD.decode(value).unwrap()).unwrap())
}

/// Waits until a Secret is read: what must be unwrapped anew may take a second asking.
pub async fn until_read(plane: &ControlPlane, name: &str) {
    until("the Secret is read", async || {
        read(plane, name).await == value(name)
    })
    .await;
}

/// The bytes that etcd holds for a Secret.
pub async fn stored(plane: &ControlPlane, name: &str) -> Vec<u8> {
    let key = STANDARD.encode(format!("/registry/secrets/default/{name}"));
    let etcd = plane.api(ADMIN).unwrap().at(&plane.etcd_endpoint());
    let answer = etcd
        .post("/v3/kv/range", &json!({ "key": key }))
        .await
        .unwrap();
    let value = answer.body["kvs"][0]["value"].as_str().unwrap().to_owned();
    STANDARD.decode(value).unwrap()
}

/// True when `part` is somewhere in `bytes`.
pub fn contains(bytes: &[u8], part: &str) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window == part.as_bytes())
}

/// The key id inside a stored value.
pub fn key_id(stored: &[u8]) -> String {
    let at = stored
        .windows(4)
        .position(|window| window == b"tg2.")
        .unwrap();
    String::from_utf8(stored[at..at + 47].to_vec()).unwrap()
}

/// The text of `/readyz?verbose` about the plugin.
pub async fn readyz(plane: &ControlPlane) -> u16 {
    let path = "/readyz/kms-providers";
    plane
        .api(ADMIN)
        .unwrap()
        .get(path)
        .await
        .map_or(0, |answer| answer.status)
}

/// Waits until `wanted` holds; 150 s are more than any step of an API server needs.
pub async fn until(what: &str, wanted: impl AsyncFn() -> bool) {
    for _ in 0..1500 {
        if wanted().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within 150 s: {what}");
}

pub fn socket_is_there(path: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(path).is_ok()
}
