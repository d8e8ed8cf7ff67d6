//! Shell. Parsing and executing a template of twenty keys and five functions.
//!
//! `go test -bench .` in `oracle/` measures Go on the same template.
use criterion::{Criterion, criterion_group, criterion_main};
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

fn render(c: &mut Criterion) {
    let (source, data) = (source(), data());
    let options = Options::default();
    let Ok(template) = Template::parse("t", source.as_str(), &options) else {
        return;
    };
    assert!(execute(&template, &data) > 0);
    c.bench_function("execute", |b| b.iter(|| execute(&template, &data)));
    c.bench_function("parse and execute", |b| {
        b.iter(|| Template::parse("t", source.as_str(), &options).map(|t| execute(&t, &data)));
    });
}

criterion_group!(benches, render);
criterion_main!(benches);
