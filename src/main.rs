//! Shell. The command line.
fn main() {}
