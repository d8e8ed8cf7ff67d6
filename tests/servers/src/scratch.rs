//! Shell. The folder of a running server: data that always goes, logs that stay on failure.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, Once, PoisonError};

use crate::cache::{make_dir, progress};
use crate::error::ServerError;

/// Removes the folder once its owner is gone, even when the owner was killed: the owner holds
/// the other end of standard input. It waits up to 10 s for the servers' own watchdogs.
const JANITOR: &str = r#"
read -r line
turns=0
while [ -n "$(ls -A "$1/running")" ] && [ $turns -lt 100 ]; do
    turns=$((turns + 1))
    sleep 0.1
done
if [ -e "$1/keep" ]; then rm -rf "$1/data" "$1/running" "$1/keep"; else rm -rf "$1"; fi
"#;

/// A temporary folder that lives as long as the servers in it.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    janitor: Child,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self, ServerError> {
        keep_logs_on_panic();
        let dir = tempfile::Builder::new()
            .prefix(&format!("tidegate-{name}-"))
            .tempdir()
            .map_err(ServerError::io(|| "make a temporary folder".to_owned()))?
            .keep();
        for part in ["data", "logs", "running"] {
            make_dir(&dir.join(part))?;
        }
        let janitor = Command::new("/bin/sh")
            .args(["-c", JANITOR, "janitor"])
            .arg(&dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(ServerError::io(|| "run /bin/sh".to_owned()))?;
        live().push(dir.clone());
        Ok(Self { dir, janitor })
    }

    /// A place for what the server stores.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.dir.join("data").join(name)
    }

    /// A place for what explains a failure.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(name)
    }

    /// The mark of a running process, which its watchdog removes.
    pub(crate) fn running(&self, name: &str) -> PathBuf {
        self.dir.join("running").join(name)
    }

    /// Lets the logs outlive the servers; whoever calls this tells where they are.
    pub(crate) fn keep(&self) {
        mark(&self.dir);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        live().retain(|dir| *dir != self.dir);
        let _ = self.janitor.wait();
    }
}

fn live() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the janitor to leave the logs; false when it was told before.
fn mark(dir: &Path) -> bool {
    let mark = dir.join("keep");
    !mark.exists() && fs::write(&mark, "").is_ok()
}

/// A failed assertion is when the servers' logs are wanted, and it does not pass through here as
/// an error.
fn keep_logs_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            for dir in live().iter().filter(|dir| mark(dir)) {
                progress(&format!("logs stay in {}", dir.join("logs").display()));
            }
        }));
    });
}
