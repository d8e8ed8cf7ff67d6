//! Shell. The controller under load: in this process, a child, or any command.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Starts Tidegate within this process: its arguments after the program's name, and when to stop.
pub type InProcess = Arc<
    dyn Fn(Vec<String>, CancellationToken) -> BoxFuture<'static, Result<(), String>> + Send + Sync,
>;

/// Longest wait for a controller that was asked to end; then it is killed.
const STOP: Duration = Duration::from_secs(30);

/// What a shell does before it becomes the controller: it waits until the watchdog stands, so that
/// whoever kills us in between leaves nothing behind.
const GATE: &str = "read -r _ || exit; exec </dev/null;";

/// Which controller.
#[derive(Clone)]
pub enum Kind {
    /// Tidegate in this process: its CPU and memory cannot be told from the load tester's.
    InProcess(InProcess),
    /// Tidegate as a child process.
    Child(PathBuf),
    /// A shell command that serves the same resources; it finds `KUBECONFIG` in its environment.
    Command(String),
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Kind {
    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::InProcess(_) => "tidegate in process".to_owned(),
            Self::Child(_) => "tidegate".to_owned(),
            Self::Command(command) => command.clone(),
        }
    }
}

/// How to start it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which.
    pub kind: Kind,
    /// Arguments of Tidegate.
    pub args: Vec<String>,
    /// What a command finds as `KUBECONFIG`.
    pub kubeconfig: PathBuf,
}

/// A controller that was started.
#[derive(Debug)]
pub struct Running(Inner);

#[derive(Debug)]
enum Inner {
    Task {
        tasks: JoinSet<Result<(), String>>,
        stop: CancellationToken,
    },
    Process(Box<Process>),
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Kills the controller when this process ends without having done so.
    watchdog: Child,
    pid: u32,
    /// The last lines that it wrote to standard error.
    last: JoinSet<String>,
}

impl Plan {
    /// Starts it.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn start(&self) -> Result<Running, String> {
        let mut command = match &self.kind {
            Kind::InProcess(start) => {
                let stop = CancellationToken::new();
                let mut tasks = JoinSet::new();
                tasks.spawn(start(self.args.clone(), stop.clone()));
                return Ok(Running(Inner::Task { tasks, stop }));
            }
            Kind::Child(program) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("{GATE} exec \"$0\" \"$@\"")]);
                command.arg(program).args(&self.args);
                command
            }
            Kind::Command(line) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("{GATE} exec {line}")]);
                command.env("KUBECONFIG", &self.kubeconfig);
                command
            }
        };
        let name = self.kind.name();
        let failed =
            |error: std::io::Error| format!("the controller {name} cannot be run: {error}");
        // A group of its own: Ctrl-C on the terminal is the load tester's, which then stops it.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        command.stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let pid = child
            .id()
            .ok_or_else(|| format!("the controller {name} has ended"))?;
        let mut last = JoinSet::new();
        if let Some(errors) = child.stderr.take() {
            last.spawn(last_line(errors));
        }
        let watchdog = watchdog(pid).map_err(failed)?;
        release(&mut child).map_err(failed)?;
        Ok(Running(Inner::Process(Box::new(Process {
            child,
            watchdog,
            pid,
            last,
        }))))
    }
}

/// Lets the program start.
fn release(child: &mut Child) -> std::io::Result<()> {
    let waiting = child.stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
    File::from(waiting.into_owned_fd()?).write_all(b"\n")
}

/// Waits for the end of its input, which comes when this process ends however, and kills then.
fn watchdog(pid: u32) -> std::io::Result<Child> {
    // `-KILL --` is a form that dash refuses.
    let script = format!("read -r _; kill -s KILL -- -{pid} 2>/dev/null");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .process_group(0)
        .stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn()
}

/// Reads to the end and keeps the last line.
async fn last_line(errors: tokio::process::ChildStderr) -> String {
    let mut lines = BufReader::new(errors).lines();
    let mut last = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if !line.trim().is_empty() {
            last = line.chars().take(300).collect();
        }
    }
    last
}

impl Running {
    /// Its process, unless that is our own.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match &self.0 {
            Inner::Task { .. } => None,
            Inner::Process(process) => Some(process.pid),
        }
    }

    /// Resolves when it ends by itself, and says how: a controller has no reason to.
    pub async fn ended(&mut self) -> String {
        match &mut self.0 {
            Inner::Task { tasks, .. } => match tasks.join_next().await {
                Some(Ok(Ok(()))) => "the controller ended".to_owned(),
                Some(Ok(Err(error))) => format!("the controller ended: {error}"),
                Some(Err(error)) => format!("the controller ended: {error}"),
                None => "the controller has ended".to_owned(),
            },
            Inner::Process(process) => {
                let how = match process.child.wait().await {
                    Ok(status) => status.to_string(),
                    Err(error) => error.to_string(),
                };
                let read = tokio::time::timeout(Duration::from_secs(1), process.last.join_next());
                let last = match read.await {
                    Ok(Some(Ok(line))) if !line.is_empty() => format!(": {line}"),
                    _ => String::new(),
                };
                format!("the controller ended with {how}{last}")
            }
        }
    }

    /// Ends it with SIGTERM, as a rollout does; kills it when it takes over 30 s.
    pub async fn terminate(mut self) {
        match &mut self.0 {
            Inner::Task { tasks, stop } => {
                stop.cancel();
                let drained = async { while tasks.join_next().await.is_some() {} };
                let _killed = tokio::time::timeout(STOP, drained).await;
                tasks.shutdown().await;
            }
            Inner::Process(process) => {
                process.signal("TERM").await;
                if tokio::time::timeout(STOP, process.child.wait())
                    .await
                    .is_err()
                {
                    process.signal("KILL").await;
                }
                process.end().await;
            }
        }
    }

    /// Ends it with SIGKILL; in process, its tasks are dropped where they stand.
    pub async fn kill(mut self) {
        match &mut self.0 {
            Inner::Task { tasks, .. } => tasks.shutdown().await,
            Inner::Process(process) => {
                process.signal("KILL").await;
                process.end().await;
            }
        }
    }
}

impl Process {
    /// Signals the whole group: a command may have children.
    async fn signal(&self, name: &str) {
        let mut command = Command::new("kill");
        command.args(["-s", name, "--", &format!("-{}", self.pid)]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // A group that is gone is what we want.
        let _gone = command.status().await;
    }

    async fn end(&mut self) {
        let _status = self.child.wait().await;
        let _status = self.watchdog.kill().await;
    }
}
