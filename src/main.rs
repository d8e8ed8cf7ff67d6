//! Shell. Parses the arguments and hands over to the subcommand.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use tidegate::cli::Cli;

/// A first sync comes and goes in bursts of small allocations on several threads; this allocator
/// gives the memory back afterwards, glibc's arenas keep it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tidegate::run::main(Cli::parse())
}
