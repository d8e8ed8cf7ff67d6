//! Shell. Benchmarks.
fn main() {}
