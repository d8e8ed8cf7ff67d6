//! Shell. What the user sees while a storm runs: one line redrawn on a terminal, lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

/// Time between two redraws on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// Time between two lines elsewhere: a log must stay readable.
const LINE: Duration = Duration::from_secs(10);

/// Standard error as a terminal or a log.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    silent: bool,
    last: Option<Instant>,
    drawn: bool,
}

impl Screen {
    /// Writes to standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            silent: false,
            last: None,
            drawn: false,
        }
    }

    /// Writes nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            terminal: false,
            silent: true,
            last: None,
            drawn: false,
        }
    }

    /// Whether a progress line is due; then the caller makes one.
    #[must_use]
    pub fn due(&self) -> bool {
        let every = if self.terminal { REDRAW } else { LINE };
        !self.silent && self.last.is_none_or(|last| last.elapsed() >= every)
    }

    /// Shows a state that the next one replaces.
    pub fn progress(&mut self, text: &str) {
        if !self.due() {
            return;
        }
        self.last = Some(Instant::now());
        if self.terminal {
            // Back to the start of the line, and nothing of the old one left.
            write(&format!("\r\x1b[2K{text}"));
            self.drawn = true;
        } else {
            write(&format!("{text}\n"));
        }
    }

    /// Shows a line that stays.
    pub fn line(&mut self, text: &str) {
        if self.silent {
            return;
        }
        let clear = if self.drawn { "\r\x1b[2K" } else { "" };
        write(&format!("{clear}{text}\n"));
        self.drawn = false;
        // The state under a fresh line is told in its turn, not at once.
        self.last = Some(Instant::now());
    }
}

fn write(text: &str) {
    let mut err = std::io::stderr().lock();
    // A closed terminal ends the show, not the storm.
    let _closed = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
