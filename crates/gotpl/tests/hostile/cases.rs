//! Shell. Hostile templates, and how they are run: what loops, nests, grows or backtracks.
#[path = "cases/expressions.rs"]
mod expressions;
#[path = "cases/thought_of.rs"]
mod thought_of;

use std::alloc::System;

use gotpl::{Env, ExecErrorKind, Limit, Limits, Options, Random, Template, Value};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

#[global_allocator]
static COUNTED: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The stack that an async runtime gives its workers.
pub const STACK: usize = 2 << 20;

/// A template and what is wrong with it.
pub struct Case {
    /// For the table of the bench, and for failures.
    pub name: String,
    /// The source.
    pub source: String,
}

/// A case by name and source.
pub fn case(name: &str, source: impl Into<String>) -> Case {
    Case {
        name: name.to_owned(),
        source: source.into(),
    }
}

/// Cases thought of one by one.
pub fn thought_of() -> Vec<Case> {
    let mut all = thought_of::thought_of();
    all.extend(expressions::expressions());
    all
}

/// A generator that repeats.
pub struct Draw(pub u64);

impl Draw {
    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
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

/// How a template ended.
pub enum End {
    /// Rendered so many bytes.
    Bytes(usize),
    /// Stopped by a bound.
    Limit(Limit),
    /// Failed for another reason.
    Fails,
}

/// What one template took.
pub struct Run {
    /// How it ended.
    pub end: End,
    /// Bytes allocated at the peak, beside those that were before.
    pub peak: usize,
}

/// Runs a template under the default limits.
pub fn run(case: &Case, data: &Value) -> Run {
    COUNTED.reset_peak_memory();
    let end = ended(case, data);
    Run {
        end,
        peak: COUNTED.get_peak_memory(),
    }
}

fn ended(case: &Case, data: &Value) -> End {
    let template = match Template::parse("t", case.source.as_str(), &Options::default()) {
        Ok(template) => template,
        Err(error) => return error.limit().map_or(End::Fails, End::Limit),
    };
    let mut env = Env {
        now: jiff::Timestamp::UNIX_EPOCH,
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut Draw(1),
        limits: Limits::default(),
        expired: &|| false,
    };
    match template.execute(data, &mut env) {
        Ok(out) => End::Bytes(out.len()),
        Err(error) => match error.kind() {
            ExecErrorKind::Limit(limit) => End::Limit(*limit),
            _ => End::Fails,
        },
    }
}

/// The values that hostile templates work on, for which the one who writes the backend is to blame.
pub fn data() -> Value {
    let deep = "[".repeat(300_000);
    let nested = "{\"a\":".repeat(100_000);
    let objects = format!("[{}]", vec!["{\"k\":[1,2.5,null,\"x\"]}"; 20_000].join(","));
    let yaml = "a: {b: [c, {d: e}]}\n- x\n".repeat(20_000);
    let lines: String = (0..50_000).map(|i| format!("k{i}: &a{i} v\n")).collect();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(15_000);
    let bomb = bomb();
    let mut draw = Draw(5);
    let random: String = (0..1 << 19)
        .map(|_| char::from(b' ' + draw.below(95) as u8))
        .collect();
    Value::strings([
        ("s", "a".repeat(1 << 20).into_bytes()),
        ("u", "é€\u{1f600}\u{301}".repeat(100_000).into_bytes()),
        ("w", "a b, ".repeat(200_000).into_bytes()),
        ("p", "(".repeat(50_000).into_bytes()),
        ("digits", "9".repeat(1 << 20).into_bytes()),
        ("dots", "../.".repeat(250_000).into_bytes()),
        ("deep", deep.into_bytes()),
        ("nested", nested.into_bytes()),
        ("objects", objects.into_bytes()),
        ("yaml", yaml.into_bytes()),
        ("lines", lines.into_bytes()),
        ("bomb", bomb.into_bytes()),
        ("pem", pem.into_bytes()),
        ("zeros", "\0".repeat(1 << 20).into_bytes()),
        ("e", format!("1e{}", "9".repeat(300)).into_bytes()),
        ("short", b"x".to_vec()),
        ("random", random.into_bytes()),
        // Half of its bytes are not UTF-8.
        ("wrong", b"a\xff".repeat(1 << 18)),
    ])
}

/// Nine aliases of nine aliases, and so on.
fn bomb() -> String {
    let mut text = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for c in 'b'..='z' {
        let before = char::from(c as u8 - 1);
        let aliases = vec![format!("*{before}"); 9].join(",");
        text += &format!("{c}: &{c} [{aliases}]\n");
    }
    text
}
