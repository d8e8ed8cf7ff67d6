//! Shell. Runs `tidegate storm` and reads what it leaves.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tidegate_storm::figures::Figures;
use tidegate_storm::phase::Phase;
use tidegate_storm::report::Report;

/// A folder for one run's report.
pub struct Bench {
    folder: TempDir,
}

/// How a run ended.
pub struct Ended {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The report, if there is one.
    pub report: Option<Report>,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn report_path(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        // No cluster of the machine's own may be found.
        command.env_remove("KUBECONFIG").env("HOME", "/nonexistent");
        command.current_dir(self.folder.path()).arg("storm");
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Runs to the end, with the report in the bench's folder.
    pub fn storm(&self, args: &[&str]) -> Ended {
        let path = self.report_path();
        let report = ["--report", path.to_str().unwrap()];
        let output = self.command(&[&report, args].concat()).output().unwrap();
        self.ended(&output)
    }

    /// Runs one of storm's subcommands, or a storm without a word about its report.
    pub fn plain(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().unwrap();
        self.ended(&output)
    }

    /// Starts a run and sends it a signal as soon as it says `moment`; waits for its end. Tells the
    /// processes that it had started by then, too.
    pub fn struck(&self, args: &[&str], moment: &str, signal_name: &str) -> (Ended, Vec<u32>) {
        let mut child = self.start(args);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut heard, mut started, mut found) = (String::new(), Vec::new(), false);
        while let Some(Ok(line)) = lines.next() {
            heard += &format!("{line}\n");
            if !found && line.starts_with(moment) {
                found = true;
                started = children(child.id());
                signal(child.id(), signal_name);
            }
        }
        assert!(found, "never came to {moment}: {heard}");
        let mut ended = self.wait(child);
        ended.err = heard;
        (ended, started)
    }

    /// Starts a run.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Waits for a run that was started.
    pub fn wait(&self, child: Child) -> Ended {
        self.ended(&child.wait_with_output().unwrap())
    }

    fn ended(&self, output: &Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let report = std::fs::read(self.report_path()).ok();
        let report = report.filter(|text| !text.is_empty());
        Ended {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            report: report.map(|text| Report::parse(&text).unwrap()),
        }
    }
}

impl Ended {
    /// The report of a run that ended well.
    pub fn good(&self) -> &Report {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.report.as_ref().unwrap()
    }

    /// The last line on standard error: what went wrong.
    pub fn complaint(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        let last = self.err.lines().last().unwrap_or_default();
        assert!(last.starts_with("tidegate: "), "{}", self.err);
        assert_eq!(self.err.matches("tidegate: ").count(), 1, "{}", self.err);
        last
    }
}

/// The figures of a phase.
pub fn figures(report: &Report, phase: Phase) -> &Figures {
    &report.phase(phase).unwrap().figures
}

/// A figure, which must have been measured.
pub fn figure(report: &Report, phase: Phase, name: &str) -> f64 {
    let found = figures(report, phase).get(name);
    found
        .unwrap_or_else(|| panic!("{phase} has no {name}: {:?}", figures(report, phase)))
        .value
}

/// Asserts a figure.
pub fn is(report: &Report, phase: Phase, name: &str, expected: f64) {
    let found = figure(report, phase, name);
    let all = figures(report, phase);
    assert!(
        (found - expected).abs() < 1e-9,
        "{phase}.{name} is {found}, not {expected}: {all:?}"
    );
}

/// Asserts a bound.
pub fn at_most(report: &Report, phase: Phase, name: &str, bound: f64) {
    let found = figure(report, phase, name);
    let all = figures(report, phase);
    assert!(
        found <= bound,
        "{phase}.{name} is {found}, above {bound}: {all:?}"
    );
}

/// Sends a signal to a process.
pub fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("kill");
    let sent = kill.args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// The processes that a process has started and that still run.
pub fn children(pid: u32) -> Vec<u32> {
    let parent = |candidate: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{candidate}/stat")).ok()?;
        let fields = stat.rsplit_once(')')?.1;
        fields.split_whitespace().nth(1)?.parse().ok()
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|candidate| parent(*candidate) == Some(pid))
        .collect()
}

/// Waits until a run has started its controller, and the watchdog beside it.
pub fn controller_of(child: &Child) -> Vec<u32> {
    for _ in 0..4000 {
        let found = children(child.id());
        if found.len() >= 2 {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no controller was started");
}

/// Whether a process still runs.
pub fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some(None | Some('Z')))
}

/// The path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
