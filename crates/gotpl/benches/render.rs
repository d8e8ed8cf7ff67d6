//! Shell. Parsing and executing a template of twenty keys and five functions, Go beside it.
//!
//! `cargo bench -p gotpl --bench render` prints the ratios to Go's text/template with sprig, which
//! `go test -bench .` in `oracle/` measures in the same run: the best of three each.
use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use gotpl::{Env, Limits, Options, Random, Template, Value};

struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, buf: &mut [u8]) {
        buf.fill(0);
    }
}

/// Twenty lines, each a key under one of five functions.
fn source() -> String {
    let functions = [
        "upper",
        "b64enc",
        "quote",
        "trimSuffix \"x\"",
        "default \"none\"",
    ];
    (0..20)
        .map(|i| format!("key{i}: {{{{ .key{i} | {} }}}}\n", functions[i % 5]))
        .collect()
}

fn data() -> Value {
    Value::strings((0..20).map(|i| (format!("key{i}"), format!("value number {i}"))))
}

fn execute(template: &Template, data: &Value) -> usize {
    let mut env = Env {
        now: jiff::Timestamp::UNIX_EPOCH,
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut Zeros,
        limits: Limits::default(),
        expired: &|| false,
    };
    template.execute(data, &mut env).map_or(0, |out| out.len())
}

/// Rounds of one batch; the best of many batches is what the code takes when nothing else runs.
const ROUNDS: u32 = 200;
const BATCHES: u32 = 400;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn best(mut one: impl FnMut() -> usize) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(one());
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(ROUNDS)
}

/// Nanoseconds of Go's benchmark of a name, the best of its runs.
fn go(output: &str, name: &str) -> Option<f64> {
    let lines = output.lines().filter(|line| {
        line.split(['-', ' ', '\t'])
            .next()
            .is_some_and(|first| first == name)
    });
    let figures = lines.filter_map(|line| line.split_whitespace().nth(2)?.parse().ok());
    figures.reduce(f64::min)
}

fn main() {
    let (source, data, options) = (source(), data(), Options::default());
    let Ok(template) = Template::parse("t", source.as_str(), &options) else {
        return;
    };
    assert!(execute(&template, &data) > 0);
    // `cargo test --benches` only checks that the benchmark runs.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let ours = [
        best(|| execute(&template, &data)),
        best(|| Template::parse("t", source.as_str(), &options).map_or(0, |t| execute(&t, &data))),
    ];
    let ran = Command::new("go")
        .args([
            "test",
            "-run",
            "^$",
            "-bench",
            ".",
            "-benchtime",
            "0.5s",
            "-count",
            "3",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/oracle"))
        .output();
    let output = ran.map_or_else(
        |error| error.to_string(),
        |ran| String::from_utf8_lossy(&ran.stdout).into_owned(),
    );
    let mut text = String::from("best microseconds\n  gotpl      Go  ratio  target\n");
    for (ours, (name, target)) in ours.iter().zip([
        ("BenchmarkExecute", "0.33"),
        ("BenchmarkParseAndExecute", "1.00"),
    ]) {
        text += &match go(&output, name) {
            Some(theirs) => format!(
                "{:7.1} {:7.1}  {:5.2}  {target}  {name}\n",
                ours / 1e3,
                theirs / 1e3,
                ours / theirs
            ),
            None => format!(
                "{:7.1}       ?      ?  {target}  {name}: {output}\n",
                ours / 1e3
            ),
        };
    }
    let _closed = std::io::stdout().write_all(text.as_bytes());
}
