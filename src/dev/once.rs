//! Shell. `--once`: waits until all has answered, then tells what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cluster::{Cluster, ClusterError};
use super::observe::Observer;
use super::patience::{Patience, Verdict};
use super::print::Made;
use super::sync::Sync;
use super::table;
use super::view::{Row, State};
use crate::clock::Clock;

/// How often to look, when nothing rings.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until everything that was applied is Ready, or has had its time; answers the rows.
pub async fn settle(sync: &Sync, observer: &Observer, clock: Clock, limits: Patience) -> Vec<Row> {
    let begun = Instant::now();
    let mut limits = limits;
    let mut changes = observer.changes();
    let applied = sync.conditioned();
    loop {
        let mut rows = observer.rows(clock.now());
        rows.retain(|row| applied.contains(&row.id));
        if limits.judge(&applied, &rows, begun.elapsed()) != Verdict::Wait {
            return rows;
        }
        let _changed_or_due = tokio::time::timeout(LOOK, changes.changed()).await;
    }
}

/// The Secrets of what is Ready, by namespace and name.
///
/// # Errors
/// When the API does not answer.
pub async fn made(
    cluster: &Cluster,
    observer: &Observer,
    rows: &[Row],
) -> Result<Vec<Made>, ClusterError> {
    let mut made = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| !row.is_store() && row.state == State::Ready)
    {
        let (namespace, target) = (&row.id.namespace, &row.target);
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{target}");
        // creationPolicy None and Merge are Ready without a Secret.
        if let Some(secret) = cluster.get(&path).await? {
            let by = observer.declared(&row.id).unwrap_or_default();
            made.insert((namespace.clone(), target.clone()), Made { secret, by });
        }
    }
    Ok(made.into_values().collect())
}

/// One line for each thing that failed: which, why, what to do.
#[must_use]
pub fn failures(sync: &Sync, rows: &[Row], skip_unserved: bool, timeout: Duration) -> Vec<String> {
    let faults = sync
        .faults()
        .iter()
        .filter(|fault| fault.is_failure(skip_unserved));
    let mut lines: Vec<String> = faults.map(ToString::to_string).collect();
    for id in sync.conditioned() {
        match rows.iter().find(|row| row.id == id) {
            Some(row) if row.state == State::Ready => {}
            Some(row) if row.state == State::Failed => {
                lines.push(table::trouble(row).replace("\n ", ";"));
            }
            _ => lines.push(format!(
                "{}: no answer within {timeout:?}; to mend it: see that its store's \
                 spec.controller is left out, or wait longer with --timeout",
                id.text()
            )),
        }
    }
    lines
}
