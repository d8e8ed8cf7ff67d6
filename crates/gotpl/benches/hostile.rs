//! Shell. Time and peak memory of hostile templates: the table behind "at most one second, 64 MiB".
//!
//! `cargo bench -p gotpl --bench hostile -- --bench [CALLS]`; CALLS of each function and number of
//! arguments (10) are drawn beside the cases thought of one by one.

#[path = "../tests/hostile/cases.rs"]
mod cases;

use std::io::Write as _;
use std::time::Duration;

use cases::Case;
use gotpl::{Env, ExecErrorKind, Limits, Options, Random, Template, Value};

/// The stack that an async runtime gives its workers.
const STACK: usize = 2 << 20;

/// A generator that repeats.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % n
    }
}

impl Random for Draw {
    fn fill(&mut self, buf: &mut [u8]) {
        buf.iter_mut()
            .for_each(|byte| *byte = self.below(256) as u8);
    }
}

struct Row {
    name: String,
    took: Duration,
    peak_kib: u64,
    end: String,
}

/// A field of /proc/self/status, in KiB.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn run(source: &str, data: &Value) -> String {
    let template = match Template::parse("t", source, &Options::default()) {
        Ok(template) => template,
        Err(error) => {
            return error
                .limit()
                .map_or("malformed".into(), |limit| format!("{limit:?}"));
        }
    };
    let mut env = Env {
        now: jiff::Timestamp::UNIX_EPOCH,
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut Draw(1),
        limits: Limits::default(),
        expired: &|| false,
    };
    match template.execute(data, &mut env) {
        Ok(out) => format!("{} bytes", out.len()),
        Err(error) => match error.kind() {
            ExecErrorKind::Limit(limit) => format!("{limit:?}"),
            _ => "error".into(),
        },
    }
}

/// Time that this thread has had a processor, so that other work on the machine does not count.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    Duration::from_nanos(first.unwrap_or(0))
}

fn measured(case: Case, data: &Value, baseline: u64) -> Row {
    // 5 sets the peak back to what is resident now.
    let _unsupported = std::fs::write("/proc/self/clear_refs", "5");
    let start = on_cpu();
    let end = run(&case.source, data);
    let took = on_cpu().saturating_sub(start);
    if took.as_millis() >= 500 {
        let name: String = case.name.chars().take(90).collect();
        let line = format!("{} ms: {end}: {name}\n", took.as_millis());
        let _closed = std::io::stderr().write_all(line.as_bytes());
    }
    Row {
        name: case.name,
        took,
        peak_kib: status("VmHWM").saturating_sub(baseline),
        end,
    }
}

fn table(each: usize) -> String {
    let data = cases::data();
    let mut draw = Draw(7);
    let mut all = cases::thought_of();
    all.extend(cases::calls(each, |n| draw.below(n)));
    let baseline = status("VmRSS");
    let count = all.len();
    let mut rows: Vec<Row> = all
        .into_iter()
        .map(|case| measured(case, &data, baseline))
        .collect();
    let over = rows
        .iter()
        .filter(|row| row.took.as_secs() >= 1 || row.peak_kib > 64 << 10)
        .count();
    let mut text = format!("{count} hostile templates, {over} over 1 s or 64 MiB\n");
    let mut list = |title: &str, rows: &[Row]| {
        text += &format!("{title}\n      ms   MiB  end          template\n");
        for row in rows.iter().take(25) {
            let (ms, mib) = (row.took.as_millis(), row.peak_kib >> 10);
            let name: String = row.name.chars().take(90).collect();
            text += &format!("{ms:8} {mib:5}  {:12} {name}\n", row.end);
        }
    };
    rows.sort_by_key(|row| std::cmp::Reverse(row.took));
    list("slowest", &rows);
    rows.sort_by_key(|row| std::cmp::Reverse(row.peak_kib));
    list("largest", &rows);
    text
}

fn main() {
    // `cargo test --benches` only checks that the benchmark runs.
    let measures = std::env::args().any(|arg| arg == "--bench");
    let each = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(10);
    let each = if measures { each } else { 0 };
    let thread = std::thread::Builder::new().stack_size(STACK);
    let text = match thread
        .spawn(move || table(each))
        .map(std::thread::JoinHandle::join)
    {
        Ok(Ok(text)) => text,
        _ => "the thread of the templates ended".into(),
    };
    let _closed = std::io::stdout().write_all(text.as_bytes());
}
