//! Shell. Benchmark: the first sync of many ExternalSecrets against a bare loop of the same writes.
//!
//! `cargo bench --bench first_sync [-- --objects 1000] [--rounds 7] [--width 64]`. Servers, objects
//! and order are the same for both; what is printed are ratios from one run. A width that is given
//! is not searched for, which makes a run short. A target holds by the medians: the quickest bare
//! run fits between two garbage collections of the API server, which no longer run does.

use std::fmt::Write;
use std::time::Duration;

use clap::Parser;
use tidegate::cli::{Cli, Command};
use tidegate::clock::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use bare::{Bare, Template};
use cpu::Cpu;
use storm::{Batch, Outcome, Storm, print};

#[path = "support/bare.rs"]
mod bare;
#[path = "support/cpu.rs"]
mod cpu;
#[path = "../tests/cluster/support/manifests.rs"]
#[allow(
    clippy::unwrap_used,
    reason = "a file of the tests, where it is allowed"
)]
mod manifests;
#[path = "support/storm.rs"]
mod storm;

/// Widths at which the bare loop is tried.
const WIDTHS: [usize; 4] = [8, 16, 32, 64];
/// The bare loop's time over the controller's, at least.
const SYNC_TARGET: f64 = 0.7;
/// The controller's time until all Secrets are there over the bare loop's, at most.
const SECRETS_TARGET: f64 = 1.5;
/// Objects of the first, unmeasured sync, which also gives the bodies of the bare loop.
const WARM: usize = 100;
/// How often a bare loop is begun anew when the API server closes a watch during it.
const ATTEMPTS: usize = 3;

/// One measured run: who, and how long until all Secrets and until all was Ready.
struct Row {
    who: String,
    time: Bare,
}

/// What the audit log tells of one controller, counted from its start.
struct Served {
    /// The first Secret: lists, Lease, login and the first reads lie before it.
    first: Duration,
    /// The first status.
    status: Duration,
    time: Bare,
    cpu: Cpu,
}

struct Bench {
    storm: Storm,
    objects: usize,
    runs: usize,
    rows: Vec<Row>,
    /// The first so many rows chose the width and count for the quickest run alone.
    searched: usize,
}

fn main() -> Outcome<()> {
    storm::main(bench)
}

async fn bench() -> Outcome<()> {
    let objects = storm::number("--objects", 1000)?;
    let rounds = storm::number("--rounds", 7)?;
    let storm = Storm::start(objects.max(WARM)).await?;
    let mut bench = Bench {
        storm,
        objects,
        runs: 0,
        rows: Vec::new(),
        searched: 0,
    };
    print(&format!("first sync of {objects} ExternalSecrets\n"))?;
    print(&format!("{}\n", storm::conditions()?))?;
    let like = bench.warm_up().await?;
    let (secret, status) = like.sizes();
    print(&format!(
        "bodies of the bare loop: Secret {secret} bytes, status {status} bytes\n\n"
    ))?;
    print("run                          secrets s    all s\n")?;
    let (all, secrets) = match storm::number("--width", 0)? {
        0 => bench.search(&like).await?,
        width => (width, width),
    };
    let mut controllers = vec![None];
    if bench.searched > 0 {
        controllers.push(Some(all));
    }
    let mut bare = vec![all, secrets];
    bare.dedup();
    for round in 0..rounds {
        let mut turns: Vec<Turn> = bare.iter().copied().map(Turn::Bare).collect();
        turns.extend(controllers.iter().copied().map(Turn::Controller));
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            match turn {
                Turn::Bare(width) => bench.bare(&like, width).await?,
                Turn::Controller(width) => bench.controller(width).await?,
            }
        }
    }
    let names: Vec<String> = controllers.into_iter().map(controller_name).collect();
    print(&bench.verdict(&(bare_name(all), bare_name(secrets)), &names)?)
}

/// One run of a round.
#[derive(Clone, Copy)]
enum Turn {
    Bare(usize),
    Controller(Option<usize>),
}

fn bare_name(width: usize) -> String {
    format!("bare loop, {width} wide")
}

fn controller_name(width: Option<usize>) -> String {
    width.map_or("controller, default".to_owned(), |width| {
        format!("controller, {width} writes")
    })
}

impl Bench {
    async fn warm_up(&mut self) -> Outcome<Template> {
        let batch = self.storm.batch("warm", WARM).await?;
        let _unmeasured = self.serve(&batch, None, "warm").await?;
        let like = Template::taken(&self.storm, &batch).await?;
        self.storm.remove(batch).await?;
        Ok(like)
    }

    async fn fresh(&mut self) -> Outcome<(String, Batch)> {
        self.runs += 1;
        let name = format!("run{}", self.runs);
        let batch = self.storm.batch(&name, self.objects).await?;
        Ok((name, batch))
    }

    async fn bare(&mut self, like: &Template, width: usize) -> Outcome<()> {
        for _ in 0..ATTEMPTS {
            let (_, batch) = self.fresh().await?;
            let before = Cpu::now()?;
            let time = bare::run(&self.storm, &batch, like, width).await?;
            let used = Cpu::now()?.since(&before);
            self.storm.remove(batch).await?;
            if let Some(time) = time {
                self.row(bare_name(width), time)?;
                return print(&format!("    {used}\n"));
            }
            print("    a watch ended before the bare loop did: once more\n")?;
        }
        Err(format!("a watch ended before the bare loop did, {ATTEMPTS} times").into())
    }

    async fn controller(&mut self, width: Option<usize>) -> Outcome<()> {
        let (name, batch) = self.fresh().await?;
        let served = self.serve(&batch, width, &name).await?;
        self.storm.remove(batch).await?;
        let (first, status) = (served.first.as_secs_f64(), served.status.as_secs_f64());
        self.row(controller_name(width), served.time)?;
        print(&format!(
            "    first Secret after {first:.2} s, first status after {status:.2} s; {}\n",
            served.cpu
        ))
    }

    fn row(&mut self, who: String, time: Bare) -> Outcome<()> {
        let (secrets, all) = (time.secrets.as_secs_f64(), time.all.as_secs_f64());
        print(&format!("{who:<28} {secrets:>9.2} {all:>8.2}\n"))?;
        self.rows.push(Row { who, time });
        Ok(())
    }

    /// Runs a controller in this process until all of a batch is Ready.
    async fn serve(&self, batch: &Batch, width: Option<usize>, lease: &str) -> Outcome<Served> {
        let mut args = vec!["tidegate".to_owned()];
        args.extend(self.storm.flags(lease, "127.0.0.1:0")?);
        if let Some(width) = width {
            args.extend(["--max-write-concurrency".to_owned(), width.to_string()]);
        }
        let Command::Controller(args) = Cli::try_parse_from(args)?.command else {
            return Err("not the controller's flags".into());
        };
        let mut progress = self.storm.progress()?;
        let before = Cpu::now()?;
        let (stop, mut task) = (CancellationToken::new(), JoinSet::new());
        let began = Clock::system().now();
        task.spawn(tidegate::run::controller::run(*args, stop.clone()));
        tokio::select! {
            ready = self.storm.all_ready(batch, &mut progress) => ready?,
            ended = task.join_next() => {
                return Err(format!("the controller ended: {ended:?}").into());
            }
        }
        let cpu = Cpu::now()?.since(&before);
        stop.cancel();
        while let Some(ended) = task.join_next().await {
            ended??;
        }
        let since = |at: Option<jiff::Timestamp>| -> Outcome<Duration> {
            Ok(at
                .ok_or("nothing was written")?
                .duration_since(began)
                .try_into()?)
        };
        Ok(Served {
            first: since(progress.secrets.first)?,
            status: since(progress.statuses.first)?,
            time: Bare {
                secrets: since(progress.secrets.last)?,
                all: since(progress.statuses.last)?,
            },
            cpu,
        })
    }

    /// Tries the bare loop at every width; the best for all writes and for the Secrets alone.
    async fn search(&mut self, like: &Template) -> Outcome<(usize, usize)> {
        for width in WIDTHS {
            self.bare(like, width).await?;
        }
        self.searched = self.rows.len();
        Ok((self.best(|time| time.all)?, self.best(|time| time.secrets)?))
    }

    /// The width of the bare loop that took least.
    fn best(&self, of: impl Fn(&Bare) -> Duration) -> Outcome<usize> {
        let best = self
            .rows
            .iter()
            .zip(WIDTHS)
            .min_by_key(|(row, _)| of(&row.time));
        Ok(best.ok_or("no run of the bare loop")?.1)
    }

    /// Median over the rounds that followed the choice of the width.
    fn median(&self, who: &str, of: impl Fn(&Bare) -> Duration) -> f64 {
        let rows = self.rows.iter().skip(self.searched);
        let rows = rows.filter(|row| row.who == who);
        let mut times: Vec<f64> = rows.map(|row| of(&row.time).as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        let middle = |at: usize| times.get(at).copied().unwrap_or(f64::NAN);
        f64::midpoint(
            middle((times.len().max(1) - 1) / 2),
            middle(times.len() / 2),
        )
    }

    /// The quickest run of the whole bench whose name begins so.
    fn quickest(&self, who: &str, of: impl Fn(&Bare) -> Duration) -> f64 {
        let rows = self.rows.iter().filter(|row| row.who.starts_with(who));
        rows.map(|row| of(&row.time).as_secs_f64())
            .fold(f64::INFINITY, f64::min)
    }

    fn verdict(&self, bare: &(String, String), controllers: &[String]) -> Outcome<String> {
        let mut text = "\nratios of the medians (and of the quickest runs)\n".to_owned();
        let word = |holds: bool| if holds { "holds" } else { "MISSED" };
        let all = |time: &Bare| time.all;
        let secrets = |time: &Bare| time.secrets;
        for who in controllers {
            let median = self.median(&bare.0, all) / self.median(who, all);
            let quickest = self.quickest("bare", all) / self.quickest(who, all);
            let held = word(median >= SYNC_TARGET);
            let (loop_, target) = (&bare.0, SYNC_TARGET);
            writeln!(
                text,
                "{who}, all Ready: {loop_} / it = {median:.2} ({quickest:.2}), \
                 target >= {target}: {held}"
            )?;
            let median = self.median(who, secrets) / self.median(&bare.1, secrets);
            let quickest = self.quickest(who, secrets) / self.quickest("bare", secrets);
            let held = word(median <= SECRETS_TARGET);
            let (loop_, target) = (&bare.1, SECRETS_TARGET);
            writeln!(
                text,
                "{who}, all Secrets: it / {loop_} = {median:.2} ({quickest:.2}), \
                 target <= {target}: {held}"
            )?;
        }
        writeln!(text, "{}", storm::conditions()?)?;
        Ok(text)
    }
}
