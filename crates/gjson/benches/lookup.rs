//! Shell. Times look-ups in a 10 KiB document, with the Go library's figures beside them.

#[allow(dead_code)]
#[path = "../tests/support/oracle.rs"]
mod oracle;

use std::{
    fmt::Write as _,
    hint::black_box,
    io::Write,
    process::{Command, Stdio},
    time::Instant,
};

use criterion::Criterion;

/// Paths to the end, the middle and the beginning of the document, and the costly kinds.
const PATHS: [&str; 9] = [
    "entry000.username",
    "entry000.password",
    "entry040.password",
    "last.key\\.with\\.dots",
    "entry0*.labels.tier",
    "users.#.name",
    "users.#(name==\"user79\").id",
    "users.#(id>40)#.name",
    "missing.at.all",
];

/// Makes 10 KiB of what secrets look like: objects of strings, an array, a last member.
fn document() -> String {
    let mut json = String::from("{");
    for i in 0..66 {
        let _ = write!(
            json,
            r#""entry{i:03}":{{"username":"svc-{i}","password":"pa\"ss-{i}","port":{i}.50,"#
        );
        let _ = write!(json, r#""labels":{{"tier":"t{i}"}},"tls":true}},"#);
    }
    json.push_str(r#""users":["#);
    for i in 0..80 {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(
            json,
            r#"{comma}{{"id":{i},"name":"user{i}","groups":["a","b"]}}"#
        );
    }
    json.push_str(r#"],"last":{"key.with.dots":"end"}}"#);
    json
}

fn main() {
    let json = document();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(format!("get/{} bytes", json.len()));
    for path in PATHS {
        group.bench_function(path, |bencher| {
            bencher.iter(|| black_box(gjson::get(black_box(json.as_bytes()), path).into_text()));
        });
    }
    group.finish();
    criterion.final_summary();
    // `cargo test --benches` only checks that the benchmark runs.
    if std::env::args().any(|arg| arg == "--bench") {
        let table = beside_go(&json).unwrap_or_else(|why| format!("no Go figures: {why}\n"));
        let _ = std::io::stdout().write_all(table.as_bytes());
    }
}

/// The best of many short batches is what the code takes when nothing else runs; Go's figures
/// are taken the same way.
const BATCHES: usize = 200;
const LOOKUPS: u32 = 100;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn best_ns(json: &[u8], path: &str) -> f64 {
    let batch = || {
        let start = Instant::now();
        for _ in 0..LOOKUPS {
            black_box(gjson::get(black_box(json), path).into_text());
        }
        start.elapsed()
    };
    let best = (0..BATCHES).map(|_| batch()).min().unwrap_or_default();
    best.as_secs_f64() * 1e9 / f64::from(LOOKUPS)
}

fn beside_go(json: &str) -> Result<String, String> {
    let mut table = String::from("best ns per look-up\n   gjson       Go  ratio  path\n");
    for (path, theirs) in PATHS.iter().zip(go_figures(json)?) {
        let ours = best_ns(json.as_bytes(), path);
        let ratio = ours / theirs;
        let _ = writeln!(table, "{ours:8.0} {theirs:8.0}  {ratio:5.2}  {path}");
    }
    Ok(table)
}

fn go_figures(json: &str) -> Result<Vec<f64>, String> {
    let oracle = oracle::executable()?;
    let file = std::env::temp_dir().join(format!("gjson-bench-{}.json", std::process::id()));
    std::fs::write(&file, json).map_err(|e| e.to_string())?;
    let mut child = Command::new(oracle)
        .arg("bench")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    stdin
        .write_all(PATHS.join("\n").as_bytes())
        .map_err(|e| e.to_string())?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let _ = std::fs::remove_file(file);
    let lines = String::from_utf8_lossy(&output.stdout);
    lines
        .lines()
        .map(|line| line.parse::<f64>().map_err(|e| e.to_string()))
        .collect()
}
