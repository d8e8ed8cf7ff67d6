//! Shell. Objects come and go for a long time: what the controller's memory does meanwhile.

use std::time::Duration;

use tokio::time::Instant;

use super::appear;
use crate::board::Board;
use crate::figures::{Figures, Unit};
use crate::options::StormError;
use crate::process::Usage;
use crate::run::Run;
use crate::setup;

/// Time between two turns.
const TURN: Duration = Duration::from_secs(60);
/// Share of the objects that come and go in one turn.
const SHARE: usize = 100;

/// Each minute a hundredth of the objects appear, and those of the minute before go.
pub(super) async fn churn(run: &mut Run) -> Result<Figures, StormError> {
    let mark = run.mark();
    let turns = (run.options.churn.as_secs() / TURN.as_secs()).max(1);
    let count = (run.load.objects / SHARE).max(1);
    let mut due = Instant::now();
    let mut late = 0;
    let mut before: Vec<usize> = Vec::new();
    let mut resident: Vec<u64> = Vec::new();
    for _ in 0..turns {
        run.watchers.note(|board, now| board.begin(now, |_| false));
        let first = run.next;
        for _ in 0..count {
            appear(run).await?;
        }
        for number in std::mem::replace(&mut before, (first..run.next).collect()) {
            setup::remove(&run.admin, &run.load, number).await?;
        }
        due += TURN;
        let left = due.saturating_duration_since(Instant::now());
        let began = Instant::now();
        if !run.until(left, |wave| wave.complete()).await? {
            let wave = run.watchers.read(Board::progress);
            late += wave.objects - wave.ready.min(wave.secrets);
        }
        run.until(left.saturating_sub(began.elapsed()), |_| false)
            .await?;
        resident.extend(run.collector.usage().map(|Usage { resident, .. }| resident));
    }
    let mut figures = Figures::default();
    run.converged(&mut figures);
    run.standard(&mark, &mut figures);
    figures.set("turns", turns as f64, Unit::Count);
    figures.count("per-turn", count);
    figures.count("late", late);
    flat(&resident, &mut figures);
    Ok(figures)
}

/// Whether memory grows: the mean of the last quarter of the turns over that of the first.
fn flat(resident: &[u64], figures: &mut Figures) {
    let quarter = resident.len().div_ceil(4);
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len() as f64;
    if quarter > 0 {
        let (first, last) = (&resident[..quarter], &resident[resident.len() - quarter..]);
        figures.set("controller.memory.first-quarter", mean(first), Unit::Bytes);
        figures.set("controller.memory.last-quarter", mean(last), Unit::Bytes);
        figures.ratio("controller.memory.growth", mean(last), mean(first));
    }
}
