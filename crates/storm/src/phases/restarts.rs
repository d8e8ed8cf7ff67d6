//! Shell. Phases that end things: the controller's process, and namespaces.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::{appear, patience};
use crate::api;
use crate::board::Board;
use crate::figures::{Figures, float};
use crate::options::StormError;
use crate::run::Run;
use crate::setup::{self, NAMESPACES};

/// How long a restarted controller is watched for writes that it should not make.
const SETTLE: Duration = Duration::from_secs(10);
/// Namespaces that are deleted at most.
const DELETED: usize = 50;

/// The process ends with everything in sync; a new one starts, and a new object with it.
pub(super) async fn restart(run: &mut Run, kill: bool) -> Result<Figures, StormError> {
    if kill {
        run.kill_controller().await;
    } else {
        run.end_controller().await;
    }
    let mark = run.mark();
    run.watchers.note(|board, now| board.begin(now, |_| false));
    run.start_controller()?;
    appear(run).await?;
    run.until(run.options.phase_timeout, |wave| wave.complete())
        .await?;
    run.until(SETTLE, |_| false).await?;
    let mut figures = Figures::default();
    run.converged(&mut figures);
    run.standard(&mark, &mut figures);
    if let Some(secrets) = figures.get("requests.secrets") {
        // One Secret is the new object's.
        figures.count("requests.secrets.needless", needless(secrets.value));
    }
    let passed = run.now().saturating_sub(mark.at).as_secs_f64();
    let due = float(run.load.keys_read()) * passed / run.load.refresh.as_secs_f64();
    figures.set("backend.due", due, crate::figures::Unit::Count);
    Ok(figures)
}

fn needless(secrets: f64) -> usize {
    let secrets = secrets as usize;
    secrets.saturating_sub(1)
}

/// Everything is new to a new process, and an object a second appears among it.
pub(super) async fn new_objects_first_sync(run: &mut Run) -> Result<Figures, StormError> {
    run.end_controller().await;
    let namespaces: Vec<String> = (0..run.load.namespaces)
        .map(|number| run.load.namespace(number))
        .collect();
    setup::empty(&run.admin, &namespaces).await?;
    let deadline = Instant::now() + run.options.phase_timeout;
    while run.watchers.read(Board::standing).1 > 0 && Instant::now() < deadline {
        run.pause(Duration::from_millis(100)).await?;
    }
    setup::objects(&run.admin, &run.load, 0..run.load.objects, |_| ()).await?;
    let mark = run.mark();
    run.watchers.note(|board, now| board.begin(now, |_| false));
    run.start_controller()?;
    let deadline = Instant::now() + run.options.phase_timeout;
    let objects = run.load.objects;
    // A process that starts is no sync yet: the first object appears with the first Secret.
    while run.watchers.read(Board::standing).0 == 0 && Instant::now() < deadline {
        run.pause(Duration::from_millis(20)).await?;
    }
    let mut synced = None;
    while synced.is_none() && Instant::now() < deadline {
        appear(run).await?;
        run.until(Duration::from_secs(1), |_| false).await?;
        let (_, ready, _) = run.watchers.read(Board::standing);
        synced = (ready >= objects).then(|| run.now().saturating_sub(mark.at));
    }
    run.until(run.options.phase_timeout, |wave| wave.complete())
        .await?;
    let mut figures = Figures::default();
    run.converged(&mut figures);
    run.standard(&mark, &mut figures);
    if let Some(synced) = synced {
        figures.seconds("first-sync", synced);
    }
    Ok(figures)
}

/// Namespaces are deleted while every value changes.
pub(super) async fn namespace_deletion(run: &mut Run) -> Result<Figures, StormError> {
    let count = run.load.namespaces.div_ceil(2).min(DELETED);
    let doomed: Vec<String> = (0..count)
        .map(|number| run.load.namespace(number))
        .collect();
    let mark = run.mark();
    let keys = if run.load.values.is_ours() {
        0..run.load.keys
    } else {
        0..0
    };
    let rotated = run.backend.rotate(keys);
    let (namespaces, objects) = (run.load.namespaces, run.load.objects);
    run.watchers.note(|board, now| {
        for (key, generation) in rotated {
            board.want(key, generation);
        }
        board.begin(now, |object| {
            object < objects && object % namespaces >= count
        });
    });
    let (left, gone) = removed(run, &doomed).await?;
    let mut figures = Figures::default();
    figures.count("namespaces", doomed.len());
    figures.count("namespaces.left", left);
    figures.seconds("gone", gone);
    let changes = run.load.values.is_ours();
    run.until(patience(run), |wave| wave.complete() || !changes)
        .await?;
    if changes {
        run.converged(&mut figures);
    }
    run.standard(&mark, &mut figures);
    if run.collector.knows_requests() {
        let counts = run.collector.counts().since(&mark.counts);
        figures.count("writes-too-late", counts.too_late);
    }
    // As many once more, without a controller: half of them at most were deleted so far.
    let others: Vec<String> = (count..namespaces.min(2 * count))
        .map(|number| run.load.namespace(number))
        .collect();
    if others.len() == doomed.len() {
        run.end_controller().await;
        let (_, alone) = removed(run, &others).await?;
        figures.seconds("gone.without-controller", alone);
        figures.ratio("gone.over-without", gone.as_secs_f64(), alone.as_secs_f64());
    }
    Ok(figures)
}

/// Deletes namespaces and waits until they are gone; answers how many are left, and the time.
async fn removed(run: &mut Run, doomed: &[String]) -> Result<(usize, Duration), StormError> {
    let began = Instant::now();
    stream::iter(doomed)
        .map(|name| api::delete_by(&run.admin, format!("{NAMESPACES}/{name}")))
        .buffer_unordered(16)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    run.collector.deleted(doomed.to_vec());
    let deadline = began + run.options.phase_timeout;
    let mut left = doomed.len();
    while left > 0 && Instant::now() < deadline {
        run.pause(Duration::from_millis(200)).await?;
        let there = setup::namespaces(&run.admin, Some(&run.load.run)).await?;
        left = there.iter().filter(|name| doomed.contains(name)).count();
    }
    Ok((left, began.elapsed()))
}
