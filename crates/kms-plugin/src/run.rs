//! Shell. Builds every key service, binds every socket, serves, and stops in order.

use std::io::Write;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_fetch::{SessionOptions, Sessions, TokioClock};
use tidegate_kms::{Clock, Endpoint, KeyService, Metrics, Socket, admin, process, server};
use tidegate_telemetry::TelemetryError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::KmsArgs;
use crate::config::{Config, Service};
use crate::{aws, azure, local, transit};

/// How long logging out may take at the end.
const LOG_OUT: Duration = Duration::from_secs(2);

/// Why the plugin did not start.
enum Failure {
    /// A flag or the configuration is wrong: exit code 2.
    Usage(String),
    /// Something outside failed: exit code 1.
    Failed(String),
}

/// Runs the plugin to its end and gives its exit code: 0 done, 1 failed, 2 wrong usage.
#[must_use]
pub fn main(args: &KmsArgs) -> ExitCode {
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (code, text) = match failure {
                Failure::Usage(text) => (2, text),
                Failure::Failed(text) => (1, text),
            };
            let _closed = writeln!(std::io::stderr(), "tidegate-kms: {text}");
            ExitCode::from(code)
        }
    }
}

fn start(args: &KmsArgs) -> Result<(), Failure> {
    // Before any key or credential is in memory.
    let forbidden = process::forbid_dumps();
    forbidden
        .map_err(|error| Failure::Failed(format!("core dumps cannot be forbidden: {error}")))?;
    let config = configuration(args)?;
    if args.check {
        return Ok(());
    }
    install_log(args)?;
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // One thread serves tens of thousands of calls a second and keeps the process small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(run(config));
    runtime.shutdown_timeout(Duration::from_millis(500));
    outcome
}

fn configuration(args: &KmsArgs) -> Result<Config, Failure> {
    if let (Some(socket), Some(folder)) = (&args.socket, &args.local_keys) {
        return Ok(Config::of_local(socket, folder));
    }
    let path = args.config.as_ref();
    let path = path.ok_or_else(|| Failure::Usage("name a --config".to_owned()))?;
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{shown} cannot be read: {error}")))?;
    let wrong = |error: String| Failure::Usage(format!("{shown}: {error}"));
    let config = Config::read(&text).map_err(wrong)?;
    for (field, path) in config.files() {
        // What is missing at the start is a mistake; what goes missing later is an outage.
        std::fs::File::open(path).map_err(|error| {
            wrong(format!(
                "{field}: {} cannot be read: {}",
                path.display(),
                error.kind()
            ))
        })?;
    }
    Ok(config)
}

fn install_log(args: &KmsArgs) -> Result<(), Failure> {
    tidegate_telemetry::install(&args.log_level, args.log_format).map_err(|error| match error {
        TelemetryError::Filter(_) => Failure::Usage(error.to_string()),
        TelemetryError::Installed(_) => Failure::Failed(error.to_string()),
    })
}

async fn run(config: Config) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    #[allow(clippy::disallowed_methods, reason = "the clock is made here, once")]
    let unix_now = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix_now = unix_now.unwrap_or_default();
    let clock = Arc::new(TokioClock::starting_at(unix_now));
    let seed = unix_now.subsec_nanos().into();
    let sessions = Sessions::new(SessionOptions::new(clock, seed));
    let metrics = Metrics::default();
    let uids = config.allowed_uids.clone();
    let uids: Arc<[u32]> = uids.unwrap_or_else(process::default_uids).into();
    let mut tasks = JoinSet::new();
    let mut services = Vec::new();
    for described in &config.services {
        let (socket, listener) = Socket::bind(&described.socket, described.socket_mode.bits())
            .map_err(|error| Failure::Usage(format!("{}: {error}", described.name)))?;
        let service = service(described, &sessions, &metrics)?;
        if !service.is_memory_locked() {
            tracing::warn!(
                service = service.name(),
                "the memory of unwrapped keys is not locked: raise LimitMEMLOCK"
            );
        }
        tasks.spawn(Arc::clone(&service).watch(stop.clone()));
        let served = serve(Arc::clone(&service), listener, socket, &uids, &stop);
        tasks.spawn(served);
        services.push(service);
    }
    if let Some(address) = config.admin {
        let listener = admin::bind(address).await;
        let listener =
            listener.map_err(|error| Failure::Usage(format!("admin {address}: {error}")))?;
        tasks.spawn(admin::serve(listener, services, metrics, stop.clone()));
    }
    notify_ready();
    tracing::info!(services = config.services.len(), "serving");
    stop.cancelled().await;
    while tasks.join_next().await.is_some() {}
    sessions.shutdown(LOG_OUT).await;
    Ok(())
}

fn service(
    described: &Service,
    sessions: &Sessions,
    metrics: &Metrics,
) -> Result<Arc<KeyService>, Failure> {
    let mut endpoints: Vec<Endpoint> = described.local.iter().map(local::endpoint).collect();
    if let Some(transit) = &described.transit {
        endpoints = transit::endpoints(&described.name, transit, sessions);
    }
    if let Some(aws) = &described.aws {
        let wrong = |why: String| Failure::Usage(format!("{}: {why}", described.name));
        endpoints = aws::endpoints(aws).map_err(wrong)?;
    }
    if let Some(azure) = &described.azure {
        endpoints = vec![azure::endpoint(&described.name, azure, sessions)];
    }
    let mut endpoints = endpoints.into_iter();
    let first = endpoints.next();
    let first = first.ok_or_else(|| Failure::Usage(format!("{}: no endpoint", described.name)))?;
    let (options, clock) = (described.options(), Clock::system());
    let others = endpoints.collect();
    Ok(KeyService::new(
        options,
        first,
        others,
        clock,
        metrics.clone(),
    ))
}

/// Serves one socket; the file goes when the serving ends.
fn serve(
    service: Arc<KeyService>,
    listener: UnixListener,
    socket: Socket,
    uids: &Arc<[u32]>,
    stop: &CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let (uids, stop) = (Arc::clone(uids), stop.clone());
    async move {
        let name = service.name().to_owned();
        let path = socket.path().to_owned();
        tracing::info!(service = name, socket = %path.display(), "listening");
        let served = server::serve(service, listener, &path, &uids, stop.clone()).await;
        if let Err(error) = served {
            tracing::error!(service = name, %error, "the socket cannot be served");
            stop.cancel();
        }
        drop(socket);
    }
}

fn stop_on_signal(stop: CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| Failure::Failed(format!("no signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    #[allow(
        clippy::disallowed_methods,
        reason = "it waits for signals as long as the process lives"
    )]
    let _detached = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: calls in flight may end");
        stop.cancel();
    });
    Ok(())
}

/// Tells systemd (`Type=notify`) that the sockets are there.
fn notify_ready() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"READY=1", &path));
    if let Err(error) = sent {
        tracing::warn!(%error, "systemd cannot be told that the sockets are there");
    }
}
