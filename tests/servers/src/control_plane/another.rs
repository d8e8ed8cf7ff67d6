//! Shell. Further API servers on the same etcd, and API servers that are expected to refuse.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{ADMIN, ControlPlane, flags};
use crate::cache::Cache;
use crate::error::ServerError;
use crate::port::Port;
use crate::process::Process;
use crate::{ensure, rt};

/// One more API server of a control plane; it ends when it is dropped. Drop it before the control
/// plane.
#[derive(Debug)]
pub struct ApiServer {
    process: Option<Process>,
    port: Port,
    url: String,
    name: &'static str,
}

/// Numbers the logs of further API servers.
static NEXT: AtomicU32 = AtomicU32::new(0);
/// How often the log of a server that should refuse is read.
const LOOK: Duration = Duration::from_millis(50);
/// Looks until a verdict must be there.
const LOOKS: u32 = 3_600;

impl ApiServer {
    /// Its own address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl ControlPlane {
    /// Starts one more API server on the same etcd, with the same keys and tokens and the given
    /// extra flags, and waits until it is ready.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn another_apiserver(&self, extra: &[String]) -> Result<ApiServer, ServerError> {
        self.another_apiserver_until(extra, &["/readyz"]).await
    }

    /// As [`ControlPlane::another_apiserver`], for a server that cannot be ready: it has started
    /// once all these paths answer 200.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn another_apiserver_until(
        &self,
        extra: &[String],
        paths: &[&str],
    ) -> Result<ApiServer, ServerError> {
        let port = Port::reserve(Cache::of_user()?.root())?;
        let url = format!("https://127.0.0.1:{}", port.number());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Process names live as long as the process: there are few of them.
        let name: &'static str = Box::leak(format!("kube-apiserver-{number}").into_boxed_str());
        let mut another = ApiServer {
            process: None,
            port,
            url,
            name,
        };
        self.start_another(&mut another, extra, paths).await?;
        Ok(another)
    }

    /// Ends a further API server and starts it again: same port, the given extra flags.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub async fn restart_another(
        &self,
        another: &mut ApiServer,
        extra: &[String],
    ) -> Result<(), ServerError> {
        if let Some(process) = another.process.take() {
            process.stop().await?;
        }
        self.start_another(another, extra, &["/readyz"]).await
    }

    async fn start_another(
        &self,
        another: &mut ApiServer,
        extra: &[String],
        paths: &[&str],
    ) -> Result<(), ServerError> {
        let program = ensure("kube-apiserver").await?;
        let args = self.another_args(another.port.number(), another.name, extra);
        let mut process = Process::start(another.name, &self.scratch, &program, &args)?;
        let api = self.api(ADMIN)?.at(&another.url);
        let ready = async || {
            for path in paths {
                if !matches!(api.get(path).await, Ok(answer) if answer.status == 200) {
                    return false;
                }
            }
            true
        };
        process.ready(&self.scratch, ready).await?;
        another.process = Some(process);
        Ok(())
    }

    fn another_args(&self, port: u16, name: &str, extra: &[String]) -> Vec<String> {
        flags::apiserver(&flags::Apiserver {
            url: self.url(),
            port,
            etcd: &self.etcd_endpoint(),
            files: self.files.dir(),
            audit_log: &self.scratch.log(&format!("{name}.audit.jsonl")),
            extra,
        })
    }

    /// What the last words contain when the API server went on with its configuration: it says so
    /// after it has read all of it. That etcd does not answer may be told before.
    pub const PASSED: &str = "Using reconciler: ";

    /// Starts an API server that is told to end at once for another reason (an etcd address that
    /// none is), and gives its last words: what it says of `extra` comes before that reason.
    ///
    /// # Errors
    /// When it cannot be started, or goes on running.
    pub async fn last_words_of_apiserver(&self, extra: &[String]) -> Result<String, ServerError> {
        let program = ensure("kube-apiserver").await?;
        let port = Port::reserve(Cache::of_user()?.root())?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name: &'static str = Box::leak(format!("kube-apiserver-{number}").into_boxed_str());
        let mut args = self.another_args(port.number(), name, extra);
        // Nothing listens there: whoever passes the configuration fails here, within seconds.
        args.retain(|flag| !flag.starts_with("--etcd-servers="));
        args.push("--etcd-servers=http://127.0.0.1:1".to_owned());
        let process = Process::start(name, &self.scratch, &program, &args)?;
        let path = self.scratch.log(&format!("{name}.log"));
        let mut text = String::new();
        for _ in 0..LOOKS {
            text = std::fs::read_to_string(&path).unwrap_or_default();
            if text.contains(Self::PASSED) || text.contains("\"command failed\"") {
                break;
            }
            rt::sleep(LOOK).await?;
        }
        process.kill().await?;
        Ok(text)
    }

    /// Address of etcd with TLS, which only a client certificate opens, and the files for it:
    /// authority, certificate, key.
    #[must_use]
    pub fn etcd_with_tls(&self) -> (String, [PathBuf; 3]) {
        let url = format!("https://127.0.0.1:{}", self.ports.etcd_tls.number());
        let files = ["etcd-ca.crt", "etcd.crt", "etcd.key"];
        (url, files.map(|name| self.files.dir().join(name)))
    }

    /// Copies etcd's data into a new folder, as a backup does, while etcd stands still.
    ///
    /// # Errors
    /// When etcd does not come up again, or the copy cannot be made.
    pub async fn etcd_backup(&self, to: &Path) -> Result<(), ServerError> {
        let process = self.etcd.lock().await.take();
        if let Some(process) = process {
            process.stop().await?;
        }
        copy(&self.scratch.data("etcd"), to)?;
        self.start_etcd(&ensure("etcd").await?).await
    }

    /// Ends the API server and puts etcd back to a backup; start the API server afterwards.
    ///
    /// # Errors
    /// When etcd does not come up with the backup.
    pub async fn etcd_restore(&self, from: &Path) -> Result<(), ServerError> {
        self.stop_apiserver().await?;
        let process = self.etcd.lock().await.take();
        if let Some(process) = process {
            process.stop().await?;
        }
        let data = self.scratch.data("etcd");
        std::fs::remove_dir_all(&data).map_err(ServerError::io(|| "remove data".to_owned()))?;
        copy(from, &data)?;
        self.start_etcd(&ensure("etcd").await?).await
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), ServerError> {
    let failed = || format!("copy {}", from.display());
    std::fs::create_dir_all(to).map_err(ServerError::io(failed))?;
    for entry in std::fs::read_dir(from)
        .map_err(ServerError::io(failed))?
        .flatten()
    {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(ServerError::io(failed))?;
        }
    }
    Ok(())
}
