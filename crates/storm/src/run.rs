//! Shell. A run from its first namespace to its report, and what its phases share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::bare::Ceiling;
use crate::board::Board;
use crate::collect::{AuditTail, Collector, Requests};
use crate::controller::{Plan, Running};
use crate::figures::{Figures, Samples};
use crate::load::Load;
use crate::nodes::{Nodes, Watchers};
use crate::options::{Options, StormError, arguments};
use crate::phase::{self, Phase};
use crate::probe::Probe;
use crate::report::{PhaseReport, Report, SCHEMA, Setup};
use crate::screen::Screen;
use crate::target::{self, Target};
use crate::{bare, phases, setup, witness};

/// A run: everything that its phases use.
pub struct Run {
    pub(crate) options: Options,
    pub(crate) load: Load,
    pub(crate) target: Target,
    pub(crate) admin: Client,
    pub(crate) backend: Arc<Backend>,
    pub(crate) watchers: Watchers,
    pub(crate) collector: Collector,
    pub(crate) probe: Arc<Probe>,
    pub(crate) nodes: Nodes,
    pub(crate) controller: Option<Running>,
    pub(crate) screen: Screen,
    pub(crate) notes: Vec<String>,
    /// Number of the next object that appears during the run.
    pub(crate) next: usize,
    pub(crate) phase: Phase,
    pub(crate) ceiling: Option<Ceiling>,
    pub(crate) plan: Plan,
    pub(crate) stop: CancellationToken,
    pub(crate) idle: Samples,
    /// When the controller was started last.
    pub(crate) started: Duration,
    reports: Vec<PhaseReport>,
    _witness: tokio::task::JoinSet<()>,
}

/// Runs a storm to its end and cleans up after it, however it ends.
///
/// The report covers the phases that were completed; it is absent when none was.
pub async fn storm(
    options: Options,
    stop: CancellationToken,
    mut screen: Screen,
) -> (Option<Report>, Result<(), StormError>) {
    if let Err(error) = options.load.check() {
        return (None, Err(StormError::Usage(error.to_string())));
    }
    let opened = tokio::select! {
        opened = Target::open(&options.place, &options.token, options.seed) => opened,
        () = stop.cancelled() => return (None, Err(StormError::Interrupted)),
    };
    let prepared = match opened {
        Ok(target) => checked(target, &options).await,
        Err(error) => Err(error.into()),
    };
    let (target, admin) = match prepared {
        Ok(ready) => ready,
        Err(error) => return (None, Err(error)),
    };
    let on_cluster = target.kubebox().is_none();
    let (run, keep) = (options.load.run.clone(), options.keep);
    let made = tokio::select! {
        made = Run::make(options, target, admin.clone(), stop.clone(), &mut screen) => made,
        () = stop.cancelled() => Err(StormError::Interrupted),
    };
    let (report, outcome) = match made {
        Ok(mut made) => {
            std::mem::swap(&mut made.screen, &mut screen);
            let outcome = made.run().await;
            made.end_controller().await;
            std::mem::swap(&mut made.screen, &mut screen);
            (made.report(&outcome), outcome)
        }
        Err(error) => (None, Err(error)),
    };
    let cleaned = if on_cluster && !keep {
        tidy(&admin, &run, &mut screen).await
    } else {
        Ok(())
    };
    (report, outcome.and(cleaned))
}

async fn checked(target: Target, options: &Options) -> Result<(Target, Client), StormError> {
    let admin = target.admin()?;
    target::preflight(&admin, options.ceiling)
        .await
        .map_err(StormError::Failed)?;
    if !options.among_others
        && let Some(whose) = setup::somebody(&admin).await?
    {
        return Err(StormError::Failed(format!(
            "the cluster has {whose}, which is no storm's: a controller under load would serve it \
             too; use a cluster of your own, or say --among-others"
        )));
    }
    let taken = setup::namespaces(&admin, Some(&options.load.run)).await?;
    if !taken.is_empty() {
        return Err(StormError::Failed(format!(
            "run {0} has left namespaces behind; remove them with: tidegate storm clean --run {0}",
            options.load.run
        )));
    }
    Ok((target, admin))
}

async fn tidy(admin: &Client, run: &str, screen: &mut Screen) -> Result<(), StormError> {
    screen.line("removing the run's namespaces");
    let progress = |left: usize| screen.progress(&format!("{left} namespaces are still there"));
    match setup::clean(admin, Some(run), progress).await {
        Ok(cleaned) if cleaned.left == 0 => Ok(()),
        Ok(cleaned) => Err(StormError::Failed(format!(
            "{} namespaces of run {run} are still terminating; \
             remove what is left with: tidegate storm clean --run {run}",
            cleaned.left
        ))),
        Err(error) => Err(StormError::Failed(format!(
            "{error}; remove what is left with: tidegate storm clean --run {run}"
        ))),
    }
}

/// Makes all objects, and tells how far it is.
async fn objects(admin: &Client, load: &Load, screen: &mut Screen) -> Result<(), StormError> {
    let mut made = 0;
    setup::objects(admin, load, 0..load.objects, |_| {
        made += 1;
        screen.progress(&format!("making objects: {made} of {}", load.objects));
    })
    .await?;
    Ok(())
}

/// Makes the Secrets of others.
async fn foreign(admin: &Client, options: &Options, screen: &mut Screen) -> Result<(), StormError> {
    let (count, bytes) = (options.foreign, options.foreign_bytes);
    let mut made = 0;
    setup::foreign(admin, &options.load, count, bytes, || {
        made += 1;
        screen.progress(&format!("making Secrets of others: {made} of {count}"));
    })
    .await?;
    if count > 0 {
        screen.line(&format!("{count} Secrets of others of {bytes} bytes"));
    }
    Ok(())
}

/// The unrelated client's latencies before anything runs.
async fn alone(probe: &Probe, time: Duration) -> Samples {
    let mark = probe.mark();
    tokio::time::sleep(time).await;
    probe.since(mark)
}

impl Run {
    /// Makes namespaces, objects and watchers; no controller runs yet.
    async fn make(
        options: Options,
        target: Target,
        admin: Client,
        stop: CancellationToken,
        screen: &mut Screen,
    ) -> Result<Self, StormError> {
        let load = options.load.clone();
        let origin = Instant::now();
        let backend = Backend::start(load.clone(), options.backend_latency, origin).await;
        let backend = backend.map_err(|error| {
            StormError::Failed(format!("the backend cannot listen on loopback: {error}"))
        })?;
        let requests = requests(&options, &target)?;
        screen.line(&format!(
            "run {}: {} objects in {} namespaces on {}",
            load.run,
            load.objects,
            load.namespaces,
            target.name()
        ));
        setup::base(&admin, &load, &backend.url()).await?;
        let watchers = Watchers {
            board: Arc::new(Mutex::new(Board::new(load.clone()))),
            origin,
        };
        let witness = witness::start(&load, [target.admin()?, target.admin()?], &watchers);
        objects(&admin, &load, screen).await?;
        foreign(&admin, &options, screen).await?;
        let probe = Probe::start(target.dialler(), setup::probe_path(&load));
        let probe = Arc::new(probe.map_err(|error| {
            StormError::Failed(format!("the unrelated client cannot be started: {error}"))
        })?);
        let backend = Arc::new(backend);
        let (shown, seen) = (watchers.clone(), Arc::clone(&probe));
        let collector = Collector::start(requests, &options, shown, Arc::clone(&backend), seen);
        let idle = alone(&probe, options.idle).await;
        let ceiling = ceiling(&options, &target, &admin, &probe, screen).await?;
        let nodes = Nodes::start(&load, &target, watchers.clone()).await?;
        let (kubeconfig, context) = target.kubeconfig();
        let plan = Plan {
            kind: options.controller.clone(),
            args: arguments(&options, kubeconfig, context),
            kubeconfig: kubeconfig.clone(),
        };
        Ok(Self {
            next: load.objects,
            options,
            load,
            target,
            admin,
            backend,
            watchers,
            collector,
            probe,
            nodes,
            controller: None,
            screen: Screen::silent(),
            notes: Vec::new(),
            phase: Phase::FirstSync,
            ceiling,
            plan,
            stop,
            idle,
            started: Duration::ZERO,
            reports: Vec::new(),
            _witness: witness,
        })
    }

    async fn run(&mut self) -> Result<(), StormError> {
        for phase in phase::ordered(&self.options.phases) {
            self.phase = phase;
            if phase.orders_the_backend() && !self.load.values.is_ours() {
                self.note(format!(
                    "{phase} is left out: a real backend takes no orders"
                ));
                continue;
            }
            self.screen.line(&format!("{phase} begins"));
            let from = self.now();
            let Some(mut figures) = phases::run(self, phase).await? else {
                continue;
            };
            let to = self.now();
            figures.seconds("duration", to.saturating_sub(from));
            self.screen
                .line(&format!("{phase}: {}", headline(&figures)));
            self.reports.push(PhaseReport {
                phase,
                from: from.as_secs_f64(),
                to: to.as_secs_f64(),
                figures,
            });
        }
        Ok(())
    }

    fn report(&self, outcome: &Result<(), StormError>) -> Option<Report> {
        if self.reports.is_empty() {
            return None;
        }
        let mut notes = self.notes.clone();
        let Options {
            foreign,
            foreign_bytes,
            ..
        } = self.options;
        if foreign > 0 {
            notes.push(format!(
                "{foreign} Secrets of others, {foreign_bytes} bytes each"
            ));
        }
        if !self.collector.knows_requests() {
            notes.push("requests are not known: name the API server's log by --audit-log".into());
        }
        if let Err(error) = outcome {
            notes.push(format!("the run ended early, in {}: {error}", self.phase));
        }
        let (load, options) = (&self.load, &self.options);
        let cores = std::thread::available_parallelism();
        Some(Report {
            schema: SCHEMA,
            setup: Setup {
                run: load.run.clone(),
                began: options.began.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                controller: options.controller.name(),
                api: self.target.name().to_owned(),
                backend: load.values.name(),
                objects: load.objects,
                namespaces: load.namespaces,
                keys: load.keys,
                shared: load.shared,
                nodes: load.nodes,
                mounts: if load.nodes == 0 { 0 } else { load.mounts },
                refresh: load.refresh.as_secs(),
                cores: cores.map_or(1, std::num::NonZero::get),
            },
            phases: self.reports.clone(),
            seconds: self.collector.seconds(),
            curve: self
                .ceiling
                .iter()
                .flat_map(|it| it.curve.clone())
                .collect(),
            ceiling: self.ceiling.as_ref().map(|it| it.figures.clone()),
            notes,
        })
    }
}

async fn ceiling(
    options: &Options,
    target: &Target,
    admin: &Client,
    probe: &Probe,
    screen: &mut Screen,
) -> Result<Option<Ceiling>, StormError> {
    if !options.ceiling {
        return Ok(None);
    }
    screen.line("measuring the API server's own ceiling");
    let load = &options.load;
    let count = (load.objects / 5).clamp(100, 1000);
    let clients = bare::Clients {
        admin,
        writer: &target.outsider()?,
        watchers: [target.outsider()?, target.outsider()?],
    };
    Ok(Some(bare::ceiling(clients, probe, load, count).await?))
}

fn headline(figures: &Figures) -> String {
    let names = [
        "objects",
        "unfinished",
        "secret.p99",
        "ready.p99",
        "ready.rate",
        "requests.mutating",
        "backend.reads",
        "unrelated.vs-idle",
        "duration",
    ];
    let parts = names.iter().filter_map(|name| {
        let figure = figures.get(name)?;
        Some(format!("{name} {figure}"))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn requests(options: &Options, target: &Target) -> Result<Requests, StormError> {
    if let Some(kubebox) = target.kubebox() {
        return Ok(Requests::Kubebox(kubebox.clone()));
    }
    let Some(path) = &options.audit_log else {
        return Ok(Requests::Unknown);
    };
    let opened = AuditTail::open(path);
    opened
        .map(Requests::Audit)
        .map_err(|error| StormError::Usage(format!("--audit-log {}: {error}", path.display())))
}
