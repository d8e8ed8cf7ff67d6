//! Shell. One file per subcommand, and what they share: TLS, the runtime, exit codes.

use std::io::Write;
use std::process::ExitCode;

use crate::cli::{Cli, Command};

pub mod controller;
pub mod dev;
mod encryption;
pub mod storm;
pub mod template;

/// Runs one subcommand to its end and gives its exit code: 0 done, 1 failed, 2 wrong usage; `dev`
/// has two more, which its help names.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    install_crypto();
    match cli.command {
        Command::Crds => print(&tidegate_api::crd::crds_yaml()),
        Command::Dev(args) => dev::main(*args),
        Command::Controller(args) => controller::main(*args),
        Command::Template(args) => template::main(&args),
        Command::Encryption(args) => encryption::main(*args),
        Command::Kms(args) => tidegate_kms_plugin::main(&args),
        Command::Storm(args) => storm::main(*args),
    }
}

/// Names the one crypto provider; a second call (tests) changes nothing.
pub fn install_crypto() {
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Prints to standard output; a closed pipe is the reader's right, not a failure.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// Tells the user what went wrong in one line, and how usage errors differ from failures.
pub(crate) fn fail(code: u8, message: &str) -> ExitCode {
    let _closed = writeln!(std::io::stderr(), "tidegate: {message}");
    ExitCode::from(code)
}
