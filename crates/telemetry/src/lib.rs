//! Shell. Logs: JSON for machines, pretty for people, never a value.

use std::fs::File;
use std::io::IsTerminal;
use std::sync::Arc;

use clap::ValueEnum;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text; coloured on a terminal.
    Pretty,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("--log-level: not a level or filter; try info, debug or tidegate=debug,kube=info")]
    Filter(#[source] ParseError),
    /// Somebody set up logging before.
    #[error("logging is already set up")]
    Installed(#[source] TryInitError),
}

/// Crates that would log what passes through them: requests, tokens, whole bodies.
///
/// They stay off at every level, so that `--log-level trace` is safe on a cluster. A name stands
/// for every target that begins with it: AWS's SDK is twenty crates.
const SILENCED: [&str; 12] = [
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sdk",
    "aws_sigv4",
    "aws_smithy",
    "vaultrs",
    "rustify",
    "hyper_util",
    "h2",
    "reqwest",
    "rustls",
];

/// Sends logs to standard error.
///
/// # Errors
/// When `level` does not parse, or a subscriber is installed already.
pub fn install(level: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let filter = filter(level)?;
    let colour = std::io::stderr().is_terminal();
    let layer = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        LogFormat::Pretty => registry.with(layer.with_ansi(colour)).try_init(),
    }
    .map_err(TelemetryError::Installed)
}

/// Sends logs to a file, as text.
///
/// # Errors
/// When `level` does not parse, or a subscriber is installed already.
pub fn install_file(level: &str, file: File) -> Result<(), TelemetryError> {
    let layer = fmt::layer().with_ansi(false).with_writer(Arc::new(file));
    let registry = tracing_subscriber::registry().with(filter(level)?);
    (registry.with(layer).try_init()).map_err(TelemetryError::Installed)
}

/// What is logged at all.
///
/// # Errors
/// When `level` does not parse.
pub fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let mut filter = EnvFilter::try_new(level).map_err(TelemetryError::Filter)?;
    for target in SILENCED {
        let directive = format!("{target}=off")
            .parse()
            .map_err(TelemetryError::Filter)?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_log_tokens_and_bodies_is_silent_at_every_level() {
        let shown = filter("trace").unwrap().to_string();
        for target in SILENCED {
            assert!(
                shown.contains(&format!("{target}=off")),
                "{target}: {shown}"
            );
        }
        assert!(filter("a=b=c").is_err());
    }
}
