//! Shell. One resource of a rewrite under way: what became of its objects, told now and then.

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::{Object, Served, Server, Touch};
use crate::commands::Env;
use crate::commands::pacing::Pacer;
use crate::commands::scan::shown;
use crate::rewrite::{Place, Progress};

/// Failed objects that are named.
const MAX_NAMED: usize = 50;
/// How often progress is told.
const TELL: Duration = Duration::from_secs(1);
/// As [`TELL`], where each line stays.
const TELL_IN_LOG: Duration = Duration::from_secs(10);

/// One resource under way.
pub(super) struct Work<'w> {
    pub(super) server: &'w Server,
    pub(super) resource: &'w str,
    pub(super) served: Served,
    pub(super) pacer: &'w Pacer<'w>,
    pub(super) place: Place,
    pub(super) named: Vec<String>,
    pub(super) progress: Progress,
    began: Instant,
    told: Option<Instant>,
}

impl<'w> Work<'w> {
    pub(super) fn new(
        server: &'w Server,
        resource: &'w str,
        served: Served,
        pacer: &'w Pacer<'w>,
        place: Place,
    ) -> Self {
        Self {
            server,
            resource,
            served,
            pacer,
            progress: Progress::from(place.counts.seen),
            place,
            named: Vec::new(),
            began: Instant::now(),
            told: None,
        }
    }

    pub(super) fn count(&mut self, object: &Object, touch: Touch) {
        // A later round touches again what was counted.
        self.progress.done = (self.progress.done + 1).min(self.progress.total);
        let counts = &mut self.place.counts;
        match touch {
            Touch::Rewritten => {
                counts.rewritten += 1;
                self.progress.rewritten_now += 1;
            }
            Touch::Unchanged => counts.unchanged += 1,
            Touch::Gone => counts.gone += 1,
            Touch::Failed(words) => {
                counts.failed += 1;
                if self.named.len() < MAX_NAMED {
                    let name = shown(&object.path());
                    let words: String = words.chars().filter(|c| !c.is_control()).collect();
                    self.named
                        .push(format!("{} {name}: {words}", self.resource));
                }
            }
        }
    }

    pub(super) fn tell(&mut self, env: &mut Env<'_>, last: bool) {
        let every = if env.terminal { TELL } else { TELL_IN_LOG };
        let now = Instant::now();
        if !last && now.duration_since(self.told.unwrap_or(self.began)) < every {
            return;
        }
        self.told = Some(now);
        let line = self
            .progress
            .line(self.resource, now.duration_since(self.began));
        let _closed = match (env.terminal, last) {
            (true, false) => write!(env.err, "\r\x1b[K{line}").and_then(|()| env.err.flush()),
            (true, true) => writeln!(env.err, "\r\x1b[K{line}"),
            (false, _) => writeln!(env.err, "{line}"),
        };
    }
}
