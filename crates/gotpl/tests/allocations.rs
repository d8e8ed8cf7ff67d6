//! Shell. Static text costs no allocation, neither read nor written. Alone in its process.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::alloc::System;

use gotpl::{Buf, Env, Limits, Options, Random, Template, Value};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, buf: &mut [u8]) {
        buf.fill(0);
    }
}

/// Allocations of parsing, and of executing: what was made anew or grown.
fn counted(source: &str) -> (usize, usize, usize) {
    let options = Options::default();
    let source = source.as_bytes().to_vec();
    let region = Region::new(COUNTED);
    let template = Template::parse("t", source, &options).unwrap();
    let parsing = region.change();
    let data = Value::strings([("a", "x")]);
    let mut env = Env {
        now: jiff::Timestamp::UNIX_EPOCH,
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut Zeros,
        limits: Limits::default(),
        expired: &|| false,
    };
    let mut out = Buf::new();
    let region = Region::new(COUNTED);
    template.execute_into(&data, &mut env, &mut out).unwrap();
    let executing = region.change();
    let count = |stats: stats_alloc::Stats| stats.allocations + stats.reallocations;
    (count(parsing), count(executing), out.len())
}

#[test]
fn texts_cost_no_allocation() {
    // Comments take no node, so that each text between them is one.
    let many = "text{{/**/}}".repeat(1024);
    let one = "text".repeat(1024);
    let (parsing_many, executing_many, len) = counted(&many);
    let (parsing_one, executing_one, same) = counted(&one);
    assert_eq!((len, same), (4096, 4096));
    // The output doubles some seven times while it grows from text to text.
    assert!(
        executing_many <= executing_one + 8,
        "{executing_many} against {executing_one} for 1024 texts"
    );
    // The lists of tokens and nodes double some ten times each while they grow.
    assert!(
        parsing_many <= parsing_one + 24,
        "{parsing_many} against {parsing_one} for 1024 texts"
    );
}
