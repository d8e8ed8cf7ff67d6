//! Shell. Flags of `tidegate encryption` as plain structs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use super::examples;
use crate::{cluster, etcd};

/// Flags of `tidegate encryption`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = examples::ENCRYPTION)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// Writes to the API server in flight, at most.
    #[must_use]
    pub fn most_writes(&self) -> usize {
        match &self.command {
            Command::Rewrite(args) => args.pace.max_in_flight,
            Command::Rotate(args) => args.pace.max_in_flight,
            Command::Config(_) | Command::Verify(_) | Command::Status(_) => 1,
        }
    }
}

/// The subcommands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Make an EncryptionConfiguration, or check one.
    #[command(after_help = examples::CONFIG)]
    Config(ConfigArgs),
    /// Read etcd and tell how every object is stored.
    ///
    /// Ends with code 1 when anything is in the clear, damaged or under an unknown key.
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Store every stale object anew under the present key.
    #[command(after_help = examples::REWRITE)]
    Rewrite(RewriteArgs),
    /// Replace the key without downtime, one safe step after the other.
    ///
    /// The new key comes second, then first, everything is rewritten and verified in etcd, and
    /// after the soak the old key goes. Run it again after a stop of any sort: it goes on where
    /// it was, and never before every API server has loaded the step before.
    #[command(after_help = examples::ROTATE)]
    Rotate(RotateArgs),
    /// One screen: what every API server has loaded, keys, plugins, and what is wrong.
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
}

/// Flags of `config`.
#[derive(Debug, Clone, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    /// Check instead of make.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
    /// What to make.
    #[command(flatten)]
    pub make: MakeArgs,
}

/// The subcommands of `config`.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Say what an API server would refuse in a file, and what it should not accept.
    Check(CheckArgs),
}

/// Providers that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProviderKind {
    /// A KMS v2 plugin.
    Kms,
    /// XSalsa20-Poly1305 with a key in the file.
    Secretbox,
    /// AES-CBC with a key in the file; weak.
    Aescbc,
    /// AES-GCM with a key in the file; wears out.
    Aesgcm,
}

/// A provider to make.
#[derive(Debug, Clone, clap::Args)]
pub struct NewArgs {
    /// Provider that writes; without it kms where --kms-endpoint is given, else secretbox (in a
    /// rotation: as before).
    #[arg(long, value_enum)]
    pub provider: Option<ProviderKind>,
    /// Socket of the KMS v2 plugin, as unix:///PATH.
    #[arg(long, value_name = "URL")]
    pub kms_endpoint: Option<String>,
    /// Name of the KMS provider; it stands in every stored value.
    #[arg(long, value_name = "NAME", default_value = "tidegate")]
    pub kms_name: String,
    /// Deadline of one call to the plugin.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = seconds)]
    pub kms_timeout: Duration,
}

/// What to make.
#[derive(Debug, Clone, clap::Args)]
pub struct MakeArgs {
    /// Write here, mode 0600, and print what the API server needs; without it, print the file.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The provider.
    #[command(flatten)]
    pub new: NewArgs,
    /// Resource to encrypt, as plural.group; again for more [default: secrets, configmaps and
    /// generatorstates.generators.external-secrets.io].
    #[arg(long = "resource", value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

/// Flags of `config check`.
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArgs {
    /// The EncryptionConfiguration.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The API server's static-pod manifest, so that flags and mounts are checked too.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Warnings count as errors.
    #[arg(long)]
    pub strict: bool,
}

/// How to reach etcd.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "etcd")]
pub struct EtcdArgs {
    /// Endpoint of etcd, as https://HOST:2379; again for more.
    #[arg(long = "etcd", value_name = "URL")]
    pub endpoints: Vec<String>,
    /// Authority of etcd's certificates; on kubeadm /etc/kubernetes/pki/etcd/ca.crt.
    #[arg(long, value_name = "FILE")]
    pub etcd_ca: Option<PathBuf>,
    /// Client certificate; on kubeadm /etc/kubernetes/pki/apiserver-etcd-client.crt.
    #[arg(long, value_name = "FILE")]
    pub etcd_cert: Option<PathBuf>,
    /// Its key; on kubeadm /etc/kubernetes/pki/apiserver-etcd-client.key.
    #[arg(long, value_name = "FILE")]
    pub etcd_key: Option<PathBuf>,
    /// The API server's --etcd-prefix.
    #[arg(long, value_name = "PREFIX", default_value = "/registry")]
    pub etcd_prefix: String,
}

impl EtcdArgs {
    /// None where no endpoint was named.
    #[must_use]
    pub fn options(&self) -> Option<etcd::Options> {
        (!self.endpoints.is_empty()).then(|| etcd::Options {
            endpoints: self.endpoints.clone(),
            ca: self.etcd_ca.clone(),
            cert: self.etcd_cert.clone(),
            key: self.etcd_key.clone(),
        })
    }
}

/// How to reach the API servers.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API servers")]
pub struct ClusterArgs {
    /// Kubeconfig file; without it KUBECONFIG, ~/.kube/config, then the pod's own account.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context within the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Address of each API server itself, past any load balancer; again for more.
    #[arg(long = "server", value_name = "URL")]
    pub servers: Vec<String>,
}

impl ClusterArgs {
    /// As the cluster's shell takes them.
    #[must_use]
    pub fn options(&self) -> cluster::Options {
        cluster::Options {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            servers: self.servers.clone(),
        }
    }

    /// Whether any was named.
    #[must_use]
    pub fn named(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some() || !self.servers.is_empty()
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Flags of `verify`.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// The EncryptionConfiguration that API servers run with: tells what is stale, and its local
    /// keys prove that values are whole.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Resource to look at, as plural.group; again for more [default: those of the configuration].
    #[arg(long = "resource", value_name = "RESOURCE")]
    pub resources: Vec<String>,
    /// Open KMS v2 values too, with seeds that the plugins unwrap at the sockets of --config: one
    /// call for each seed. The plugin must let this user in.
    #[arg(long, requires = "config")]
    pub open_kms: bool,
    /// Objects to name, at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub list: usize,
    /// End with code 1 for stale objects too.
    #[arg(long)]
    pub fail_on_stale: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
    /// etcd.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The API servers.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// The pace of writes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// Objects a second, at most. Below it the pace follows a small request of our own: it falls
    /// when that takes more than twice as long as in idle times.
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = per_second)]
    pub max_rate: u32,
    /// Go as quick as the API server answers: done in a fraction of the time, and its other
    /// clients feel it.
    #[arg(long, conflicts_with = "max_rate")]
    pub eager: bool,
    /// Writes in flight, at most; the limit adapts below it.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = at_least_one)]
    pub max_in_flight: usize,
}

/// Flags of `rewrite`.
#[derive(Debug, Clone, clap::Args)]
pub struct RewriteArgs {
    /// The EncryptionConfiguration that API servers run with: every one of them must have loaded
    /// this very file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Resource to rewrite, as plural.group; again for more [default: those of the configuration].
    #[arg(long = "resource", value_name = "RESOURCE")]
    pub resources: Vec<String>,
    /// Where progress is kept, so that a killed run goes on where it was.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Say what would be rewritten, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The pace.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// etcd: with it only stale objects are touched, without it all are.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The API servers.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Flags of `rotate`.
#[derive(Debug, Clone, clap::Args)]
pub struct RotateArgs {
    /// The EncryptionConfiguration that API servers run with: this node's, or a copy whose
    /// changes you carry to the nodes.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Begin a rotation where none is under way; without it, one that was begun goes on.
    #[arg(long)]
    pub begin: bool,
    /// The new provider; without one, a new key for the present one.
    #[command(flatten)]
    pub new: NewArgs,
    /// Where the configuration with the old key is kept when it is dropped, mode 0600: without
    /// it, no backup of etcd from before the rotation can be read.
    #[arg(long, value_name = "FILE")]
    pub archive: Option<PathBuf>,
    /// What the rotation remembers [default: beside the configuration].
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Between the proof that nothing is left under the old key and its drop.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = hours)]
    pub soak: Duration,
    /// How long to wait for API servers to load a change, before the command ends and has to be
    /// run again.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = hours)]
    pub wait: Duration,
    /// The pace.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// etcd: without it nothing can be proven, and no key is dropped.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The API servers: name every one with --server.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Flags of `status`.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {
    /// The EncryptionConfiguration that API servers should run with.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// etcd, to count what is stale.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The API servers.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

fn hours(text: &str) -> Result<Duration, String> {
    let wrong = || "use a duration such as 24h, 5m or 0s".to_owned();
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number
        .checked_mul(seconds)
        .filter(|seconds| *seconds <= 366 * 86_400);
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse() {
        Ok(seconds @ 1..=60) => Ok(Duration::from_secs(seconds)),
        _ => Err("use whole seconds from 1s to 60s".to_owned()),
    }
}

fn per_second(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number @ 1..=10_000) => Ok(number),
        _ => Err("use a whole number from 1 to 10000".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1000) => Ok(number),
        _ => Err("use a whole number from 1 to 1000".to_owned()),
    }
}
