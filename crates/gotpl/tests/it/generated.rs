//! Shell. Templates made by a grammar from a seed, compared with what Go answers right now.
mod grammar;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use grammar::Grammar;

use crate::oracle::agree;
use crate::support::{Case, Counter};

/// Templates of one run.
const COUNT: usize = 2_000;
/// Templates of one run of Go, whose answers are read at once.
const BATCH: usize = 500;

/// Builds the oracle, which lies beside the crate.
fn oracle() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gotpl-oracle");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/oracle"))
        .status()
        .expect("the Go toolchain (package golang-go) compares with real templates");
    assert!(built.success(), "the oracle does not build");
    program
}

fn answers(program: &PathBuf, cases: &[serde_json::Value]) -> Vec<serde_json::Value> {
    let mut child = Command::new(program)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("oracle");
    let input = serde_json::to_vec(cases).expect("cases");
    let mut stdin = child.stdin.take().expect("stdin");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("answers");
    writer.join().expect("writer").expect("cases are read");
    serde_json::from_slice(&output.stdout).expect("answers in JSON")
}

#[test]
fn generated_templates_agree() {
    let program = oracle();
    let seed = std::env::var("GOTPL_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let count = std::env::var("GOTPL_COUNT").map_or(COUNT, |n| n.parse().expect("a number"));
    let mut grammar = Grammar::new(Counter(seed));
    let mut wrong = Vec::new();
    let mut done = 0;
    while done < count {
        let batch: Vec<_> = (0..BATCH.min(count - done))
            .map(|_| {
                let json = serde_json::json!({"s": "text", "n": 3, "f": 2.5, "e": "", "z": null,
                    "b": true, "l": [1, "x", null, [2]], "m": {"k": "v", "o": {"p": 1}}});
                let mut case = serde_json::json!({"t": grammar.template()});
                if grammar.below(3) > 0 {
                    case["json"] = json;
                } else {
                    case["strings"] = serde_json::json!({"s": "text", "e": "", "m": "{\"k\":1}"});
                }
                if let Some(mode) = ["zero", "default"].get(grammar.below(4)) {
                    case["missingkey"] = (*mode).into();
                }
                case
            })
            .collect();
        for answer in answers(&program, &batch) {
            let case = Case::from_json(&answer);
            let go = case.go.as_ref().expect("an answer");
            let ours = case.run();
            if !agree(&ours, go) {
                let template = String::from_utf8_lossy(&case.template);
                wrong.push(format!("{template}\n   go: {go:?}\n ours: {ours:?}"));
            }
        }
        done += batch.len();
    }
    let failed = wrong.len();
    wrong.truncate(20);
    assert!(
        wrong.is_empty(),
        "{failed} of {done} differ, seed {seed}\n{}",
        wrong.join("\n")
    );
}
