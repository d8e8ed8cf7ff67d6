//! Shell. One server process that ends with its owner, however the owner ends.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{ServerError, tail};
use crate::rt;
use crate::scratch::Scratch;

/// Starts a server, tells its process id, and kills it when standard input ends.
///
/// Standard input is a pipe whose other end only the owner holds: it ends when the owner closes
/// it, exits or is killed. The server's exit code becomes the script's.
const WATCHDOG: &str = r#"
running=$1
shift
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
echo "$server"
(
    read -r line <&3
    kill -9 "$server"
) >/dev/null 2>&1 &
dog=$!
exec 3<&- >/dev/null
wait "$server"
code=$?
rm -f "$running"
kill -9 "$dog"
exit "$code"
"#;

/// How often a server is asked whether it is ready, or has ended.
const STEP: Duration = Duration::from_millis(50);
/// Readiness on a machine that compiles at the same time; 5 s is usual.
const READY_STEPS: u32 = 3_600;
/// Time to end by itself before it is killed.
const STOP_STEPS: u32 = 400;

/// A running server.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    log: PathBuf,
    watchdog: Child,
    pid: Pid,
}

impl Process {
    /// Starts `program` with its output appended to `<name>.log`.
    pub(crate) fn start(
        name: &'static str,
        scratch: &Scratch,
        program: &Path,
        args: &[String],
    ) -> Result<Self, ServerError> {
        let failed = |what: &str| format!("{what} {name}");
        let log = scratch.log(&format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(ServerError::io(|| failed("open the log of")))?;
        let running = scratch.running(name);
        fs::write(&running, "").map_err(ServerError::io(|| failed("note the start of")))?;
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, name])
            .arg(running)
            .arg(program)
            .args(args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", scratch.data("home"))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(output)
            .spawn()
            .map_err(ServerError::io(|| failed("start")))?;
        let mut line = String::new();
        if let Some(stdout) = watchdog.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| ServerError::Usage(failed("no process id of")))?;
        Ok(Self {
            name,
            log,
            watchdog,
            pid,
        })
    }

    /// Name of the server.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Process id of the server itself.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Asks until the server says that it is ready.
    pub(crate) async fn ready(
        &mut self,
        scratch: &Scratch,
        probe: impl AsyncFn() -> bool,
    ) -> Result<(), ServerError> {
        for _ in 0..READY_STEPS {
            if let Some(status) = self.watchdog.try_wait().ok().flatten() {
                return Err(self.failed(scratch, format!("ended at start: {status}")));
            }
            if probe().await {
                return Ok(());
            }
            rt::sleep(STEP).await?;
        }
        let waited = STEP * READY_STEPS;
        Err(self.failed(
            scratch,
            format!("was not ready within {} s", waited.as_secs()),
        ))
    }

    fn failed(&self, scratch: &Scratch, what: String) -> ServerError {
        scratch.keep();
        let tail = tail(&fs::read_to_string(&self.log).unwrap_or_default());
        ServerError::Start {
            name: self.name,
            what,
            log: self.log.clone(),
            tail,
        }
    }

    /// Stops the process from running without ending it; when this returns, every thread of it
    /// stands still, so nothing is answered any more.
    pub(crate) async fn pause(&self) -> Result<(), ServerError> {
        self.signal(Signal::STOP)?;
        for _ in 0..STOP_STEPS {
            if self.stands_still() {
                return Ok(());
            }
            rt::sleep(STEP).await?;
        }
        Err(ServerError::Usage(format!("{} does not stop", self.name)))
    }

    fn stands_still(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid()));
        tasks.into_iter().flatten().flatten().all(|task| {
            // A thread that is gone by now answers nothing either.
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit(") ")
                .next()
                .is_none_or(|rest| rest.is_empty() || rest.starts_with('T'))
        })
    }

    /// Lets a paused process go on.
    pub(crate) fn resume(&self) -> Result<(), ServerError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        kill_process(self.pid, signal)
            .map_err(|error| ServerError::io(|| format!("signal {}", self.name))(error.into()))
    }

    /// Asks the server to end, and kills it if it does not within 20 s.
    pub(crate) async fn stop(mut self) -> Result<(), ServerError> {
        self.signal(Signal::TERM)?;
        self.resume()?;
        for _ in 0..STOP_STEPS {
            if matches!(self.watchdog.try_wait(), Ok(Some(_))) {
                return Ok(());
            }
            rt::sleep(STEP).await?;
        }
        rt::blocking(move || {
            drop(self);
            Ok(())
        })
        .await
    }

    /// Kills the server at once, as a crash would.
    pub(crate) async fn kill(self) -> Result<(), ServerError> {
        rt::blocking(move || {
            drop(self);
            Ok(())
        })
        .await
    }
}

impl Drop for Process {
    /// `wait` closes the pipe first, on which the watchdog kills the server.
    fn drop(&mut self) {
        let _ = self.watchdog.wait();
    }
}
