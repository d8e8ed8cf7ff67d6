//! Shell. The storm: 300 objects, every fault at once for two virtual hours, twenty kills; then the
//! promises are judged over everything that was asked and written.
//!
//! A seed is a run: the same seed asks the same at the same virtual time, byte for byte.
//!
//! `cargo test -p tidegate --test it chaos` runs the seeds of CI. Others, or one alone, by the
//! environment: `TIDEGATE_SOAK_FIRST=1000 TIDEGATE_SOAK_SEEDS=5000`.

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::random::Random;
use crate::support::tape::{self, Tape};
use crate::support::{Replica, Sim};
use cast::Cast;
use events::Ledger;

mod cast;
mod events;
mod history;
mod judge;
mod load;
mod weather;

/// Seeds of one run.
const SEEDS: u64 = 200;
/// Seeds between two words of how far it is.
const STEP: u64 = 25;
const STORM: Duration = Duration::from_secs(2 * 3600);
const KILLS: usize = 20;
const FLAGS: &[&str] = &["--status-heartbeat", "off", "--lease-duration", "60s"];

/// One storm, as the judges see it.
struct Storm {
    seed: u64,
    sim: Sim,
    cast: Cast,
    ledger: Ledger,
    began: Instant,
    /// resourceVersion at the beginning.
    from: u64,
    /// Controllers started.
    starts: usize,
}

#[test]
fn whatever_breaks_the_promises_hold() {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let first = setting("TIDEGATE_SOAK_FIRST").unwrap_or(1);
    let seeds = setting("TIDEGATE_SOAK_SEEDS").unwrap_or(SEEDS);
    let (next, done) = (AtomicU64::new(first), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    if catch_unwind(AssertUnwindSafe(|| run(seed, Tape::blank))).is_err() {
                        failed.lock().unwrap().push(seed);
                        tell(&format!("seed {seed} failed; alone: {}", alone(seed)));
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(STEP) && done < seeds {
                        tell(&format!("storm: {done} of {seeds} seeds"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let count = failed.len();
    assert!(count == 0, "{count} of {seeds} seeds failed: {failed:?}");
}

/// How to run one seed again.
fn alone(seed: u64) -> String {
    let test = "cargo test -p tidegate --test it chaos::whatever";
    format!("TIDEGATE_SOAK_FIRST={seed} TIDEGATE_SOAK_SEEDS=1 {test}")
}

/// Says it at once: what a test prints otherwise is kept until it fails.
fn tell(line: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn a_seed_is_a_run() {
    let run = || {
        let run = std::thread::spawn(|| run(1, Tape::running));
        run.join().unwrap()
    };
    let (one, other) = (run(), run());
    tape::assert_same("seed 1", &one, &other);
}

/// Runs one storm; gives what was asked in it, when there is a tape.
fn run(seed: u64, tape: fn() -> Tape) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let tape = tape();
        let storm = Storm::begin(seed, tape.clone()).await;
        let mut storm = Tail(storm);
        let replica = storm.0.rage().await;
        let replica = storm.0.calm(replica).await;
        judge::verdict(&storm.0).await;
        replica.stop().await;
        tape.lines()
    })
}

impl Storm {
    async fn begin(seed: u64, tape: Tape) -> Self {
        let sim = Sim::taped(seed, tape).await;
        let cast = Cast::enter(&sim).await;
        Self {
            seed,
            cast,
            ledger: Ledger::default(),
            began: Instant::now(),
            from: sim.kubebox.resource_version(),
            starts: 0,
            sim,
        }
    }

    fn start(&mut self) -> Replica {
        self.starts += 1;
        self.sim.start(FLAGS)
    }

    /// Two hours of everything; gives the controller that is alive at their end.
    async fn rage(&mut self) -> Replica {
        let mut random = Random::new(self.seed ^ 0x5707);
        let mut plan: BTreeMap<Duration, Vec<Act>> = BTreeMap::new();
        let mut at = |random: &mut Random, act: Act| {
            plan.entry(random.time(STORM)).or_default().push(act);
        };
        (0..KILLS).for_each(|_| at(&mut random, Act::Kill));
        (0..weather::TURNS).for_each(|_| at(&mut random, Act::Weather));
        (0..events::COUNT).for_each(|_| at(&mut random, Act::Event));
        weather::rise(&self.sim);
        let mut replica = self.start();
        for (time, acts) in plan {
            while Instant::now() < self.began + time {
                replica = self.supervise(replica).await;
                let soon = Instant::now() + Duration::from_secs(10);
                tokio::time::sleep_until(soon.min(self.began + time)).await;
            }
            for act in acts {
                match act {
                    Act::Kill => {
                        replica.kill().await;
                        tokio::time::sleep(random.time(Duration::from_secs(20))).await;
                        replica = self.start();
                    }
                    Act::Weather => weather::turn(&self.sim, &mut random),
                    Act::Event => {
                        let (sim, cast) = (&self.sim, &self.cast);
                        self.ledger.happen(sim, cast, &mut random).await;
                    }
                }
            }
        }
        replica
    }

    /// Restarts a controller that ended by itself (it lost its Lease), as a kubelet would.
    async fn supervise(&mut self, replica: Replica) -> Replica {
        if !replica.has_ended() {
            return replica;
        }
        let _lease_lost = replica.outcome().await;
        self.start()
    }

    /// The faults end, and everything converges. A Lease that the storm took may still be lost.
    async fn calm(&mut self, mut replica: Replica) -> Replica {
        weather::settle(&self.sim);
        self.ledger.put_back(&self.sim, &self.cast);
        let end = Instant::now() + cast::CONVERGED;
        loop {
            replica = self.supervise(replica).await;
            let behind = self.cast.behind(&self.sim).await;
            if behind.is_empty() {
                return replica;
            }
            let seed = self.seed;
            assert!(Instant::now() < end, "seed {seed}: behind: {behind:#?}");
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Kill,
    Weather,
    Event,
}

/// Tells the seed and the last that happened when a judge objects.
struct Tail(Storm);

impl Drop for Tail {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let storm = &self.0;
        let requests = storm.sim.kubebox.requests();
        eprintln!("seed {}: the last requests:", storm.seed);
        let lines = requests.iter().filter(|r| r.resource != "leases");
        let lines: Vec<_> = lines.collect();
        for r in &lines[lines.len().saturating_sub(30)..] {
            let (ns, name, code) = (&r.namespace, &r.name, r.code);
            let (agent, verb, kind) = (&r.user_agent, r.verb, &r.resource);
            eprintln!(
                "  {} {agent} {verb:?} {kind}/{} {ns}/{name} {code:?}",
                r.at, r.subresource
            );
        }
        eprintln!("seed {}: the last events:", storm.seed);
        for line in storm.ledger.last(20) {
            eprintln!("  {line}");
        }
    }
}
