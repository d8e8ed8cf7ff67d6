//! Shell. Parses the arguments and hands over to the subcommand.

use std::process::ExitCode;

use clap::Parser;
use tidegate::cli::Cli;

fn main() -> ExitCode {
    tidegate::run::main(Cli::parse())
}
