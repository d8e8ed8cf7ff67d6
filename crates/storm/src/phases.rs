//! Shell. The phases: each does something to the controller and tells what it measured.

use std::time::Duration;

use tokio::time::Instant;

use crate::backend::Mode;
use crate::board::Board;
use crate::figures::{Figures, Unit, float};
use crate::load::Load;
use crate::measure::Mark;
use crate::options::StormError;
use crate::phase::Phase;
use crate::run::Run;
use crate::setup;

mod churn;
mod faults;
mod restarts;

/// Time between two objects that appear.
const EVERY: Duration = Duration::from_secs(1);

/// Runs one phase; `None` when it cannot run here, which is noted.
pub(crate) async fn run(run: &mut Run, phase: Phase) -> Result<Option<Figures>, StormError> {
    let figures = match phase {
        Phase::FirstSync => first_sync(run).await?,
        Phase::Steady => steady(run).await?,
        Phase::NewObjects => {
            let mark = run.mark();
            new_objects(run, &mark).await?
        }
        Phase::RotateOne => rotate_one(run).await?,
        Phase::RotateAll => rotate_all(run, false).await?,
        Phase::MassRestart => rotate_all(run, true).await?,
        Phase::Throttle => faults::throttle(run).await?,
        Phase::Outage => faults::away(run, Mode::Refuse).await?,
        Phase::Hang => faults::away(run, Mode::Hang).await?,
        Phase::FailingNamespace => faults::failing_namespace(run).await?,
        Phase::Pushback => return faults::pushback(run).await,
        Phase::Churn => churn::churn(run).await?,
        Phase::RestartTerm => restarts::restart(run, false).await?,
        Phase::RestartKill => restarts::restart(run, true).await?,
        Phase::NewObjectsFirstSync => restarts::new_objects_first_sync(run).await?,
        Phase::NamespaceDeletion => restarts::namespace_deletion(run).await?,
    };
    Ok(Some(figures))
}

/// The controller starts with all objects present.
async fn first_sync(run: &mut Run) -> Result<Figures, StormError> {
    let mark = run.mark();
    run.watchers.note(|board, now| board.begin(now, |_| true));
    run.start_controller()?;
    let limit = run.options.ready_timeout;
    if !run.until(limit, |wave| wave.secrets > 0).await? {
        return Err(StormError::Failed(format!(
            "the controller never became ready: no Secret within {} s",
            limit.as_secs()
        )));
    }
    let first = run.watchers.read(Board::secrets).percentile(0.0);
    run.until(run.options.phase_timeout, |wave| wave.complete())
        .await?;
    let mut figures = Figures::default();
    run.finish(&mark, &mut figures).await?;
    per_object(&mut figures, run.load.objects);
    figures.count("backend.keys", run.load.keys_read());
    if let Some(reads) = figures.get("backend.reads") {
        figures.ratio(
            "backend.reads.over-keys",
            reads.value,
            float(run.load.keys_read()),
        );
    }
    if let Some(first) = first {
        figures.set("secret.first", first, Unit::Seconds);
    }
    run.rest().await?;
    against_idle(run, &mut figures);
    against_ceiling(run, &mut figures);
    Ok(figures)
}

fn per_object(figures: &mut Figures, objects: usize) {
    for what in ["mutating", "reading", "secrets", "statuses"] {
        if let Some(count) = figures.get(&format!("requests.{what}")) {
            figures.ratio(
                format!("requests.{what}.per-object"),
                count.value,
                float(objects),
            );
        }
    }
}

/// What the phase did to the unrelated client, now that it has been alone after it too.
fn against_idle(run: &Run, figures: &mut Figures) {
    figures.percentiles("unrelated.idle", &run.idle);
    let loaded = figures.get("unrelated.p99");
    if let (Some(loaded), Some(idle)) = (loaded, run.idle.percentile(0.99)) {
        figures.ratio("unrelated.vs-idle", loaded.value, idle);
    }
}

/// The controller's rates over those of the bare loops of the same run.
fn against_ceiling(run: &Run, figures: &mut Figures) {
    let Some(ceiling) = &run.ceiling else {
        return;
    };
    let rate = |name: &str| ceiling.figures.get(name).map(|figure| figure.value);
    let (Some(secrets), Some(statuses)) = (rate("secrets.rate"), rate("statuses.rate")) else {
        return;
    };
    let objects = float(run.load.objects);
    let (bare, both) = (objects / secrets, objects / secrets + objects / statuses);
    if let Some(last) = figures.get("secret.max") {
        figures.ratio("secret.max.over-bare-loop", last.value, bare);
    }
    if let Some(last) = figures.get("ready.max") {
        figures.ratio("bare-loop.over-ready.max", both, last.value);
        // The best loop that leaves the unrelated client within four times its idle latency.
        if let Some(kept) = rate("objects.rate.considerate") {
            figures.ratio(
                "considerate-loop.over-ready.max",
                objects / kept,
                last.value,
            );
        }
    }
}

/// Nothing changes.
async fn steady(run: &mut Run) -> Result<Figures, StormError> {
    // Polls may begin one and a half intervals after the first read; then they are regular.
    let regular = run.started + run.load.refresh.mul_f64(1.5);
    let begin = regular.saturating_sub(run.now());
    run.watchers.note(|board, now| board.begin(now, |_| false));
    run.until(begin, |_| false).await?;
    let mark = run.mark();
    let time = run.options.steady;
    run.watchers.note(|board, now| board.begin(now, |_| false));
    run.until(time, |_| false).await?;
    let mut figures = Figures::default();
    run.standard(&mark, &mut figures);
    let refreshes = float(run.load.objects) * time.as_secs_f64() / run.load.refresh.as_secs_f64();
    figures.set("refreshes", refreshes, Unit::Count);
    for what in ["mutating", "reading"] {
        if let Some(count) = figures.get(&format!("requests.{what}")) {
            figures.ratio(
                format!("requests.{what}.per-refresh"),
                count.value,
                refreshes,
            );
        }
    }
    if let Some(calls) = figures.get("backend.calls") {
        let due = float(run.load.keys_read()) * time.as_secs_f64() / run.load.refresh.as_secs_f64();
        figures.ratio("backend.calls.over-due", calls.value, due);
    }
    Ok(figures)
}

/// Makes an object a second, `count` of them, and adds each to the wave.
pub(crate) async fn trickle(run: &mut Run, count: usize) -> Result<(), StormError> {
    let mut due = Instant::now();
    for _ in 0..count {
        appear(run).await?;
        due += EVERY;
        let wait = due.saturating_duration_since(Instant::now());
        run.until(wait, |_| false).await?;
    }
    Ok(())
}

/// Makes one new object; its time begins when it is sent.
pub(crate) async fn appear(run: &mut Run) -> Result<(), StormError> {
    let number = run.next;
    run.next += 1;
    run.watchers.note(|board, now| board.join(number, now));
    setup::object(&run.admin, &run.load, number).await?;
    Ok(())
}

/// New objects while the others refresh, or while something of `mark` and since goes on.
pub(crate) async fn new_objects(run: &mut Run, mark: &Mark) -> Result<Figures, StormError> {
    run.watchers.note(|board, now| board.begin(now, |_| false));
    trickle(run, run.options.new_objects).await?;
    run.until(run.options.phase_timeout, |wave| wave.complete())
        .await?;
    let mut figures = Figures::default();
    run.finish(mark, &mut figures).await?;
    Ok(figures)
}

/// Gives keys a new value and begins the wave of their objects.
pub(crate) fn rotate(run: &Run, keys: impl IntoIterator<Item = usize>) {
    let rotated = run.backend.rotate(keys);
    run.watchers.note(|board, now| {
        for (key, generation) in &rotated {
            board.want(*key, *generation);
        }
        let Load { objects, .. } = run.load;
        let changed = |object: usize| {
            let key = run.load.key(object);
            object < objects && rotated.iter().any(|(rotated, _)| *rotated == key)
        };
        if rotated.len() == run.load.keys {
            board.begin(now, |object| object < objects);
        } else {
            board.begin(now, changed);
        }
    });
}

/// Time for polls to find a change: two intervals, and the phase's own.
pub(crate) fn patience(run: &Run) -> Duration {
    run.load.refresh * 2 + run.options.phase_timeout
}

/// The key that many objects share changes.
async fn rotate_one(run: &mut Run) -> Result<Figures, StormError> {
    let mark = run.mark();
    rotate(run, [0]);
    run.until(patience(run), |wave| wave.written()).await?;
    let written = run.collector.counts().since(&mark.counts);
    let (first_read, reads) = run.backend.read_since_rotation(0);
    run.until(run.options.phase_timeout, |wave| wave.complete())
        .await?;
    let mut figures = Figures::default();
    run.finish(&mark, &mut figures).await?;
    figures.count("key.reads", reads);
    if run.collector.knows_requests() {
        let objects = figures.get("objects").map_or(1.0, |objects| objects.value);
        let mutating = float(written.mutating);
        figures.ratio("until-written.mutating.per-object", mutating, objects);
        figures.count("until-written.statuses", written.statuses);
    }
    // Both times are of the run's clock: the wave began when the key was rotated.
    let last = run.watchers.read(Board::secrets).percentile(1.0);
    if let (Some(read), Some(last)) = (first_read, last) {
        let read = read.saturating_sub(mark.at).as_secs_f64();
        figures.set("secret.after-read", (last - read).max(0.0), Unit::Seconds);
    }
    Ok(figures)
}

/// Every key changes; with `restart`, all nodes start anew when half of the Secrets are written.
async fn rotate_all(run: &mut Run, restart: bool) -> Result<Figures, StormError> {
    let mark = run.mark();
    rotate(run, 0..run.load.keys);
    let mut figures = Figures::default();
    if restart {
        run.until(patience(run), |wave| wave.secrets * 2 >= wave.objects)
            .await?;
        run.nodes.restart_all();
        let began = Instant::now();
        run.until(patience(run), |wave| wave.written()).await?;
        figures.seconds("secret.after-restart", began.elapsed());
    }
    run.until(patience(run), |wave| wave.complete()).await?;
    run.finish(&mark, &mut figures).await?;
    per_object(&mut figures, run.load.objects);
    beyond_ceiling(run, &mark, &mut figures);
    run.rest().await?;
    against_idle(run, &mut figures);
    Ok(figures)
}

/// How long after the bare loop's time for as many writes the last node has seen its value. The
/// bare loop could begin when the first key was read, and not be through before the last one was.
fn beyond_ceiling(run: &Run, mark: &Mark, figures: &mut Figures) {
    let reads = (0..run.load.keys_read()).filter_map(|key| run.backend.read_since_rotation(key).0);
    let after = |read: Duration| read.saturating_sub(mark.at).as_secs_f64();
    let reads: Vec<f64> = reads.map(after).collect();
    let first = reads.iter().copied().fold(f64::INFINITY, f64::min);
    let last = reads.iter().copied().fold(0.0, f64::max);
    figures.set("keys.read.first", first, Unit::Seconds);
    figures.set("keys.read.last", last, Unit::Seconds);
    let rate = (run.ceiling.as_ref()).and_then(|ceiling| ceiling.figures.get("secrets.rate"));
    if let (Some(node), Some(rate)) = (figures.get("nodes.max"), rate) {
        let bare = first + float(run.load.objects) / rate.value;
        figures.set(
            "nodes.max.beyond-bare-loop",
            node.value - bare.max(last),
            Unit::Seconds,
        );
    }
}
