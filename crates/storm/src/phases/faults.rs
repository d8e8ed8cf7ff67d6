//! Shell. Phases in which something is wrong: the backend, the API server, or many objects.

use std::time::Duration;

use kubebox::{Fault, FaultRule, Verb};

use super::{new_objects, patience, rotate, trickle};
use crate::backend::Mode;
use crate::board::Board;
use crate::figures::{Figures, float};
use crate::measure::Mark;
use crate::options::StormError;
use crate::run::Run;
use crate::setup;

/// Share of the API server's answers to writes that push back.
const PUSHED_BACK: f64 = 0.3;
/// How late the API server answers writes meanwhile.
const LATE: Duration = Duration::from_secs(1);

/// The backend has a token bucket, every value changes, and new objects appear.
pub(super) async fn throttle(run: &mut Run) -> Result<Figures, StormError> {
    let (rate, burst) = run.options.throttle;
    let mark = run.mark();
    run.backend.set(Mode::Limited { rate, burst });
    run.watchers.note(|board, now| board.begin(now, |_| false));
    let watched = trickle(run, run.options.new_objects).await;
    run.backend.set(Mode::Serve);
    watched?;
    let throttled = run.now().saturating_sub(mark.at).as_secs_f64();
    let tally = run.backend.tally().since(&mark.tally);
    run.until(run.options.phase_timeout, |wave| wave.complete())
        .await?;
    let mut figures = Figures::default();
    run.finish(&mark, &mut figures).await?;
    let calls = float(tally.calls);
    figures.ratio("throttled.share", float(tally.throttled), calls.max(1.0));
    let offered = float(run.load.keys_read()) / run.load.refresh.as_secs_f64();
    let possible = rate.min(offered) * throttled;
    figures.ratio(
        "goodput.over-possible",
        calls - float(tally.throttled),
        possible,
    );
    Ok(figures)
}

/// The backend is away for a while, then back with new values everywhere.
pub(super) async fn away(run: &mut Run, mode: Mode) -> Result<Figures, StormError> {
    let mark = run.mark();
    let from = run.now();
    run.backend.set(mode);
    run.watchers.note(|board, now| board.begin(now, |_| false));
    let waited = run.until(run.options.outage, |_| false).await;
    let to = run.now();
    let mut figures = Figures::default();
    during(run, &mark, (from, to), &mut figures);
    let back = run.mark();
    rotate(run, 0..run.load.keys);
    run.backend.set(Mode::Serve);
    waited?;
    run.until(patience(run), |wave| wave.complete()).await?;
    run.finish(&mark, &mut figures).await?;
    let recovery = run.backend.tally().since(&back.tally);
    figures.count("recovery.calls", recovery.calls);
    let seconds = run.backend.seconds();
    let recovering = seconds.get(second(to)..).unwrap_or_default();
    let peak = recovering
        .windows(10)
        .map(|ten| ten.iter().map(|s| s.0).sum::<u32>())
        .max();
    if let Some(peak) = peak {
        let due = float(run.load.keys_read()) * 10.0 / run.load.refresh.as_secs_f64();
        figures.ratio("recovery.peak-over-steady", f64::from(peak), due);
    }
    Ok(figures)
}

fn during(run: &Run, mark: &Mark, (from, to): (Duration, Duration), figures: &mut Figures) {
    let tally = run.backend.tally().since(&mark.tally);
    figures.count("away.calls", tally.calls);
    figures.ratio(
        "away.calls.per-second",
        float(tally.calls),
        to.saturating_sub(from).as_secs_f64(),
    );
    // The first seconds hold the calls that find the backend away.
    let seconds = run.backend.seconds();
    let (first, end) = (second(from) + 3, second(to));
    let settled = seconds.iter().take(end).skip(first);
    let peak = settled.map(|second| second.0).max();
    figures.count("away.peak", usize::try_from(peak.unwrap_or(0)).unwrap_or(0));
    if run.collector.knows_requests() {
        let counts = run.collector.counts().since(&mark.counts);
        figures.count("away.statuses", counts.statuses);
        figures.count("away.secrets", counts.secrets);
        let objects = float(run.load.objects);
        figures.ratio("away.statuses.per-object", float(counts.statuses), objects);
    }
}

fn second(at: Duration) -> usize {
    usize::try_from(at.as_secs()).unwrap_or(usize::MAX)
}

/// A namespace full of objects that fail; objects elsewhere appear as before.
pub(super) async fn failing_namespace(run: &mut Run) -> Result<Figures, StormError> {
    let namespace = format!("storm-{}-failing", run.load.run);
    let count = run.options.failing;
    let mark = run.mark();
    setup::failing(&run.admin, &run.load, &namespace, count).await?;
    let mut figures = new_objects(run, &mark).await?;
    figures.count("failing", count);
    setup::empty(&run.admin, &[namespace]).await?;
    Ok(figures)
}

/// The API server answers writes late and some with 429, while every value changes.
pub(super) async fn pushback(run: &mut Run) -> Result<Option<Figures>, StormError> {
    let Some(kubebox) = run.target.kubebox().cloned() else {
        run.note("pushback is left out: a cluster's API server takes no orders".to_owned());
        return Ok(None);
    };
    let mark = run.mark();
    for resource in ["secrets", "externalsecrets"] {
        let writes = |fault| {
            let rule = FaultRule::new(fault).resource(resource);
            rule.verb(Verb::Create).verb(Verb::Update).verb(Verb::Patch)
        };
        kubebox.inject(writes(Fault::Latency(LATE)));
        let refuse = Fault::TooManyRequests { retry_after: 1 };
        kubebox.inject(writes(refuse).probability(PUSHED_BACK));
    }
    rotate(run, 0..run.load.keys);
    let waited = run.until(run.options.steady, |_| false).await;
    let struck = kubebox.faults_struck();
    kubebox.clear_faults();
    waited?;
    let meanwhile = run.watchers.read(Board::progress);
    run.until(patience(run), |wave| wave.complete()).await?;
    let mut figures = Figures::default();
    run.finish(&mark, &mut figures).await?;
    figures.count("secret.meanwhile", meanwhile.secrets);
    // Rules stand in pairs: latency, then push-back.
    let refused: u64 = struck.iter().skip(1).step_by(2).sum();
    figures.count("refused", usize::try_from(refused).unwrap_or(usize::MAX));
    Ok(Some(figures))
}
