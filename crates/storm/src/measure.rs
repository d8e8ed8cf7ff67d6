//! Shell. What every phase does: wait for the wave, mark the counters, tell what they moved by.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::backend::Tally;
use crate::board::{Board, Progress};
use crate::figures::{Figures, Unit, float};
use crate::ledger::Counts;
use crate::options::StormError;
use crate::process::{Server, Usage};
use crate::run::Run;

/// Longest wait for the controller's last writes after a wave has converged.
const SETTLE: Duration = Duration::from_secs(15);
/// Seconds without a write that mean that there was the last one.
const QUIET: usize = 2;
/// Time between two looks at the board.
const LOOK: Duration = Duration::from_millis(50);

/// The state of all counters at one moment.
#[derive(Debug, Clone)]
pub struct Mark {
    pub(crate) at: Duration,
    pub(crate) counts: Counts,
    pub(crate) tally: Tally,
    probed: usize,
    usage: Option<Usage>,
    servers: BTreeMap<Server, Usage>,
}

impl Run {
    /// Time since the run began.
    pub(crate) fn now(&self) -> Duration {
        self.watchers.origin.elapsed()
    }

    /// Starts the controller.
    pub(crate) fn start_controller(&mut self) -> Result<(), StormError> {
        let running = self.plan.start().map_err(StormError::Failed)?;
        self.collector.follow_process(running.pid());
        self.controller = Some(running);
        self.started = self.now();
        Ok(())
    }

    /// Ends the controller with SIGTERM.
    pub(crate) async fn end_controller(&mut self) {
        if let Some(running) = self.controller.take() {
            self.collector.follow_process(None);
            running.terminate().await;
        }
    }

    /// Ends the controller with SIGKILL.
    pub(crate) async fn kill_controller(&mut self) {
        if let Some(running) = self.controller.take() {
            self.collector.follow_process(None);
            running.kill().await;
        }
    }

    /// Waits; ends early when the user or the controller ends the run.
    pub(crate) async fn pause(&mut self, time: Duration) -> Result<(), StormError> {
        let ended = async {
            match &mut self.controller {
                Some(running) => running.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.stop.cancelled() => Err(StormError::Interrupted),
            how = ended => Err(StormError::Failed(how)),
        }
    }

    /// Waits for the wave to get so far; tells whether it did within the time.
    pub(crate) async fn until(
        &mut self,
        limit: Duration,
        done: impl Fn(&Progress) -> bool,
    ) -> Result<bool, StormError> {
        let deadline = Instant::now() + limit;
        loop {
            let progress = self.watchers.read(Board::progress);
            if self.screen.due() {
                self.show(&progress);
            }
            if done(&progress) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.pause(LOOK).await?;
        }
    }

    fn show(&mut self, progress: &Progress) {
        let ready = self.watchers.read(Board::ready);
        let newest = self.collector.newest().unwrap_or_default();
        let requests: u32 = newest.requests.values().sum();
        let quantile = |share| ready.percentile(share).unwrap_or(0.0);
        let text = format!(
            "{}: {} of {} Ready, {} Secrets, nodes {} of {}; p50 {:.1} s p99 {:.1} s; \
             API {requests}/s, backend {}/s",
            self.phase,
            progress.ready,
            progress.objects,
            progress.secrets,
            progress.seen,
            progress.mounts,
            quantile(0.5),
            quantile(0.99),
            newest.backend,
        );
        self.screen.progress(&text);
    }

    /// The counters now.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            at: self.now(),
            counts: self.collector.counts(),
            tally: self.backend.tally(),
            probed: self.probe.mark(),
            usage: self.collector.usage(),
            servers: self.collector.servers(),
        }
    }

    /// Ends a phase that loaded the API server: tells how the wave converged, waits until the
    /// controller's last writes (events come behind all statuses) are counted where they belong,
    /// and tells the rest. Latencies are of the time until the wave had converged.
    pub(crate) async fn finish(
        &mut self,
        mark: &Mark,
        figures: &mut Figures,
    ) -> Result<(), StormError> {
        self.converged(figures);
        let end = self.probe.mark();
        self.settle().await?;
        self.standard_until(mark, end, figures);
        Ok(())
    }

    /// Waits until the controller has written nothing for a while; does not wait for ever.
    async fn settle(&mut self) -> Result<(), StormError> {
        if !self.collector.knows_requests() {
            return Ok(());
        }
        let deadline = Instant::now() + SETTLE;
        let (mut before, mut quiet) = (self.collector.counts().mutating, 0);
        while quiet < QUIET && Instant::now() < deadline {
            self.pause(Duration::from_secs(1)).await?;
            let now = self.collector.counts().mutating;
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
        }
        Ok(())
    }

    /// Leaves the unrelated client alone for a while: what is idle is measured again and again
    /// in the course of a run, since the machine may have changed.
    pub(crate) async fn rest(&mut self) -> Result<(), StormError> {
        let from = self.probe.mark();
        self.pause(self.options.idle).await?;
        self.idle.add(&self.probe.since(from));
        Ok(())
    }

    /// Adds what every phase tells: requests, backend calls, latency, processor time, memory.
    pub(crate) fn standard(&self, mark: &Mark, figures: &mut Figures) {
        self.standard_until(mark, usize::MAX, figures);
    }

    fn standard_until(&self, mark: &Mark, probed: usize, figures: &mut Figures) {
        self.requests(mark, figures);
        self.backend_calls(mark, figures);
        self.latency(mark, probed, figures);
        self.usage(mark, figures);
    }

    fn requests(&self, mark: &Mark, figures: &mut Figures) {
        if self.collector.knows_requests() {
            let counts = self.collector.counts().since(&mark.counts);
            figures.count("requests.mutating", counts.mutating);
            figures.count("requests.reading", counts.reading);
            figures.count("requests.leases", counts.leases);
            figures.count("requests.secrets", counts.secrets);
            figures.count("requests.statuses", counts.statuses);
            figures.count("requests.pushed-back", counts.pushed_back);
            for (sort, count) in &counts.sorts {
                figures.count(format!("requests.sort.{}", sort.replace(' ', "-")), *count);
            }
        }
    }

    fn backend_calls(&self, mark: &Mark, figures: &mut Figures) {
        if !self.load.values.is_ours() {
            return;
        }
        let tally = self.backend.tally().since(&mark.tally);
        figures.count("backend.calls", tally.calls);
        figures.count("backend.reads", tally.reads);
        figures.count("backend.logins", tally.logins);
        figures.count("backend.tokens", tally.tokens);
        figures.count("backend.throttled", tally.throttled);
    }

    fn latency(&self, mark: &Mark, until: usize, figures: &mut Figures) {
        let latency = self.probe.between(mark.probed, until);
        figures.percentiles("unrelated", &latency);
        figures.percentiles("unrelated.idle", &self.idle);
        if let (Some(loaded), Some(idle)) = (latency.percentile(0.99), self.idle.percentile(0.99)) {
            figures.ratio("unrelated.vs-idle", loaded, idle);
        }
        figures.count("unrelated.pushed-back", self.probe.pushed_back());
    }

    fn usage(&self, mark: &Mark, figures: &mut Figures) {
        let passed = self.now().saturating_sub(mark.at).as_secs_f64();
        if let Some(usage) = self.collector.usage() {
            // A process that began after the mark has used all of its time since.
            let before = mark.usage.map_or(Duration::ZERO, |usage| usage.cpu);
            used("controller", usage, before, passed, figures);
        }
        for (server, usage) in self.collector.servers() {
            if let Some(before) = mark.servers.get(&server) {
                used(server.name(), usage, before.cpu, passed, figures);
            }
        }
    }

    /// Adds the wave's times, and how much of it is unfinished.
    pub(crate) fn converged(&self, figures: &mut Figures) {
        let (progress, secrets, ready, nodes) = self.watchers.read(|board| {
            (
                board.progress(),
                board.secrets(),
                board.ready(),
                board.nodes(),
            )
        });
        figures.count("objects", progress.objects);
        figures.count(
            "unfinished",
            progress.objects - progress.ready.min(progress.secrets),
        );
        figures.percentiles("secret", &secrets);
        figures.percentiles("ready", &ready);
        if progress.mounts > 0 {
            figures.percentiles("nodes", &nodes);
            figures.count("nodes.unseen", progress.mounts - progress.seen);
        }
        if let Some(last) = ready.percentile(1.0) {
            figures.set("ready.rate", float(ready.len()) / last, Unit::PerSecond);
        }
    }

    /// Says something that belongs into the report.
    pub(crate) fn note(&mut self, text: String) {
        self.screen.line(&text);
        self.notes.push(text);
    }
}

/// What a process used since `before`, over the time that has passed.
fn used(name: &str, usage: Usage, before: Duration, passed: f64, figures: &mut Figures) {
    let used = usage.cpu.saturating_sub(before);
    figures.seconds(format!("{name}.cpu"), used);
    figures.ratio(format!("{name}.cores"), used.as_secs_f64(), passed);
    figures.set(
        format!("{name}.memory.peak"),
        bytes(usage.peak),
        Unit::Bytes,
    );
    figures.set(format!("{name}.memory"), bytes(usage.resident), Unit::Bytes);
}

fn bytes(number: u64) -> f64 {
    number as f64
}
