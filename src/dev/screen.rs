//! Shell. Standard output: a table that is redrawn on a terminal, lines elsewhere.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use super::table::Size;

/// What is assumed when the terminal does not say.
const USUAL: (usize, usize) = (80, 24);

/// Where output goes.
#[derive(Debug)]
pub struct Screen {
    live: bool,
    colour: bool,
    drawn: usize,
}

impl Screen {
    /// Looks at standard output and the environment. `lines` forbids redrawing.
    #[must_use]
    pub fn new(lines: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            live: terminal && !lines && !dumb,
            colour: terminal && !dumb && !set("NO_COLOR"),
            drawn: 0,
        }
    }

    /// Whether the table is redrawn in place.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What the terminal takes now.
    #[must_use]
    pub fn size(&self) -> Size {
        let (width, height) = measured().unwrap_or(USUAL);
        Size {
            width,
            height,
            colour: self.colour,
        }
    }

    /// Replaces what was drawn last.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        for line in lines {
            text.push('\r');
            text.push_str(line);
            // What an older, longer line left behind.
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        put(&text)
    }

    /// Writes lines below what was drawn.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(&mut self, lines: &[String]) -> io::Result<()> {
        self.drawn = 0;
        put(&lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>())
    }
}

fn measured() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout().as_fd()).ok()?;
    let both = (usize::from(size.ws_col), usize::from(size.ws_row));
    (both.0 > 0 && both.1 > 0).then_some(both)
}

/// Writes all of a text to standard output.
///
/// # Errors
/// When standard output is closed.
pub fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Opens a log file for its owner alone, replacing what it held.
///
/// # Errors
/// When it cannot be written.
pub fn log_file(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}
