//! Shell. `tidegate dev`: an embedded API, the controller on it, and the user's manifests.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kube::Client;
use kubebox::{Access, Kubebox, Options};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::controller::{self, ControllerError};
use super::fail;
use crate::cli::{Cli, Command, ControllerArgs, DevArgs};
use crate::clock::Clock;
use crate::dev::cluster::Cluster;
use crate::dev::files::plain;
use crate::dev::home::{self, Home};
use crate::dev::live::Live;
use crate::dev::observe::Observer;
use crate::dev::patience::Patience;
use crate::dev::screen::{self, Screen};
use crate::dev::sync::Sync;
use crate::dev::{once, print, stdin};
use crate::telemetry::{self, LogFormat};

const EXAMPLE: &str = include_str!("../../manifests/samples/quickstart.yaml");
/// Longest wait for tasks to end.
const END: Duration = Duration::from_secs(3);

/// How it ended.
enum End {
    /// Well.
    Done,
    /// Something is not Ready; told already.
    NotReady,
    /// Wrong usage.
    Usage(String),
    /// Something outside failed.
    Failed(String),
    /// A signal came before `--once` was done; its number.
    Interrupted(u8),
}

/// Runs the subcommand to its end.
#[must_use]
pub fn main(args: DevArgs) -> ExitCode {
    let begun = Instant::now();
    if let Err(text) = log(&args) {
        return fail(2, &text);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("no runtime: {error}")),
    };
    let end = runtime.block_on(run(args, begun));
    runtime.shutdown_timeout(Duration::from_secs(1));
    match end {
        End::Done => ExitCode::SUCCESS,
        End::NotReady => ExitCode::FAILURE,
        End::Usage(text) => fail(2, &text),
        End::Failed(text) => fail(1, &text),
        End::Interrupted(signal) => fail(128 + signal, "interrupted before all was Ready"),
    }
}

/// Sends the controller's log where it was asked for; nowhere otherwise.
fn log(args: &DevArgs) -> Result<(), String> {
    let level = &args.log_level;
    match &args.log {
        None => telemetry::filter(level)
            .map(|_| ())
            .map_err(|error| error.to_string()),
        Some(path) if path == Path::new("-") => {
            telemetry::install(level, LogFormat::Pretty).map_err(|error| error.to_string())
        }
        Some(path) => {
            let file = screen::log_file(path)
                .map_err(|error| format!("--log {}: {}", path.display(), plain(&error)))?;
            telemetry::install_file(level, file).map_err(|error| error.to_string())
        }
    }
}

async fn run(args: DevArgs, begun: Instant) -> End {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (told, signals) = tokio::sync::watch::channel(0u8);
    let token = stop.clone();
    tasks.spawn(async move { stop_on_signal(&told, &token).await });
    let end = match Stage::set(&args, &stop, &mut tasks).await {
        Ok(stage) => stage.play(&args, begun, &stop).await,
        Err(end) => end,
    };
    stop.cancel();
    let finish = async { while tasks.join_next().await.is_some() {} };
    let _timed_out = tokio::time::timeout(END, finish).await;
    let signal = *signals.borrow();
    match end {
        End::NotReady | End::Done if args.once && signal > 0 => End::Interrupted(signal),
        end => end,
    }
}

/// Cancels `stop` at the first signal that asks for an end, and tells its number.
async fn stop_on_signal(told: &tokio::sync::watch::Sender<u8>, stop: &CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::terminate(),
    ];
    let [Ok(mut hangup), Ok(mut interrupt), Ok(mut terminate)] = kinds.map(signal) else {
        return;
    };
    let kind = tokio::select! {
        _ = hangup.recv() => kinds[0],
        _ = interrupt.recv() => kinds[1],
        _ = terminate.recv() => kinds[2],
        () = stop.cancelled() => return,
    };
    told.send_replace(u8::try_from(kind.as_raw_value()).unwrap_or_default());
    stop.cancel();
}

/// The embedded API, reachable, with the definitions in it, and the files to apply.
struct Stage {
    client: Client,
    cluster: Cluster,
    address: SocketAddr,
    home: Home,
    sync: Sync,
}

impl Stage {
    async fn set(
        args: &DevArgs,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, End> {
        let listener = bind(args.port).await?;
        let address = listener
            .local_addr()
            .map_err(|error| End::Failed(error.to_string()))?;
        let token = home::token().map_err(|error| End::Failed(error.to_string()))?;
        let access = Access::new(token.as_str()).map_err(|error| End::Failed(error.to_string()))?;
        let mut home = Home::new(args.kubeconfig.as_deref()).map_err(|e| config(args, &e))?;
        home.write(address, &access)
            .map_err(|error| config(args, &error))?;
        let kubebox = Kubebox::new(Options {
            seed: seed()?,
            request_log: 0,
            ..Options::default()
        });
        let client = Client::new(kubebox.clone(), "default");
        let cluster = Cluster::new(client.clone());
        cluster
            .install()
            .await
            .map_err(|error| End::Failed(error.to_string()))?;
        let end = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = kubebox
                .serve(listener, &access, end.cancelled_owned())
                .await
            {
                tracing::error!(%error, "the embedded API is no longer served");
            }
        });
        let mut sync = Sync::new(cluster.clone(), roots(args), args.namespace.clone());
        if args.paths.is_empty() {
            sync.add_text("built-in example", EXAMPLE);
        }
        if args.paths.iter().any(|path| is_input(path)) {
            let text = tokio::select! {
                () = stop.cancelled() => return Err(End::Done),
                text = stdin::text() => text.map_err(End::Usage)?,
            };
            sync.add_text("standard input", &text);
        }
        Ok(Self {
            client,
            cluster,
            address,
            home,
            sync,
        })
    }

    /// Runs the controller and what the user sees of it, until either ends.
    async fn play(self, args: &DevArgs, begun: Instant, stop: &CancellationToken) -> End {
        let observer = Observer::default();
        let mut watches = JoinSet::new();
        observer.watch(&self.client, &mut watches, stop);
        let (client, namespace) = (self.client.clone(), args.namespace.clone());
        let ground = controller::Ground::system(client, namespace, None);
        let Some(flags) = controller_args() else {
            return End::Failed("the controller's flags do not parse".to_owned());
        };
        let controller = async {
            let told = observer.clone();
            let started = move |context: &_| told.started(context);
            let outcome = controller::run_seen(&flags, ground, started, stop.clone()).await;
            stop.cancel();
            outcome
        };
        let show = async {
            let end = if args.once {
                tokio::select! {
                    end = once(self, args, &observer) => end,
                    () = stop.cancelled() => End::Done,
                }
            } else {
                live(self, args, &observer, begun, stop).await
            };
            stop.cancel();
            end
        };
        match tokio::join!(controller, show) {
            (Err(ControllerError::Usage(text) | ControllerError::Failed(text)), _) => {
                End::Failed(text)
            }
            (Ok(()), end) => end,
        }
    }
}

async fn live(
    mut stage: Stage,
    args: &DevArgs,
    observer: &Observer,
    begun: Instant,
    stop: &CancellationToken,
) -> End {
    if let Err(error) = stage.sync.pass(true).await {
        return End::Failed(error.to_string());
    }
    let input = args.paths.is_empty() || args.paths.iter().any(|path| is_input(path));
    if !input && !args.paths.iter().any(|path| path.exists()) {
        return End::Usage(nothing(&stage.sync));
    }
    let clashes = args.log.as_deref() == Some(Path::new("-"));
    let mut screen = Screen::new(clashes);
    if screen.print(&greeting(&stage, args)).is_err() {
        return End::Done;
    }
    let Stage { sync, home, .. } = stage;
    let mut view = Live::new(sync, observer.clone(), screen, Clock::system(), begun);
    // A closed standard output is the reader's right, and nobody is left to show anything to.
    let _closed = view.run(stop).await;
    drop(home);
    End::Done
}

fn greeting(stage: &Stage, args: &DevArgs) -> Vec<String> {
    let (objects, files) = stage.sync.sizes();
    let what = match (args.paths.is_empty(), objects, files) {
        (true, ..) => "the built-in example; tidegate dev PATH... applies yours".to_owned(),
        (_, objects, 1) => format!("{objects} objects from 1 file"),
        (_, objects, files) => format!("{objects} objects from {files} files"),
    };
    let config = stage.home.config().display();
    vec![
        format!(
            "Kubernetes API in memory on https://{} (loopback only)",
            stage.address
        ),
        format!("  kubectl --kubeconfig {config} get es,ss,secrets"),
        "RBAC is not enforced: who can read that file may do everything. Ctrl-C ends it all."
            .to_owned(),
        format!("Applied: {what}"),
        String::new(),
    ]
}

async fn once(mut stage: Stage, args: &DevArgs, observer: &Observer) -> End {
    if let Err(error) = stage.sync.pass(true).await {
        return End::Failed(error.to_string());
    }
    let failing = stage
        .sync
        .faults()
        .iter()
        .any(|fault| fault.is_failure(args.skip_unserved));
    if stage.sync.conditioned().is_empty() && (stage.sync.sizes().1 == 0 || !failing) {
        return End::Usage(nothing(&stage.sync));
    }
    let limits = Patience::new(args.timeout, args.patience);
    let rows = once::settle(&stage.sync, observer, Clock::system(), limits).await;
    let made = match once::made(&stage.cluster, observer, &rows).await {
        Ok(made) => made,
        Err(error) => return End::Failed(error.to_string()),
    };
    if let Err(error) = screen::put(&print::secrets(&made, args.output, args.reveal))
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return End::Failed(format!("standard output: {}", plain(&error)));
    }
    let lines = once::failures(&stage.sync, &rows, args.skip_unserved, args.timeout);
    for line in &lines {
        fail(1, line);
    }
    if lines.is_empty() {
        End::Done
    } else {
        End::NotReady
    }
}

/// Why there is nothing to do.
fn nothing(sync: &Sync) -> String {
    let faults: Vec<String> = sync.faults().iter().map(ToString::to_string).collect();
    match (faults.is_empty(), sync.sizes().0) {
        (true, 0) => "nothing to apply: no manifest holds an object".to_owned(),
        (true, n) => format!("nothing to sync: no store or ExternalSecret among {n} objects"),
        (false, _) => format!("nothing to apply: {}", faults.join("; ")),
    }
}

async fn bind(port: u16) -> Result<TcpListener, End> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| {
            let cure = "choose another one, or leave --port out to take a free one";
            End::Usage(format!("--port {port}: {}; {cure}", plain(&error)))
        })
}

fn config(args: &DevArgs, error: &std::io::Error) -> End {
    match &args.kubeconfig {
        Some(path) => End::Usage(format!("--kubeconfig {}: {}", path.display(), plain(error))),
        None => End::Failed(format!(
            "no private folder for the kubeconfig: {}",
            plain(error)
        )),
    }
}

fn seed() -> Result<u64, End> {
    let bytes = crate::entropy::bytes();
    let bytes =
        bytes.ok_or_else(|| End::Failed("the system gives no random numbers".to_owned()))?;
    Ok(bytes
        .iter()
        .take(8)
        .fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

fn is_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn roots(args: &DevArgs) -> Vec<PathBuf> {
    args.paths
        .iter()
        .filter(|path| !is_input(path))
        .cloned()
        .collect()
}

/// The controller's own defaults; alone on its API, it needs no Lease.
fn controller_args() -> Option<ControllerArgs> {
    let flags = [
        "tidegate",
        "controller",
        "--no-leader-election",
        "--drain-timeout",
        "2s",
    ];
    match Cli::try_parse_from(flags).ok()?.command {
        Command::Controller(args) => Some(*args),
        _ => None,
    }
}
