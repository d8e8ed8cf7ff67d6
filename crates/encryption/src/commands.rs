//! Shell. The subcommands of `tidegate encryption`, apart from what only the binary knows.

use std::io::Write;

use jiff::Timestamp;

use crate::error::Failure;
use crate::pace::Pace;

pub mod args;
mod config;
mod examples;
mod pacing;
mod rewrite;
mod rotate;
mod scan;
mod status;
mod verify;

pub use args::Args;

/// What the binary brings: the clock, the limit on writes, where text goes.
pub struct Env<'e> {
    /// The time of day.
    pub now: &'e (dyn Fn() -> Timestamp + Sync),
    /// Permits for writes to the API server.
    pub pace: &'e dyn Pace,
    /// Standard output.
    pub out: &'e mut (dyn Write + Send),
    /// Standard error: progress and warnings.
    pub err: &'e mut (dyn Write + Send),
    /// Whether standard error is a terminal, so that progress may redraw its line.
    pub terminal: bool,
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

impl Env<'_> {
    /// Prints to standard output. A closed pipe is the reader's right.
    fn print(&mut self, text: &str) -> Result<(), Failure> {
        match self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
        {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::findings(format!("standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Tells the user something beside the result.
    fn tell(&mut self, text: &str) {
        let _closed = writeln!(self.err, "{text}");
    }
}

/// Runs one subcommand to its end.
///
/// # Errors
/// With the line and the exit code for the user.
pub async fn run(args: Args, env: &mut Env<'_>) -> Result<(), Failure> {
    match args.command {
        args::Command::Config(args) => config::run(args, env),
        args::Command::Verify(args) => verify::run(args, env).await,
        args::Command::Rewrite(args) => rewrite::run(args, env).await,
        args::Command::Rotate(args) => rotate::run(args, env).await,
        args::Command::Status(args) => status::run(args, env).await,
    }
}

/// 1234567 as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{number} {what}{many}")
}

/// Columns as wide as their widest cell, two spaces apart.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
