//! Shell. Runs the binary with a temporary folder of its own, and watches what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A hang fails the test; nothing is measured by it.
const DEADLINE: Duration = Duration::from_secs(120);

/// A folder for manifests, and one that is the binary's temporary folder.
pub struct Place {
    files: tempfile::TempDir,
    temporary: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = || tempfile::tempdir().unwrap();
        Self {
            files: folder(),
            temporary: folder(),
        }
    }

    /// Writes a file as an editor does: aside, then renamed.
    pub fn write(&self, name: &str, text: &str) {
        let aside = self.path(&format!("{name}.tmp"));
        std::fs::create_dir_all(aside.parent().unwrap()).unwrap();
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(&aside, self.path(name)).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        // No cluster of the machine's own may be found, and no proxy either.
        command
            .env_clear()
            .env("TMPDIR", self.temporary.path())
            .env("HOME", "/nonexistent");
        command.current_dir(self.files.path()).arg("dev").args(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, args: &[&str]) -> Ran {
        let output = tokio::time::timeout(DEADLINE, self.command(args).output());
        Ran::from(output.await.expect("it does not end").unwrap())
    }

    /// Starts it and waits until its API is announced.
    pub async fn start(&self, args: &[&str]) -> Dev {
        let mut child = self.command(args).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut dev = Dev {
            child,
            lines,
            config: PathBuf::new(),
        };
        let line = dev.line("kubectl --kubeconfig ").await;
        let config = line.split("--kubeconfig ").nth(1).unwrap();
        dev.config = config.split(' ').next().unwrap().into();
        dev
    }

    /// Names of what lies in the binary's temporary folder.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.temporary.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A `dev` that runs.
pub struct Dev {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub config: PathBuf,
}

impl Dev {
    /// The next line that contains `part`.
    pub async fn line(&mut self, part: &str) -> String {
        let mut seen = String::new();
        let find = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                assert!(
                    !line.contains('\x1b'),
                    "an escape without a terminal: {line:?}"
                );
                if line.contains(part) {
                    return Some(line);
                }
                seen.push_str(&line);
                seen.push('\n');
            }
            None
        };
        let found = tokio::time::timeout(DEADLINE, find).await;
        let found = found.ok().flatten();
        found.unwrap_or_else(|| panic!("no line with {part:?} after:\n{seen}"))
    }

    pub async fn client(&self) -> Client {
        client(&std::fs::read_to_string(&self.config).unwrap()).await
    }

    /// Addresses that the process listens on, IPv4 and IPv6, as the kernel writes them.
    pub fn listening(&self) -> Vec<String> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id().unwrap()));
        let sockets: BTreeSet<String> = std::fs::read_dir(folder.join("fd"))
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter_map(|link| {
                let link = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(link.to_owned())
            })
            .collect();
        let tables = ["net/tcp", "net/tcp6", "net/udp", "net/udp6"];
        let text: String = tables
            .iter()
            .filter_map(|table| std::fs::read_to_string(folder.join(table)).ok())
            .collect();
        let rows = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Columns: slot, local, remote, state (0A listens, 07 a UDP socket), …, inode the tenth.
        rows.filter(|row| row.len() > 9 && matches!(row[3], "0A" | "07"))
            .filter(|row| sockets.contains(row[9]))
            .map(|row| row[1].to_owned())
            .collect()
    }

    /// Sends a signal, waits for the end; answers the code and what was said on standard error.
    pub async fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let mut told = String::new();
        let mut err = self.child.stderr.take().unwrap();
        let end = async {
            while self.lines.next_line().await.unwrap().is_some() {}
            err.read_to_string(&mut told).await.unwrap();
            self.child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(DEADLINE, end)
            .await
            .expect("it does not end");
        (status.code(), told)
    }
}

/// A client by the text of a kubeconfig.
pub async fn client(config: &str) -> Client {
    tidegate::run::install_crypto();
    let parsed = Kubeconfig::from_yaml(config).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(parsed, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// A store with values of its own.
pub fn store(name: &str, values: &[(&str, &str)]) -> String {
    let data: String = values
        .iter()
        .map(|(key, value)| format!("        - {{ key: {key}, value: {value:?} }}\n"))
        .collect();
    format!(
        "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {{ name: {name} }}\n\
         spec:\n  provider:\n    fake:\n      data:\n{data}---\n"
    )
}

/// An ExternalSecret with one key.
pub fn object(name: &str, store: &str, key: &str) -> String {
    format!(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{ name: {name} }}\n\
         spec:\n  refreshInterval: 1h\n  secretStoreRef: {{ name: {store} }}\n  data:\n    \
         - {{ secretKey: value, remoteRef: {{ key: {key} }} }}\n---\n"
    )
}

/// Permission bits.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
