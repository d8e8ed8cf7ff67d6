//! Shell. What can go wrong between a test and its servers.

use std::path::PathBuf;

/// A server that could not be built, started or asked.
///
/// The text names the step and what to do; logs that explain more are named by path and kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A program that the recipe needs is not installed.
    #[error("{needed_for} needs `{tool}`, which is not installed: {install}")]
    MissingTool {
        /// Program that was looked for.
        tool: &'static str,
        /// What needs it.
        needed_for: String,
        /// What to install.
        install: &'static str,
    },
    /// A build step failed.
    #[error("building {name} failed; log: {log}\n{tail}", log = log.display())]
    Build {
        /// Server.
        name: &'static str,
        /// Whole output of the build.
        log: PathBuf,
        /// Last lines of it.
        tail: String,
    },
    /// A recipe does not fit the source it is applied to.
    #[error("recipe of {name}: {what}")]
    Recipe {
        /// Server.
        name: &'static str,
        /// What does not fit.
        what: String,
    },
    /// No recipe has this name.
    #[error("no server `{name}`; there are: {known}")]
    Unknown {
        /// Name that was asked for.
        name: String,
        /// Names there are.
        known: String,
    },
    /// A server ended or did not become ready.
    #[error("{name} {what}; log: {log}\n{tail}", log = log.display())]
    Start {
        /// Server.
        name: &'static str,
        /// What was seen.
        what: String,
        /// Its log.
        log: PathBuf,
        /// Last lines of it.
        tail: String,
    },
    /// A request was answered with a status that the helper does not expect.
    #[error("{request}: status {status}: {body}")]
    Answer {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// Start of the body.
        body: String,
    },
    /// A request got no answer.
    #[error("{request}: no answer")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// Cause.
        #[source]
        source: reqwest::Error,
    },
    /// An answer lacks what the helper needs of it.
    #[error("{request}: answer lacks {what}")]
    Lacks {
        /// Method and path.
        request: String,
        /// What is missing.
        what: &'static str,
    },
    /// The system refused something.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate could not be made.
    #[error("making keys and certificates")]
    Pki(#[from] rcgen::Error),
    /// The helper was used in a way it does not support.
    #[error("{0}")]
    Usage(String),
}

impl ServerError {
    /// Adapts an I/O error: `.map_err(ServerError::io(|| …))`.
    pub(crate) fn io(what: impl FnOnce() -> String) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            what: what(),
            source,
        }
    }
}

/// Last lines of a log, as many as fit an error text.
pub(crate) fn tail(log: &str) -> String {
    const LINES: usize = 15;
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
