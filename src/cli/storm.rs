//! Shell. Flags of `tidegate storm`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use tidegate_storm::budget::Budget;
use tidegate_storm::phase::Phase;

use super::{at_least_one, duration};

/// `tidegate storm`: a run, or one of its subcommands.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct StormArgs {
    /// What to do instead of a run.
    #[command(subcommand)]
    pub command: Option<StormCommand>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The subcommands of `tidegate storm`.
#[derive(Debug, Clone, Subcommand)]
pub enum StormCommand {
    /// Print two reports side by side, and plot them.
    Compare {
        /// The first report.json.
        a: PathBuf,
        /// The second.
        b: PathBuf,
        /// Write a page with both to this file.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Print what grows with the number of objects over several reports, and plot it.
    Growth {
        /// The reports, of different numbers of objects.
        #[arg(required = true, num_args = 2.., value_name = "REPORT")]
        reports: Vec<PathBuf>,
        /// Write a page with the plots to this file.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Remove from a cluster what killed runs have left there.
    Clean {
        /// Kubeconfig of the cluster.
        #[arg(long, value_name = "FILE")]
        kubeconfig: PathBuf,
        /// Context within it.
        #[arg(long, value_name = "NAME")]
        context: Option<String>,
        /// Only this run; without it, all.
        #[arg(long, value_name = "NAME")]
        run: Option<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// How Tidegate is run under the storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ControllerKind {
    /// As a child process: its processor time and memory are measured.
    Child,
    /// Within this process.
    InProcess,
}

/// Flags of one run.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// ExternalSecrets.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub objects: usize,
    /// Namespaces they lie in.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub namespaces: usize,
    /// Keys of the backend that they read.
    #[arg(long, default_value_t = 250, value_name = "N")]
    pub keys: usize,
    /// Objects that read one and the same key; without it a tenth, 1000 at most.
    #[arg(long, value_name = "N")]
    pub shared: Option<usize>,
    /// Nodes that watch Secrets as kubelets do.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub nodes: usize,
    /// Secrets that each node mounts.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub mounts: usize,
    /// Refresh interval of the objects.
    #[arg(long, default_value = "1m", value_parser = duration, value_name = "DURATION")]
    pub refresh: Duration,
    /// Phases, separated by commas; the first sync always runs.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "first-sync,steady,new-objects,rotate-one",
        value_name = "PHASE,..."
    )]
    pub phases: Vec<Phase>,
    /// A cluster instead of the embedded API; asks before it makes anything there.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context within the kubeconfig.
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub context: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Run although the cluster has ExternalSecrets or stores of others: the controller under load
    /// serves those whose store names no controller.
    #[arg(long, requires = "kubeconfig")]
    pub among_others: bool,
    /// Leave everything on the cluster; remove it later with storm clean.
    #[arg(long, requires = "kubeconfig")]
    pub keep: bool,
    /// Name of the run, part of its namespaces' names; without it a random one.
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// How Tidegate runs.
    #[arg(long, value_enum, default_value = "child")]
    pub controller: ControllerKind,
    /// Another controller: a shell command that finds KUBECONFIG in its environment.
    #[arg(
        long,
        value_name = "COMMAND",
        conflicts_with = "controller",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub controller_cmd: Option<String>,
    /// spec.controller of the store, for another controller; Tidegate gets one of its own.
    #[arg(long, value_name = "CLASS", requires = "controller_cmd")]
    pub controller_class: Option<String>,
    /// The cluster's audit log, to count requests in.
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    pub audit_log: Option<PathBuf>,
    /// Count this user's requests alone.
    #[arg(long, value_name = "USER", requires = "audit_log")]
    pub audit_user: Option<String>,
    /// Process of the API server, whose processor time and memory go into the report.
    #[arg(long, value_name = "PID", requires = "kubeconfig")]
    pub apiserver_pid: Option<u32>,
    /// Process of etcd, likewise.
    #[arg(long, value_name = "PID", requires = "kubeconfig")]
    pub etcd_pid: Option<u32>,
    /// A real backend instead of the one in this process: a file with a SecretStore or
    /// ClusterSecretStore and the Secrets that it refers to.
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Where the values stand in the real backend; {} is the number of the key, from 0.
    #[arg(
        long,
        default_value = "storm/{}",
        value_name = "PATH",
        requires = "store"
    )]
    pub store_path: String,
    /// The two properties that each object reads there.
    #[arg(
        long,
        default_value = "a,b",
        value_name = "NAME,NAME",
        value_parser = pair,
        requires = "store"
    )]
    pub store_properties: Pair,
    /// A bound on a figure; a run that misses one ends with code 1. Repeatable.
    #[arg(long = "budget", value_name = "PHASE.FIGURE=VALUE")]
    pub budgets: Vec<Budget>,
    /// Where the report goes; the page goes beside it, ending in .html.
    #[arg(long, default_value = "storm-report.json", value_name = "FILE")]
    pub report: PathBuf,
    /// Do not measure the API server's own ceiling.
    #[arg(long)]
    pub no_ceiling: bool,
    /// How long the unrelated client is alone: at first, and after each great load.
    #[arg(long, default_value = "5s", value_parser = duration, value_name = "DURATION")]
    pub idle: Duration,
    /// Time until the controller must have written its first Secret.
    #[arg(long, default_value = "1m", value_parser = duration, value_name = "DURATION")]
    pub ready_timeout: Duration,
    /// Time until a phase must have converged; what is unfinished then is counted.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "DURATION")]
    pub phase_timeout: Duration,
    /// How long the steady state is watched; without it one refresh interval.
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub steady: Option<Duration>,
    /// How long the backend is away in outage and hang.
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub outage: Duration,
    /// Objects that appear one a second.
    #[arg(long, default_value_t = 60, value_parser = at_least_one, value_name = "N")]
    pub new_objects: usize,
    /// Objects of the failing namespace; without it as many as --objects.
    #[arg(long, value_name = "N")]
    pub failing: Option<usize>,
    /// How long objects come and go in churn: a hundredth of them each minute.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "DURATION")]
    pub churn: Duration,
    /// Secrets of others that are there before the controller starts, and that it does not need.
    #[arg(long, default_value_t = 0, value_parser = foreign, value_name = "N")]
    pub foreign_secrets: usize,
    /// Bytes of each of them.
    #[arg(long, default_value_t = 20_480, value_parser = foreign_bytes, value_name = "N")]
    pub foreign_bytes: usize,
    /// The throttled backend: calls a second, and calls at once.
    #[arg(long, default_value = "40/40", value_parser = bucket, value_name = "RATE/BURST")]
    pub throttle: (f64, f64),
    /// How long each answer of the backend takes.
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub backend_latency: Option<Duration>,
    /// Further flags of tidegate controller, after --.
    #[arg(last = true, value_name = "FLAGS", conflicts_with = "controller_cmd")]
    pub arguments: Vec<String>,
}

/// Two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair(pub [String; 2]);

fn pair(text: &str) -> Result<Pair, String> {
    match text.split(',').collect::<Vec<&str>>()[..] {
        [a, b] if !a.is_empty() && !b.is_empty() => Ok(Pair([a.to_owned(), b.to_owned()])),
        _ => Err("use two names, such as user,password".to_owned()),
    }
}

fn within(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("use a number from {least} to {most}"))
}

fn foreign(text: &str) -> Result<usize, String> {
    within(text, 0, 1_000_000)
}

/// The API server takes a mebibyte.
fn foreign_bytes(text: &str) -> Result<usize, String> {
    within(text, 1, 1_000_000)
}

fn bucket(text: &str) -> Result<(f64, f64), String> {
    let number = |text: &str| -> Option<f64> {
        let number: f64 = text.parse().ok()?;
        (number.is_finite() && number >= 1.0).then_some(number)
    };
    let parts = text.split_once('/');
    parts
        .and_then(|(rate, burst)| Some((number(rate)?, number(burst)?)))
        .ok_or_else(|| "use RATE/BURST, both 1 or more, such as 40/40".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(args: &[&str]) -> Result<StormArgs, clap::Error> {
        let line = ["tidegate", "storm"].iter().chain(args);
        match Cli::try_parse_from(line)?.command {
            Command::Storm(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_are_read() {
        let args = parse(&[
            "--phases",
            "steady,rotate-all",
            "--budget",
            "first-sync.ready.p99=30s",
            "--budget",
            "steady.controller.cores=2%",
            "--throttle",
            "20/5",
            "--",
            "--max-write-concurrency",
            "64",
        ]);
        let run = args.unwrap().run;
        assert_eq!(run.phases, [Phase::Steady, Phase::RotateAll]);
        assert_eq!((run.budgets.len(), run.throttle), (2, (20.0, 5.0)));
        assert_eq!(run.arguments, ["--max-write-concurrency", "64"]);
        let compare = parse(&["compare", "a.json", "b.json"]).unwrap();
        assert!(matches!(
            compare.command,
            Some(StormCommand::Compare { .. })
        ));
    }

    #[test]
    fn wrong_flags_are_refused() {
        for args in [
            &["--phases", "first"][..],
            &["--budget", "x=1"],
            &["--throttle", "0/1"],
            &["--throttle", "40"],
            &["--objects", "-1"],
            &["--foreign-secrets", "-1"],
            &["--foreign-secrets", "1000001"],
            &["--foreign-bytes", "0"],
            &["--foreign-bytes", "1000001"],
            &["--churn", "0s"],
            &["growth", "a.json"],
            &["--refresh", "0s"],
            &["--keep"],
            &["--store-path", "x/{}"],
            &["--store", "f", "--store-properties", "a"],
            &["--apiserver-pid", "1"],
            &["--kubeconfig", "k", "--etcd-pid", "x"],
            &["--controller-cmd", ""],
            &["--controller-cmd", "x", "--controller", "child"],
            &["--controller-cmd", "x", "--", "--flag"],
            &["compare", "a.json"],
            &["clean"],
        ] {
            assert_eq!(parse(args).unwrap_err().exit_code(), 2, "{args:?}");
        }
    }
}
