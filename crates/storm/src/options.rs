//! Shell. What to run, how a run may fail, and the arguments that its controller gets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::ApiFailure;
use crate::controller::Kind;
use crate::load::Load;
use crate::phase::Phase;
use crate::process::Server;
use crate::target::{TargetError, Where};

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The load.
    pub load: Load,
    /// The API server.
    pub place: Where,
    /// Token of the embedded API; the caller draws it at random.
    pub token: String,
    /// Seeds UIDs of the embedded API.
    pub seed: u64,
    /// Which controller.
    pub controller: Kind,
    /// Further arguments of Tidegate.
    pub arguments: Vec<String>,
    /// The phases; the first sync always runs.
    pub phases: Vec<Phase>,
    /// When the run began, in RFC 3339.
    pub began: String,
    /// The API server's audit log, for requests on a cluster.
    pub audit_log: Option<PathBuf>,
    /// Count this user's requests in it; without it everybody's but ours and the control plane's.
    pub audit_user: Option<String>,
    /// Processes whose processor time and memory are noted: name and id.
    pub servers: Vec<(Server, u32)>,
    /// How long the unrelated client is alone, at first and after each great load.
    pub idle: Duration,
    /// Time until the controller must have written its first Secret.
    pub ready_timeout: Duration,
    /// Time until a phase must have converged; what is unfinished then is counted.
    pub phase_timeout: Duration,
    /// How long steady states are watched.
    pub steady: Duration,
    /// How long the backend is away.
    pub outage: Duration,
    /// Objects that appear one a second.
    pub new_objects: usize,
    /// Objects of the failing namespace.
    pub failing: usize,
    /// How long objects come and go in the phase `churn`.
    pub churn: Duration,
    /// Secrets of others that are there before the controller starts.
    pub foreign: usize,
    /// Bytes of each of them.
    pub foreign_bytes: usize,
    /// The throttled backend's bucket: calls a second, and at once.
    pub throttle: (f64, f64),
    /// How long each answer of the backend takes.
    pub backend_latency: Duration,
    /// Whether to measure the API server's own ceiling.
    pub ceiling: bool,
    /// Whether to run although others use the cluster's stores.
    pub among_others: bool,
    /// Whether to leave everything where it is on a cluster.
    pub keep: bool,
}

/// How a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum StormError {
    /// A flag or file is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Something failed: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The user ended it: exit code 130.
    #[error("interrupted")]
    Interrupted,
}

impl From<ApiFailure> for StormError {
    fn from(error: ApiFailure) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<TargetError> for StormError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Kubeconfig { .. } => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Tidegate's arguments: its own class, Lease and port, so that it meets no other controller.
pub(crate) fn arguments(
    options: &Options,
    kubeconfig: &Path,
    context: Option<&str>,
) -> Vec<String> {
    let load = &options.load;
    let mut arguments: Vec<String> = vec![
        "controller".into(),
        "--kubeconfig".into(),
        kubeconfig.display().to_string(),
        "--admin-addr".into(),
        "127.0.0.1:0".into(),
        "--lease-namespace".into(),
        load.control(),
        "--lease-name".into(),
        load.store(),
        "--log-level".into(),
        "error".into(),
    ];
    if !load.class.is_empty() {
        arguments.extend(["--controller-class".into(), load.class.clone()]);
    }
    if let Some(context) = context {
        arguments.extend(["--context".into(), context.to_owned()]);
    }
    arguments.extend(options.arguments.iter().cloned());
    arguments
}
