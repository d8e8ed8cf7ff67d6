//! Shell. Time and peak memory of hostile templates: the table behind "at most one second, 64 MiB".
//!
//! `[ONLY=words] cargo bench -p gotpl --bench hostile -- --bench [CALLS]`; CALLS of each function
//! and number of arguments (10) are drawn beside the cases thought of one by one; ONLY takes those
//! with the words in their name. Fails where one holds more than 64 MiB or ends the thread.

#[path = "hostile/calls.rs"]
mod calls;
#[path = "../tests/hostile/cases.rs"]
mod cases;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use cases::{Case, Draw, End, Run, STACK};
use gotpl::Value;

struct Row {
    name: String,
    took: Duration,
    run: Run,
}

impl Row {
    fn end(&self) -> String {
        match self.run.end {
            End::Bytes(len) => format!("{len} bytes"),
            End::Limit(limit) => format!("{limit:?}"),
            End::Fails => "error".into(),
        }
    }
}

fn measured(case: Case, data: &Value) -> Row {
    let start = on_cpu();
    let run = cases::run(&case, data);
    let row = Row {
        name: case.name.chars().take(90).collect(),
        took: on_cpu().saturating_sub(start),
        run,
    };
    let ms = row.took.as_millis();
    if ms >= 500 {
        let line = format!("{ms} ms: {}: {}\n", row.end(), row.name);
        let _closed = std::io::stderr().write_all(line.as_bytes());
    }
    row
}

/// The table, and whether every template held at most 64 MiB.
fn table(each: usize, only: &str) -> (String, bool) {
    let data = cases::data();
    let mut draw = Draw(7);
    let mut all = cases::thought_of();
    all.extend(calls::calls(each, |n| draw.below(n)));
    all.retain(|case| case.name.contains(only));
    let baseline = resident("VmRSS");
    let count = all.len();
    let mut rows: Vec<Row> = all.into_iter().map(|case| measured(case, &data)).collect();
    let small = rows.iter().all(|row| row.run.peak <= 64 << 20);
    let over = rows
        .iter()
        .filter(|row| row.took.as_secs() >= 1 || row.run.peak > 64 << 20)
        .count();
    let mut text = format!("{count} hostile templates, {over} over 1 s or 64 MiB\n");
    let mut list = |title: &str, rows: &[Row]| {
        text += &format!("{title}\n      ms   MiB  end          template\n");
        for row in rows.iter().take(25) {
            let (ms, mib) = (row.took.as_millis(), row.run.peak >> 20);
            text += &format!("{ms:8} {mib:5}  {:12} {}\n", row.end(), row.name);
        }
    };
    let grown = resident("VmHWM").saturating_sub(baseline) >> 10;
    rows.sort_by_key(|row| std::cmp::Reverse(row.took));
    list("slowest", &rows);
    rows.sort_by_key(|row| std::cmp::Reverse(row.run.peak));
    list("largest", &rows);
    text += &format!("the process has grown by {grown} MiB, whatever the allocator keeps\n");
    (text, small)
}

/// Time that the thread has had a processor, so that other work on the machine does not count.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next();
    Duration::from_nanos(first.and_then(|first| first.parse().ok()).unwrap_or(0))
}

/// A field of /proc/self/status, in KiB; 0 where there is none.
fn resident(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn main() -> ExitCode {
    // `cargo test --benches` only checks that the benchmark runs.
    let measures = std::env::args().any(|arg| arg == "--bench");
    let each = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(10);
    let each = if measures { each } else { 0 };
    let only = std::env::var("ONLY").unwrap_or_default();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let (text, small) = match thread
        .spawn(move || table(each, &only))
        .map(std::thread::JoinHandle::join)
    {
        Ok(Ok(table)) => table,
        _ => ("the thread of the templates ended\n".into(), false),
    };
    let _closed = std::io::stdout().write_all(text.as_bytes());
    if small {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
