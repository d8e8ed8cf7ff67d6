//! Shell. What hostile templates hold at most. Alone in its process, so that the peak is their own.
#![cfg_attr(debug_assertions, allow(dead_code))]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "hostile/cases.rs"]
mod cases;

use cases::Case;
use gotpl::{Env, ExecErrorKind, Limit, Limits, Options, Random, Template, Value};

/// The stack that an async runtime gives its workers.
const STACK: usize = 2 << 20;

/// What one template may hold beside its data, in KiB.
const MOST: u64 = 64 << 10;

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

/// A field of /proc/self/status, in KiB.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    number.unwrap().parse().unwrap()
}

/// How it ended; the bound that ended it.
fn run(case: &Case, data: &Value) -> Option<Limit> {
    // A debug build takes minutes for what release takes a second for; one of each is enough.
    let limits = Limits {
        key_work: 150,
        ..Limits::default()
    };
    let template = match Template::parse("t", case.source.as_str(), &Options::default()) {
        Ok(template) => template,
        Err(error) => return error.limit(),
    };
    let mut env = Env {
        now: jiff::Timestamp::UNIX_EPOCH,
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut Draw(1),
        limits,
        expired: &|| false,
    };
    match template.execute(data, &mut env) {
        Ok(_) => None,
        Err(error) => match error.kind() {
            ExecErrorKind::Limit(limit) => Some(*limit),
            _ => None,
        },
    }
}

// A debug build takes minutes: `cargo test --release -p gotpl --test memory`.
#[cfg_attr(not(debug_assertions), test)]
fn hostile_templates_stay_below_64_mib_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(STACK);
    let ran = thread.spawn(|| {
        let data = cases::data();
        let mut draw = Draw(7);
        let mut all = cases::thought_of();
        // A debug build takes minutes for all of them.
        let every = if cfg!(debug_assertions) { 16 } else { 1 };
        all.extend(
            cases::calls(1, |n| draw.below(n))
                .into_iter()
                .step_by(every),
        );
        let baseline = status("VmRSS");
        let mut limited = 0;
        for case in &all {
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            limited += usize::from(run(case, &data).is_some());
            let peak = status("VmHWM").saturating_sub(baseline);
            assert!(peak <= MOST, "{}: {} MiB", case.name, peak >> 10);
        }
        // Most of what was thought of is stopped, and not merely quick.
        assert!(limited >= 60, "{limited} of {}", all.len());
    });
    ran.unwrap().join().unwrap();
}
