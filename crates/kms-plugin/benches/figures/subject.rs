//! Shell. The plugin as its users run it, on a core of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Value, json};
use tidegate_kms::proto::{StatusRequest, StatusResponse};

use crate::client::Client;
use crate::report::Outcome;

/// The cores of the plugin and of the client.
const PLUGIN: usize = 0;
const CLIENT: usize = 1;

/// A running plugin; it is killed when it is dropped.
pub struct Subject {
    child: Child,
    folder: tempfile::TempDir,
}

/// Keeps this thread to the client's core.
pub fn pin_client() -> Outcome<()> {
    pin(None, CLIENT)
}

/// Keeps this thread to the plugin's core: where one call follows the other, the two never run at
/// once, and Vault has the other core for itself.
pub fn pin_client_to_plugin() -> Outcome<()> {
    pin(None, PLUGIN)
}

/// Keeps all threads of another process to the client's core, so that it takes nothing from the
/// plugin's.
pub fn pin_beside_client(process: u32) -> Outcome<()> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = thread?.file_name();
        let id = thread.to_str().ok_or("no thread id")?.parse()?;
        pin(Pid::from_raw(id), CLIENT)?;
    }
    Ok(())
}

fn pin(pid: Option<Pid>, core: usize) -> Outcome<()> {
    let cores = std::thread::available_parallelism()?.get();
    let mut set = CpuSet::new();
    set.set(core % cores);
    Ok(sched_setaffinity(pid, &set)?)
}

impl Subject {
    /// One with a key file.
    pub async fn local() -> Outcome<Self> {
        let folder = folder()?;
        let keys = folder.path().join("keys");
        fs::create_dir(&keys)?;
        write(&keys.join("one.key"), &[7; 32])?;
        Self::start(folder, json!({ "local": { "folder": keys } })).await
    }

    /// One with a Transit key, which keeps `kept` seeds in memory.
    pub async fn transit(address: &str, token: &str, kept: usize) -> Outcome<Self> {
        let folder = folder()?;
        let file = folder.path().join("token");
        write(&file, token.as_bytes())?;
        let transit = json!({
            "endpoints": [address], "key": "kms", "login": { "token": { "file": file } },
        });
        let service = json!({
            "transit": transit, "unwrap-cache": kept,
            "deep-probe-interval": "1h", "revocation-horizon": "24h",
        });
        Self::start(folder, service).await
    }

    async fn start(folder: tempfile::TempDir, mut service: Value) -> Outcome<Self> {
        service["name"] = "bench".into();
        service["socket"] = json!(folder.path().join("kms.sock"));
        let config = folder.path().join("kms.json");
        write(
            &config,
            json!({ "services": [service] }).to_string().as_bytes(),
        )?;
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate-kms"))
            .args(["--log-level", "error", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .spawn()?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        pin(pid, PLUGIN)?;
        let subject = Self { child, folder };
        // As long as a start may take that is worth a figure.
        for _ in 0..5_000 {
            if subject.is_ready().await.is_ok() {
                return Ok(subject);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("the plugin does not start".into())
    }

    async fn is_ready(&self) -> Outcome<()> {
        let client = self.client().await?;
        let _told: StatusResponse = client.call("Status", &StatusRequest {}).await?;
        Ok(())
    }

    pub async fn client(&self) -> Outcome<Client> {
        Client::connect(&self.folder.path().join("kms.sock")).await
    }

    /// Its memory in MiB: the most it ever had, and now.
    pub fn memory(&self) -> Outcome<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Outcome<f64> {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(number.ok_or("no such line")?.parse::<f64>()? / 1024.0)
        };
        Ok((field("VmHWM:")?, field("VmRSS:")?))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> Outcome<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let path: PathBuf = path.to_owned();
    fs::write(&path, bytes)?;
    Ok(fs::set_permissions(
        &path,
        fs::Permissions::from_mode(0o600),
    )?)
}
