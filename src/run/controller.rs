//! Shell. `tidegate controller`: builds every part, runs them, and stops them in order.

use std::process::ExitCode;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use tidegate_fetch::{Fetch, FetchOptions, FingerprintKey, SessionOptions, Sessions, TokioClock};
use tidegate_storm::target;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::fail;
use crate::admin::{self, Health};
use crate::cli::{ControllerArgs, Heartbeat};
use crate::client;
use crate::clock::Clock;
use crate::controller::context::{Context, Parts, Settings};
use crate::controller::{self, world::World};
use crate::entropy::Entropy;
use crate::lease::{Candidate, Leadership, LeaseOptions};
use crate::metrics::{self, Metrics, collect::Live};
use crate::patch::Patcher;
use crate::patch::api::Api as Writer;
use crate::patch::permits::Permits;
use crate::registry::Fakes;
use crate::report::Reporter;
use crate::telemetry;

/// Calls per second with which a backend is approached. A first sync waits for its reads: from 50
/// a second, 250 of them take 2 s, more than all its Secrets take to be written. From 400 the rate
/// has quadrupled after 100 answers; push-back and the calls in flight bound it as every later one.
const INITIAL_RATE: f64 = 400.0;

/// Why the controller did not start or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// A flag or file is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Something outside failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

/// Runs the subcommand to its end.
#[must_use]
pub fn main(args: ControllerArgs) -> ExitCode {
    if let Err(error) = telemetry::install(&args.log_level, args.log_format) {
        return fail(2, &error.to_string());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("no runtime: {error}")),
    };
    let outcome = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = stop_on_signal(stop.clone());
        tokio::select! {
            outcome = run(args, stop) => outcome,
            never = signals => match never {},
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(ControllerError::Usage(text)) => fail(2, &text),
        Err(ControllerError::Failed(text)) => fail(1, &text),
    }
}

/// Cancels `stop` at the first SIGTERM or SIGINT and keeps waiting, so that the drain goes on.
async fn stop_on_signal(stop: CancellationToken) -> std::convert::Infallible {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    if let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: draining writes in flight");
        stop.cancel();
    }
    std::future::pending().await
}

/// Runs the controller until `stop`.
///
/// # Errors
/// `Usage` for wrong flags and unreadable files, `Failed` when the API server or the admin port
/// cannot be reached.
pub async fn run(args: ControllerArgs, stop: CancellationToken) -> Result<(), ControllerError> {
    let (client, namespace) = connect(&args).await?;
    let listener = admin::bind(args.admin_addr).await.map_err(|error| {
        ControllerError::Usage(format!("--admin-addr {}: {error}", args.admin_addr))
    })?;
    let ground = Ground::system(client, namespace, Some(listener));
    run_on(&args, ground, stop).await
}

/// What a controller stands on. Tests bring an API in their own process, virtual time, a known seed
/// and backends that fail on order.
pub struct Ground {
    /// The API server.
    pub client: Client,
    /// Namespace of the Lease, unless the flags name one.
    pub namespace: String,
    /// The admin port; none serves none.
    pub listener: Option<TcpListener>,
    /// The time.
    pub clock: Clock,
    /// Seeds jitter and makes this process's name in the Lease: different for each process.
    pub seed: u64,
    /// Draws what templates draw, and the key of fingerprints.
    pub entropy: Entropy,
    /// Who makes the backends of `fake` stores.
    pub fakes: Fakes,
}

impl Ground {
    /// The system's clock and randomness, and the backends as they are.
    #[must_use]
    pub fn system(client: Client, namespace: String, listener: Option<TcpListener>) -> Self {
        Self {
            client,
            namespace,
            listener,
            clock: Clock::system(),
            seed: seed(),
            entropy: Entropy::system(),
            fakes: Fakes::default(),
        }
    }
}

/// Runs the controller on what the caller brings, until `stop`. Dropping the future ends it as a
/// kill would: nothing is drained, released or revoked.
///
/// # Errors
/// `Failed` when the API server cannot be reached or the Lease is lost.
pub async fn run_on(
    args: &ControllerArgs,
    ground: Ground,
    stop: CancellationToken,
) -> Result<(), ControllerError> {
    run_seen(args, ground, |_| {}, stop).await
}

/// As [`run_on`]; `started` sees what the controller's tasks share.
///
/// # Errors
/// As [`run_on`].
pub async fn run_seen(
    args: &ControllerArgs,
    mut ground: Ground,
    started: impl FnOnce(&Arc<Context>),
    stop: CancellationToken,
) -> Result<(), ControllerError> {
    let (client, clock) = (ground.client.clone(), ground.clock);
    let health = Health::default();
    let salt = cluster_identity(&client).await?;
    let (mut registry, metrics) = metrics::registry();

    let mut tasks = tokio::task::JoinSet::new();
    let election_stop = CancellationToken::new();
    let leadership = if args.no_leader_election {
        Leadership::always(clock)
    } else {
        let candidate = Candidate::new(client, lease_options(args, &ground), clock);
        let leadership = candidate.leadership();
        tasks.spawn(candidate.run(election_stop.clone()));
        leadership
    };
    let listener = ground.listener.take();
    let (ctx, permits) = context(args, ground, leadership.clone(), salt, metrics)?;
    started(&ctx);
    registry.register_collector(Box::new(Live::new(&ctx, permits)));
    let admin_stop = CancellationToken::new();
    if let Some(listener) = listener {
        let end = admin_stop.clone();
        let admin = admin::serve(listener, health.clone(), Arc::new(registry), end);
        tasks.spawn(async move {
            if let Err(error) = admin.await {
                tracing::error!(%error, "the admin port failed");
            }
        });
    }

    let outcome = lead(&ctx, &leadership, &health, &stop, args.drain_timeout).await;
    election_stop.cancel();
    admin_stop.cancel();
    while tasks.join_next().await.is_some() {}
    outcome
}

/// Works from the moment the Lease is ours, while it lasts.
async fn lead(
    ctx: &Arc<Context>,
    leadership: &Leadership,
    health: &Health,
    stop: &CancellationToken,
    drain: Duration,
) -> Result<(), ControllerError> {
    let work_stop = stop.child_token();
    let guard = work_stop.clone();
    let lost = async {
        leadership.gained().await;
        leadership.lost().await;
        guard.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = controller::run(ctx, leadership, health, work_stop.clone(), drain) => {}
        () = lost => {}
    }
    if stop.is_cancelled() {
        return Ok(());
    }
    // Another replica leads now. A fresh process has no stale decision in flight.
    Err(ControllerError::Failed(
        "the Lease was lost; exiting so that a fresh start follows".into(),
    ))
}

/// A client for the cluster that the flags, the environment or the pod name.
async fn connect(args: &ControllerArgs) -> Result<(Client, String), ControllerError> {
    let usage = |text: String| ControllerError::Usage(text);
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &args.kubeconfig {
        Some(path) => {
            let told = |error| {
                let why = target::unreadable(&error);
                usage(format!("--kubeconfig {}: {why}", path.display()))
            };
            let file = Kubeconfig::read_from(path).map_err(told)?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(|error| usage(format!("--kubeconfig {}: {error}", path.display())))?
        }
        None if args.context.is_some() => Config::from_kubeconfig(&options)
            .await
            .map_err(|error| usage(format!("--context: {}", target::unreadable(&error))))?,
        None => Config::infer().await.map_err(|error| {
            usage(format!(
                "no cluster: name one with --kubeconfig FILE or KUBECONFIG ({error})"
            ))
        })?,
    };
    let namespace = config.default_namespace.clone();
    let client = client::client(config)
        .map_err(|error| usage(format!("the kubeconfig cannot be used: {error}")))?;
    Ok((client, namespace))
}

/// UID of `kube-system`: what makes this cluster's phases differ from another's.
async fn cluster_identity(client: &Client) -> Result<String, ControllerError> {
    let api: Api<Namespace> = Api::all(client.clone());
    let asked = tokio::time::timeout(Duration::from_secs(30), api.get("kube-system")).await;
    match asked {
        Ok(Ok(namespace)) => Ok(namespace.uid().unwrap_or_default()),
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
            tracing::warn!("kube-system is not readable: polls keep no phase between clusters");
            Ok(String::new())
        }
        Ok(Err(error)) => Err(ControllerError::Failed(format!(
            "the API server cannot be reached: {error}"
        ))),
        Err(_) => Err(ControllerError::Failed(
            "the API server does not answer".to_owned(),
        )),
    }
}

fn lease_options(args: &ControllerArgs, ground: &Ground) -> LeaseOptions {
    let host = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    let host = host.unwrap_or_else(|_| "tidegate".to_owned());
    LeaseOptions {
        namespace: (args.lease_namespace.as_ref())
            .unwrap_or(&ground.namespace)
            .clone(),
        name: args.lease_name.clone(),
        identity: format!("{host}_{:016x}", ground.seed),
        duration: args.lease_duration,
        retry: args.lease_duration * 2 / 15,
    }
}

fn context(
    args: &ControllerArgs,
    ground: Ground,
    leadership: Leadership,
    salt: String,
    metrics: Metrics,
) -> Result<(Arc<Context>, Permits), ControllerError> {
    let Ground {
        client,
        clock,
        seed,
        entropy,
        fakes,
        ..
    } = ground;
    let fetch_clock = Arc::new(TokioClock::starting_at(clock.epoch()));
    let mut options =
        FetchOptions::new(fetch_clock.clone(), salt, fingerprint_key(&entropy)?, seed);
    options.call_deadline = args.backend_timeout;
    options.initial_rate = INITIAL_RATE;
    let sessions = Sessions::new(SessionOptions::new(fetch_clock, seed.rotate_left(21)));
    let permits = Permits::new(args.max_write_concurrency, clock);
    let world = Arc::new(RwLock::new(World::default()));
    let writer = Writer::new(client.clone(), permits.clone(), leadership, clock);
    let parts = Parts {
        patcher: Patcher::new(writer.clone(), Arc::clone(&world)),
        reporter: Reporter::new(writer, args.max_write_concurrency),
        client,
        clock,
        settings: Settings {
            namespace: args.namespace.clone(),
            store_interval: args.store_requeue_interval,
        },
        config: Arc::new(tidegate_stages::Config {
            controller_class: args.controller_class.as_str().into(),
            refresh_floor: args.refresh_interval_floor,
            status_heartbeat: match args.status_heartbeat {
                Heartbeat::Each => tidegate_stages::Heartbeat::Each,
                Heartbeat::Off => tidegate_stages::Heartbeat::Off,
                Heartbeat::Every(interval) => tidegate_stages::Heartbeat::Every(interval),
            },
            templates: Arc::new(tidegate_stages::Templates::new(
                &args.delimiters.template_left_delimiter,
                &args.delimiters.template_right_delimiter,
            )),
        }),
        world,
        fetch: Fetch::new(options),
        sessions,
        metrics,
        fakes,
        entropy,
        seed: seed.rotate_left(42),
    };
    Ok((Arc::new(Context::new(parts)), permits))
}

fn fingerprint_key(entropy: &Entropy) -> Result<FingerprintKey, ControllerError> {
    let bytes = entropy
        .bytes()
        .ok_or_else(|| ControllerError::Failed("the system gives no random numbers".to_owned()))?;
    Ok(FingerprintKey::new(*bytes))
}

/// A number for jitter and names: it needs to differ, not to be secret.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
