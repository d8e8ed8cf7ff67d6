//! Shell. The Go program beside the crate: built once per run, asked over its pipes.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Builds the oracle, once for all tests of a run.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gotpl-oracle");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/oracle"))
            .status()
            .expect("the Go toolchain (package golang-go) compares with the real libraries");
        assert!(built.success(), "the oracle does not build");
        program
    })
}

/// What the oracle answers to a list, in JSON both.
pub(crate) fn ask(args: &[&str], list: &serde_json::Value) -> Vec<serde_json::Value> {
    answers(args, list).expect("the oracle ended before it answered")
}

/// The answers to a list; nothing when the oracle died of it.
pub(crate) fn answers(args: &[&str], list: &serde_json::Value) -> Option<Vec<serde_json::Value>> {
    let mut child = Command::new(program())
        .args(args)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("oracle");
    let input = serde_json::to_vec(list).expect("cases");
    let mut stdin = child.stdin.take().expect("stdin");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("answers");
    let read = writer.join().expect("writer");
    if !output.status.success() {
        return None;
    }
    read.expect("cases are read");
    Some(serde_json::from_slice(&output.stdout).expect("answers in JSON"))
}

/// The names of the functions that the oracle registers.
pub(crate) fn names() -> Vec<String> {
    let output = Command::new(program())
        .arg("names")
        .output()
        .expect("oracle");
    let text = String::from_utf8(output.stdout).expect("names");
    text.lines().map(str::to_owned).collect()
}
