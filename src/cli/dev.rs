//! Shell. Flags of `tidegate dev`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

const EXAMPLES: &str = "\
Examples:
  tidegate dev                           a built-in example: one store, three ExternalSecrets
  tidegate dev team/                     your manifests; edits are applied as you save
  tidegate dev store.yaml app.yaml -p 6443 --kubeconfig ./dev.kubeconfig
  tidegate dev --once team/              once, for CI: prints the Secrets, values redacted
  helm template . | tidegate dev --once -o name -
  tidegate dev --once --reveal -o json team/ | jq '.items[0].data'

What it is:
  A Kubernetes API in memory, on loopback, behind TLS and a random token, and the real controller
  beside it. No pods run and RBAC is not enforced. Stores reach real backends such as Vault.
  The kubeconfig (mode 0600, in a folder of its own) and everything else go when it ends.

Order:
  Namespaces (made when missing), CustomResourceDefinitions, Secrets and the like, stores,
  ExternalSecrets. An object that leaves the files is deleted, unless its file cannot be read.

Exit codes:
  0    with --once: every object is Ready; without: it was stopped
  1    with --once: something is not Ready or could not be applied (standard error says what,
       why, and what to do); without: something outside failed
  2    wrong usage: a flag, a port that is taken, nothing to apply
  130  with --once: interrupted (143 when terminated)";

/// Flags of `tidegate dev`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DevArgs {
    /// Manifests: .yaml, .yml and .json files, folders of them, - for standard input.
    ///
    /// Without any, a built-in example is applied.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(short, long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Write the kubeconfig here; without it, into a private folder. An existing file is only
    /// replaced when an earlier dev wrote it.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of objects that name none.
    #[arg(short, long, default_value = "default", value_name = "NAMESPACE")]
    pub namespace: String,
    /// Sync, print the resulting Secrets, end.
    #[arg(long)]
    pub once: bool,
    /// With --once: wait this long at most for everything to be Ready.
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub timeout: Duration,
    /// With --once: give up when all that is left has been failing for this long.
    #[arg(long, default_value = "3s", value_parser = duration, value_name = "DURATION")]
    pub patience: Duration,
    /// With --once: how Secrets are printed.
    #[arg(short, long, value_enum, default_value = "yaml", requires = "once")]
    pub output: Output,
    /// With --once: print values instead of their lengths.
    #[arg(long, requires = "once")]
    pub reveal: bool,
    /// Pass over kinds that are not served here (a Deployment, say) instead of failing.
    #[arg(long)]
    pub skip_unserved: bool,
    /// Write the controller's log to this file, - for standard error.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Level or filter of that log, such as debug or tidegate=debug,kube=info.
    #[arg(
        long,
        default_value = "info",
        env = "TIDEGATE_LOG",
        value_name = "LEVEL"
    )]
    pub log_level: String,
}

/// How Secrets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// One document per Secret.
    Yaml,
    /// One List.
    Json,
    /// One line per Secret: its keys and their lengths.
    Table,
    /// One line per Secret: secret/NAMESPACE/NAME.
    Name,
}
