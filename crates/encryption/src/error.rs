//! Pure. How a command fails: one line, and the exit code that scripts see.

use std::fmt;

/// Why a command ended without doing what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// What a script sees.
    pub code: Code,
    /// One line for the user. It holds no key and no value.
    pub line: String,
}

/// Exit codes of `tidegate encryption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Something is not as it should be, or an object could not be handled.
    Findings = 1,
    /// Wrong usage: flags or files that cannot be what was meant.
    Usage = 2,
    /// etcd or an API server cannot be reached.
    Unreachable = 3,
    /// The step would be unsafe now, so nothing was done.
    Unsafe = 4,
}

impl Failure {
    /// See [`Code::Findings`].
    pub fn findings(line: impl Into<String>) -> Self {
        Self::new(Code::Findings, line)
    }

    /// See [`Code::Usage`].
    pub fn usage(line: impl Into<String>) -> Self {
        Self::new(Code::Usage, line)
    }

    /// See [`Code::Unreachable`].
    pub fn unreachable(line: impl Into<String>) -> Self {
        Self::new(Code::Unreachable, line)
    }

    /// See [`Code::Unsafe`].
    pub fn unsafe_now(line: impl Into<String>) -> Self {
        Self::new(Code::Unsafe, line)
    }

    fn new(code: Code, line: impl Into<String>) -> Self {
        // One line, whatever a server said in its answer.
        let line: String = line.into();
        let line = line.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self {
            code,
            line: line.take(2000).collect(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

/// The words of an error and of everything behind it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        source = cause.source();
    }
    words
}
