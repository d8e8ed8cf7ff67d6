//! Shell. The live view: follows the files, redraws the table or tells what changed.

use std::io;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::observe::Observer;
use super::screen::Screen;
use super::sync::Sync;
use super::table;
use super::view::Row;
use crate::clock::Clock;

/// Pause between looks at the files.
const SCAN: Duration = Duration::from_millis(250);
/// A look at very many files may take this share of the time: one part in ten.
const SCAN_SHARE: u32 = 10;
/// Changes that come together are shown together.
const COALESCE: Duration = Duration::from_millis(50);
/// Relative times move on.
const TICK: Duration = Duration::from_secs(1);

/// The live view.
#[derive(Debug)]
pub struct Live {
    sync: Sync,
    observer: Observer,
    screen: Screen,
    clock: Clock,
    begun: Instant,
    first: Option<Duration>,
    first_told: bool,
    told: (Vec<Row>, Vec<Fault>),
}

impl Live {
    /// A view that has shown nothing yet; `begun` is when the process started.
    #[must_use]
    pub fn new(
        sync: Sync,
        observer: Observer,
        screen: Screen,
        clock: Clock,
        begun: Instant,
    ) -> Self {
        Self {
            sync,
            observer,
            screen,
            clock,
            begun,
            first: None,
            first_told: false,
            told: (Vec::new(), Vec::new()),
        }
    }

    /// Shows and follows until `stop`.
    ///
    /// # Errors
    /// When standard output is closed.
    pub async fn run(&mut self, stop: &CancellationToken) -> io::Result<()> {
        let mut changes = self.observer.changes();
        let mut scan_at = Instant::now() + SCAN;
        let mut tick_at = Instant::now() + TICK;
        loop {
            self.show()?;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(scan_at) => {
                    let begun = Instant::now();
                    if let Err(error) = self.sync.pass(false).await {
                        tracing::warn!(%error, "the files were not applied");
                    }
                    scan_at = Instant::now() + SCAN.max(begun.elapsed() * SCAN_SHARE);
                }
                () = tokio::time::sleep_until(tick_at) => tick_at = Instant::now() + TICK,
                rung = changes.changed() => {
                    if rung.is_err() {
                        break;
                    }
                    self.note_first();
                    tokio::time::sleep(COALESCE).await;
                    changes.mark_unchanged();
                }
            }
        }
        self.show()
    }

    /// Measures the time to the first Secret.
    fn note_first(&mut self) {
        let rows = self.observer.rows(self.clock.now());
        if self.first.is_none()
            && rows
                .iter()
                .any(|row| !row.is_store() && row.changed.is_some())
        {
            self.first = Some(self.begun.elapsed());
        }
    }

    fn show(&mut self) -> io::Result<()> {
        self.note_first();
        let now = self.clock.now();
        let rows = self.observer.rows(now);
        let faults = self.sync.faults().to_vec();
        if self.screen.is_live() {
            let size = self.screen.size();
            let note = self.first.map_or_else(String::new, |first| {
                format!("; first Secret {} ms after start", first.as_millis())
            });
            let lines = table::screen(&rows, &faults, &note, now, size);
            return self.screen.draw(&lines);
        }
        let mut lines = table::changes(&self.told.0, &rows);
        let (old, new) = (&self.told.1, &faults);
        lines.extend(
            new.iter()
                .filter(|f| !old.contains(f))
                .map(|f| format!("problem: {f}")),
        );
        lines.extend(
            old.iter()
                .filter(|f| !new.contains(f))
                .map(|f| format!("mended: {}", f.at)),
        );
        if let Some(first) = self.first.filter(|_| !self.first_told) {
            self.first_told = true;
            lines.push(format!("first Secret {} ms after start", first.as_millis()));
        }
        let at = now.strftime("%H:%M:%SZ");
        let lines: Vec<String> = lines
            .into_iter()
            .map(|line| format!("{at} {line}"))
            .collect();
        self.told = (rows, faults);
        if lines.is_empty() {
            return Ok(());
        }
        self.screen.print(&lines)
    }
}
