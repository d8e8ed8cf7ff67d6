//! Shell. The flags of `tidegate kms` and `tidegate-kms`.

use std::path::PathBuf;

use clap::Args;
use tidegate_telemetry::LogFormat;

/// Flags of the plugin. Credentials are never flags: the configuration names files that hold them.
#[derive(Debug, Clone, Args)]
pub struct KmsArgs {
    /// Configuration file, YAML or JSON; see docs/kms.md.
    #[arg(long, value_name = "FILE", required_unless_present = "local_keys")]
    pub config: Option<PathBuf>,
    /// Instead of a file: the socket of one key service with key files.
    #[arg(
        long,
        value_name = "PATH",
        requires = "local_keys",
        conflicts_with = "config"
    )]
    pub socket: Option<PathBuf>,
    /// Instead of a file: the folder of its key files.
    #[arg(
        long,
        value_name = "FOLDER",
        requires = "socket",
        conflicts_with = "config"
    )]
    pub local_keys: Option<PathBuf>,
    /// Read the configuration, say what is wrong with it, and end.
    #[arg(long)]
    pub check: bool,
    /// Level or filter, such as info or tidegate_kms=debug.
    #[arg(
        long,
        default_value = "info",
        env = "TIDEGATE_LOG",
        value_name = "LEVEL"
    )]
    pub log_level: String,
    /// json or pretty.
    #[arg(long, value_enum, default_value = "json")]
    pub log_format: LogFormat,
}
