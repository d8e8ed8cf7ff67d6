//! Shell. The command line: subcommands and flags as plain structs.

mod dev;
mod template;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tidegate_api::GoDuration;

use crate::telemetry::LogFormat;
pub use dev::{DevArgs, Output};
pub use template::{Delimiters, Format, KeyValue, TemplateArgs};

pub mod storm;

/// Keeps native Kubernetes Secrets equal to what teams declare in ExternalSecrets.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: a Kubernetes API in memory, your manifests, and the controller.
    Dev(Box<DevArgs>),
    /// Run the sync controller against a cluster.
    Controller(Box<ControllerArgs>),
    /// Render the template of an ExternalSecret from files, without a cluster.
    Template(Box<TemplateArgs>),
    /// Print the CustomResourceDefinitions as YAML.
    ///
    /// Apply them with: tidegate crds | kubectl apply --server-side -f -
    Crds,
    /// Run the KMS v2 plugin: it wraps the seeds of kube-apiserver with a key service.
    ///
    /// The program tidegate-kms is the same without the controller, for control-plane nodes.
    Kms(Box<tidegate_kms_plugin::KmsArgs>),
    /// Encryption of Secrets in etcd: make and check its configuration, prove it, renew it.
    Encryption(Box<tidegate_encryption::commands::Args>),
    /// Load a controller of ExternalSecrets and measure it.
    ///
    /// Without a kubeconfig everything runs here: an embedded Kubernetes API, a backend, nodes,
    /// and Tidegate as a child process.
    Storm(Box<storm::StormArgs>),
}

/// Flags of `tidegate controller`.
#[derive(Debug, Clone, Args)]
pub struct ControllerArgs {
    /// Kubeconfig file; without it KUBECONFIG, ~/.kube/config, then the pod's own account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context within the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Serve this namespace alone; without it, all.
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Serve stores whose spec.controller is empty or this.
    #[arg(long, default_value = "default", value_name = "CLASS")]
    pub controller_class: String,
    /// Where /livez, /readyz and /metrics are served.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    pub admin_addr: SocketAddr,
    /// Level or filter, such as info or tidegate=debug,kube=info.
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
    /// Write refreshTime at every refresh (each), never (off), or this often at most.
    #[arg(long, default_value = "6h", value_name = "each|off|DURATION")]
    pub status_heartbeat: Heartbeat,
    /// The shortest refreshInterval that is honoured; shorter ones count as this.
    #[arg(long, default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub refresh_interval_floor: Duration,
    /// How often stores are validated, unless they say so themselves.
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub store_requeue_interval: Duration,
    /// Writes to the API server in flight, at most; the limit adapts below it.
    #[arg(long, default_value_t = 32, value_parser = at_least_one, value_name = "N")]
    pub max_write_concurrency: usize,
    /// Deadline of one call to a backend.
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub backend_timeout: Duration,
    /// Run without a Lease: only where nothing else can ever run beside this process.
    #[arg(long)]
    pub no_leader_election: bool,
    /// Name of the Lease.
    #[arg(long, default_value = "tidegate-controller", value_name = "NAME")]
    pub lease_name: String,
    /// Namespace of the Lease; without it the namespace of the kubeconfig or pod.
    #[arg(long, value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// How long a renewal of the Lease counts.
    #[arg(long, default_value = "15s", value_parser = lease_duration, value_name = "DURATION")]
    pub lease_duration: Duration,
    /// How templates mark their actions.
    #[command(flatten)]
    pub delimiters: Delimiters,
    /// How long SIGTERM waits for writes in flight.
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub drain_timeout: Duration,
}

/// When `status.refreshTime` alone is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// At every refresh, as ESO does.
    Each,
    /// Never.
    Off,
    /// When the written one is older than this.
    Every(Duration),
}

impl FromStr for Heartbeat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "each" => Ok(Self::Each),
            "off" => Ok(Self::Off),
            _ => duration(text)
                .map(Self::Every)
                .map_err(|_| "use each, off or a duration".into()),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = GoDuration::parse(text)
        .map_err(|error| error.to_string())?
        .0;
    if duration.is_zero() {
        Err("must be above zero".to_owned())
    } else {
        Ok(duration)
    }
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration < Duration::from_secs(3) {
        return Err("a lease under 3s cannot be renewed in time".to_owned());
    }
    Ok(duration)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("use a whole number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn heartbeats_are_read() {
        let six = Heartbeat::Every(Duration::from_secs(6 * 3600));
        assert_eq!("6h".parse(), Ok(six));
        assert_eq!("each".parse(), Ok(Heartbeat::Each));
        assert_eq!("off".parse(), Ok(Heartbeat::Off));
        assert!("0s".parse::<Heartbeat>().is_err());
        assert!("often".parse::<Heartbeat>().is_err());
    }

    #[test]
    fn wrong_flags_end_in_one_clear_error() {
        for args in [
            vec!["tidegate", "controller", "--lease-duration", "1s"],
            vec!["tidegate", "controller", "--max-write-concurrency", "0"],
            vec!["tidegate", "controller", "--status-heartbeat", "often"],
            vec!["tidegate", "controller", "--admin-addr", "nowhere"],
            vec!["tidegate", "controler"],
            vec!["tidegate", "dev", "--reveal"],
            vec!["tidegate", "dev", "--port", "66000"],
            vec!["tidegate", "dev", "--once", "--timeout", "0s"],
            vec!["tidegate", "dev", "--once", "-o", "xml"],
        ] {
            let error = Cli::try_parse_from(&args).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{args:?}");
        }
    }
}
