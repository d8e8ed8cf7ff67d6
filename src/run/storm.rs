//! Shell. `tidegate storm`: hands the load tester its controller, writes reports, ends well.

use std::fs::OpenOptions;
use std::future::Future;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tidegate_storm::budget::Budget;
use tidegate_storm::controller::{InProcess, Kind};
use tidegate_storm::load::Load;
use tidegate_storm::process::{self, Server};
use tidegate_storm::report::Report;
use tidegate_storm::screen::Screen;
use tidegate_storm::store::{RealStore, Store};
use tidegate_storm::target::{Target, Where};
use tidegate_storm::{Options, StormError, page, setup};
use tokio_util::sync::CancellationToken;

use super::{controller, fail, print};
use crate::cli::storm::{ControllerKind, RunArgs, StormArgs, StormCommand};
use crate::cli::{Cli, Command};
use crate::clock::Clock;
use reports::{over_sizes, side_by_side};

mod reports;

/// The exit code of a process that the user ended: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the subcommand to its end.
#[must_use]
pub fn main(args: StormArgs) -> ExitCode {
    match args.command {
        Some(StormCommand::Compare { a, b, html }) => side_by_side(&a, &b, html.as_deref()),
        Some(StormCommand::Growth { reports, html }) => over_sizes(&reports, html.as_deref()),
        Some(StormCommand::Clean {
            kubeconfig,
            context,
            run,
            yes,
        }) => {
            let place = Where::Cluster {
                kubeconfig,
                context,
            };
            told(on_runtime(clean(place, run, yes)))
        }
        None => told(run(args.run)),
    }
}

fn told(outcome: Result<ExitCode, StormError>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error @ StormError::Usage(_)) => fail(2, &error.to_string()),
        Err(error @ StormError::Failed(_)) => fail(1, &error.to_string()),
        Err(error @ StormError::Interrupted) => fail(INTERRUPTED, &error.to_string()),
    }
}

fn on_runtime<T>(work: impl Future<Output = Result<T, StormError>>) -> Result<T, StormError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StormError::Failed(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn run(args: RunArgs) -> Result<ExitCode, StormError> {
    let options = options(&args)?;
    options
        .load
        .check()
        .map_err(|error| StormError::Usage(error.to_string()))?;
    let asked = tidegate_storm::phase::ordered(&options.phases);
    if let Some(budget) = args.budgets.iter().find(|it| !asked.contains(&it.phase())) {
        let phase = budget.phase();
        return Err(StormError::Usage(format!(
            "--budget is about {phase}, which --phases leaves out"
        )));
    }
    room(&args)?;
    writable(&args.report)?;
    let html = args.report.with_extension("html");
    if let Some(path) = &args.kubeconfig {
        let question = format!(
            "make {} ExternalSecrets in {} namespaces on the cluster of {}, and remove them after?",
            args.objects,
            args.namespaces,
            path.display()
        );
        ask(&question, args.yes)?;
    }
    let (report, outcome) = on_runtime(async {
        let stop = CancellationToken::new();
        let signals = interrupts(stop.clone());
        tokio::select! {
            ended = tidegate_storm::storm(options, stop, Screen::stderr()) => Ok(ended),
            never = signals => match never {},
        }
    })?;
    let Some(report) = report else {
        remove_if_empty(&args.report);
        return outcome.map(|()| ExitCode::SUCCESS);
    };
    let written = write(&args.report, &html, &report);
    let held = judge(&args.budgets, &report)?;
    outcome?;
    written?;
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Bytes of Secrets of others that the embedded API takes: it keeps them in this process's memory.
const FOREIGN_BYTES: usize = 8 << 30;

/// Whether the Secrets of others fit where they are to be.
fn room(args: &RunArgs) -> Result<(), StormError> {
    let bytes = args.foreign_secrets.saturating_mul(args.foreign_bytes);
    if args.kubeconfig.is_none() && bytes > FOREIGN_BYTES {
        return Err(StormError::Usage(format!(
            "--foreign-secrets times --foreign-bytes is {} GiB; the embedded API keeps at most {} \
             in memory",
            bytes >> 30,
            FOREIGN_BYTES >> 30
        )));
    }
    Ok(())
}

/// The first Ctrl-C or SIGTERM ends the run in order; the second ends it at once.
async fn interrupts(stop: CancellationToken) -> std::convert::Infallible {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        return std::future::pending().await;
    };
    let mut asked = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if asked {
            std::process::exit(i32::from(INTERRUPTED));
        }
        asked = true;
        stop.cancel();
    }
}

fn options(args: &RunArgs) -> Result<Options, StormError> {
    let bytes = crate::entropy::bytes()
        .ok_or_else(|| StormError::Failed("the system gives no random numbers".to_owned()))?;
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let run = args.run.clone().unwrap_or_else(|| hex(&bytes[..3]));
    let class = match (&args.controller_cmd, &args.controller_class) {
        (None, _) => format!("storm-{run}"),
        (Some(_), class) => class.clone().unwrap_or_default(),
    };
    let tenth = (args.objects / 10).min(1000);
    let load = Load {
        run,
        objects: args.objects,
        namespaces: args.namespaces,
        keys: args.keys,
        shared: args.shared.unwrap_or(tenth),
        nodes: args.nodes,
        mounts: args.mounts,
        refresh: args.refresh,
        class,
        values: values(args)?,
    };
    Ok(Options {
        load,
        place: match &args.kubeconfig {
            None => Where::Kubebox,
            Some(kubeconfig) => Where::Cluster {
                kubeconfig: kubeconfig.clone(),
                context: args.context.clone(),
            },
        },
        token: hex(&bytes[8..]),
        seed: bytes[..8]
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)),
        controller: kind(args)?,
        arguments: args.arguments.clone(),
        phases: args.phases.clone(),
        began: Clock::system().now().to_string(),
        audit_log: args.audit_log.clone(),
        audit_user: args.audit_user.clone(),
        servers: servers(args)?,
        idle: args.idle,
        ready_timeout: args.ready_timeout,
        phase_timeout: args.phase_timeout,
        steady: args.steady.unwrap_or(args.refresh),
        outage: args.outage,
        new_objects: args.new_objects,
        failing: args.failing.unwrap_or(args.objects),
        churn: args.churn,
        foreign: args.foreign_secrets,
        foreign_bytes: args.foreign_bytes,
        throttle: args.throttle,
        backend_latency: args.backend_latency.unwrap_or_default(),
        ceiling: !args.no_ceiling,
        keep: args.keep,
        among_others: args.among_others,
    })
}

/// Where the values come from: `--store` is read whole before anything is made.
fn values(args: &RunArgs) -> Result<Store, StormError> {
    let Some(path) = &args.store else {
        return Ok(Store::Ours);
    };
    let wrong = |error: &dyn std::fmt::Display| {
        StormError::Usage(format!("--store {}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    // The place alone: the file may hold credentials, and parsers quote what they read.
    let documents = serde_saphyr::from_multiple(&text).map_err(|error| {
        let place = error.location();
        let line = place.map_or(String::new(), |it| format!(" (line {})", it.line()));
        wrong(&format!("it is no YAML{line}"))
    })?;
    let properties = args.store_properties.0.clone();
    let real = RealStore::new(documents, &args.store_path, properties);
    real.map(Store::Real)
        .map_err(|error| StormError::Usage(error.to_string()))
}

/// The processes beside the controller that are looked at; each must be there.
fn servers(args: &RunArgs) -> Result<Vec<(Server, u32)>, StormError> {
    let asked = [
        ("--apiserver-pid", Server::Apiserver, args.apiserver_pid),
        ("--etcd-pid", Server::Etcd, args.etcd_pid),
    ];
    let named = asked
        .into_iter()
        .filter_map(|(flag, server, pid)| Some((flag, server, pid?)));
    let found = named.map(|(flag, server, pid)| match process::usage(pid) {
        Some(_) => Ok((server, pid)),
        None => Err(StormError::Usage(format!("{flag} {pid}: no such process"))),
    });
    found.collect()
}

fn kind(args: &RunArgs) -> Result<Kind, StormError> {
    if let Some(command) = &args.controller_cmd {
        return Ok(Kind::Command(command.clone()));
    }
    if args.controller == ControllerKind::InProcess {
        return Ok(Kind::InProcess(in_process()));
    }
    let program = std::env::current_exe();
    program
        .map(Kind::Child)
        .map_err(|error| StormError::Failed(format!("this program cannot be found: {error}")))
}

/// Tidegate in this process, for the load tester, which knows nothing of it.
#[must_use]
pub fn in_process() -> InProcess {
    Arc::new(|arguments, stop| {
        Box::pin(async move {
            let line = std::iter::once("tidegate".to_owned()).chain(arguments);
            let parsed = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
            let Command::Controller(args) = parsed.command else {
                return Err("not the controller's flags".to_owned());
            };
            let ended = controller::run(*args, stop).await;
            ended.map_err(|error| error.to_string())
        })
    })
}

async fn clean(place: Where, run: Option<String>, yes: bool) -> Result<ExitCode, StormError> {
    // Nothing of the embedded API is started: token and seed are not used on a cluster.
    let target = Target::open(&place, "", 0).await?;
    let admin = target.admin()?;
    let found = setup::namespaces(&admin, run.as_deref()).await?;
    ask(
        &format!("remove {} namespaces of storms?", found.len()),
        yes,
    )?;
    let mut screen = Screen::stderr();
    let progress = |left: usize| screen.progress(&format!("{left} namespaces are still there"));
    let cleaned = setup::clean(&admin, run.as_deref(), progress).await?;
    if cleaned.left > 0 {
        return Err(StormError::Failed(format!(
            "{} of {} namespaces are still terminating",
            cleaned.left, cleaned.namespaces
        )));
    }
    Ok(print(&format!(
        "removed {} namespaces\n",
        cleaned.namespaces
    )))
}

/// Asks on the terminal; without one, only `--yes` will do.
fn ask(question: &str, yes: bool) -> Result<(), StormError> {
    if yes {
        return Ok(());
    }
    let mut answer = String::new();
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(StormError::Usage(
            "this changes a cluster: say --yes where nobody can be asked".to_owned(),
        ));
    }
    let mut err = std::io::stderr().lock();
    let _closed = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let read = input.lock().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(StormError::Failed("nothing was changed".to_owned())),
    }
}

/// Finds out before the run whether its report can be written after it.
fn writable(path: &Path) -> Result<(), StormError> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened
        .map(drop)
        .map_err(|error| StormError::Usage(format!("--report {}: {error}", path.display())))
}

/// Takes back the file that [`writable`] made, if nothing came to stand in it.
fn remove_if_empty(path: &Path) {
    if std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() == 0) {
        let _kept = std::fs::remove_file(path);
    }
}

fn write(json: &Path, html: &Path, report: &Report) -> Result<(), StormError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        StormError::Failed(format!(
            "the report {} cannot be written: {error}",
            path.display()
        ))
    };
    let text = report.to_json().map_err(|error| failed(json, &error))?;
    replace(json, &text).map_err(|error| failed(json, &error))?;
    replace(html, &page::page(report)).map_err(|error| failed(html, &error))?;
    let mut screen = Screen::stderr();
    screen.line(&format!(
        "report: {} and {}",
        json.display(),
        html.display()
    ));
    Ok(())
}

/// Writes a file whole or not at all: on a full disk the report of an earlier run stays.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        // A pipe or a device is written to as it is.
        return std::fs::write(path, text);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = Path::new(&beside);
    let written = std::fs::write(beside, text).and_then(|()| std::fs::rename(beside, path));
    if written.is_err() {
        let _half = std::fs::remove_file(beside);
    }
    written
}

/// Prints each verdict; tells whether all budgets hold.
fn judge(budgets: &[Budget], report: &Report) -> Result<bool, StormError> {
    let mut held = true;
    for budget in budgets {
        let verdict = budget.judge(report);
        held &= verdict.holds;
        if print(&format!("{verdict}\n")) != ExitCode::SUCCESS {
            return Err(StormError::Failed("standard output is closed".to_owned()));
        }
    }
    Ok(held)
}
