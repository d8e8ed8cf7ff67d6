//! Pure. Where a rewrite stands: counts, rate, time left, and the checkpoint that survives a kill.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What became of the objects of one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Objects that were looked at.
    pub seen: u64,
    /// Stored anew.
    pub rewritten: u64,
    /// Touched, and stored as they should be.
    pub unchanged: u64,
    /// Deleted by somebody meanwhile.
    pub gone: u64,
    /// Not touched: the checkpoint does not count them, so that the next run tries again.
    pub failed: u64,
}

impl Counts {
    /// Adds those of another resource.
    pub fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.rewritten += other.rewritten;
        self.unchanged += other.unchanged;
        self.gone += other.gone;
        self.failed += other.failed;
    }
}

/// One resource's place in a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Everything up to here is done: a key of etcd, or a list's token.
    pub cursor: Option<String>,
    /// Whether all of it is done.
    pub finished: bool,
    /// What was done.
    pub counts: Counts,
}

/// What a killed run leaves behind. It holds names of resources and places in lists, no data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Version of this format.
    pub version: u32,
    /// UID of the cluster's `kube-system`.
    pub cluster: String,
    /// What is rewritten to: the hash of the configuration, or none where it is not known.
    pub target: Option<String>,
    /// Whether places are keys of etcd.
    pub by_etcd: bool,
    /// The resources.
    pub resources: BTreeMap<String, Place>,
}

impl Checkpoint {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
    /// The largest file that is taken for one.
    pub const MAX_BYTES: usize = 1 << 20;

    /// An empty one.
    #[must_use]
    pub fn new(cluster: String, target: Option<String>, by_etcd: bool) -> Self {
        Self {
            version: Self::VERSION,
            cluster,
            target,
            by_etcd,
            resources: BTreeMap::new(),
        }
    }

    /// What an earlier run left behind, if it was at the same work; anything else is put aside.
    ///
    /// # Errors
    /// For bytes that are no checkpoint, and for one of another cluster.
    pub fn resume(self, bytes: &[u8]) -> Result<Self, String> {
        let found: Self = serde_json::from_slice(bytes).map_err(|error| {
            format!(
                "no checkpoint (line {} column {})",
                error.line(),
                error.column()
            )
        })?;
        if found.version != Self::VERSION {
            return Err(format!("a checkpoint of version {}", found.version));
        }
        if found.cluster != self.cluster {
            return Err("a checkpoint of another cluster".to_owned());
        }
        // Another key makes everything stale again, so that the work begins anew.
        let same = found.target == self.target && found.by_etcd == self.by_etcd;
        Ok(if same { found } else { self })
    }
}

/// Between two marks.
const STEP: Duration = Duration::from_secs(1);
/// Marks that the rate is taken from: the pace adapts and pauses, so that only the last half
/// minute tells of the next.
const MARKS: usize = 31;

/// How quick it is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Objects there are, as far as it is known.
    pub total: u64,
    /// Objects that need nothing any more, those of earlier runs too.
    pub done: u64,
    /// Stored anew by this run.
    pub rewritten_now: u64,
    /// How many were done at some times since this run began.
    marks: VecDeque<(Duration, u64)>,
}

impl Progress {
    /// Where a run begins.
    #[must_use]
    pub fn from(done: u64) -> Self {
        Self {
            done,
            marks: VecDeque::from([(Duration::ZERO, done)]),
            ..Self::default()
        }
    }

    /// Objects a second lately, `elapsed` after this run began.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts of objects")]
    pub fn rate(&mut self, elapsed: Duration) -> f64 {
        let last = self.marks.back().copied().unwrap_or_default();
        if elapsed >= last.0 + STEP {
            self.marks.push_back((elapsed, self.done));
            if self.marks.len() > MARKS {
                self.marks.pop_front();
            }
        }
        let first = self.marks.front().copied().unwrap_or_default();
        let seconds = elapsed.saturating_sub(first.0).as_secs_f64().max(0.001);
        self.done.saturating_sub(first.1) as f64 / seconds
    }

    /// One line, `elapsed` after this run began.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of objects and a rate"
    )]
    pub fn line(&mut self, resource: &str, elapsed: Duration) -> String {
        let rate = self.rate(elapsed);
        let total = self.total.max(self.done);
        let share = (self.done * 100).checked_div(total).unwrap_or(100);
        let left = match total - self.done {
            0 => "done".to_owned(),
            _ if rate <= 0.0 => "time left unknown".to_owned(),
            rest => format!("{} left", spoken((rest as f64 / rate) as u64)),
        };
        format!(
            "{resource}: {} of {} ({share} %), {} rewritten, {rate:.0}/s, {left}",
            crate::commands::grouped(self.done),
            crate::commands::grouped(total),
            crate::commands::grouped(self.rewritten_now),
        )
    }
}

/// A time for people.
#[must_use]
pub fn spoken(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_counts_only_for_the_same_work() {
        let fresh = || Checkpoint::new("uid".to_owned(), Some("sha256:a".to_owned()), true);
        let mut left = fresh();
        left.resources
            .insert("secrets".to_owned(), Place::default());
        let bytes = serde_json::to_vec(&left).unwrap();
        assert_eq!(fresh().resume(&bytes), Ok(left.clone()));
        let other_key = Checkpoint::new("uid".to_owned(), Some("sha256:b".to_owned()), true);
        assert_eq!(other_key.clone().resume(&bytes), Ok(other_key));
        let elsewhere = Checkpoint::new("uid2".to_owned(), None, true);
        assert!(elsewhere.resume(&bytes).is_err());
        for broken in [&b""[..], b"{}", b"[1]", b"\xff", &bytes[..20]] {
            assert!(fresh().resume(broken).is_err());
        }
    }

    #[test]
    fn progress_tells_rate_and_time_left() {
        let mut progress = Progress::from(10_000);
        progress.total = 50_000;
        progress.done = 12_500;
        progress.rewritten_now = 2_400;
        let line = "secrets: 12,500 of 50,000 (25 %), 2,400 rewritten, 250/s, 3 min left";
        assert_eq!(progress.line("secrets", Duration::from_secs(10)), line);
        let mut nothing = Progress::from(0);
        assert!(nothing.line("x", Duration::ZERO).ends_with("done"));
        nothing.total = 5;
        assert!(
            nothing
                .line("x", Duration::from_secs(1))
                .ends_with("time left unknown")
        );
    }

    /// The rate told is that of the last half minute, however the pace was before.
    #[test]
    fn the_time_left_follows_the_pace() {
        let mut progress = Progress::from(0);
        progress.total = 100_000;
        let mut second = 0;
        for pace in [40, 120, 20, 60] {
            for _ in 0..60 {
                second += 1;
                progress.done += pace;
                let _told = progress.rate(Duration::from_secs(second));
            }
            let rate = progress.rate(Duration::from_secs(second));
            assert!((rate - pace as f64).abs() < 0.01, "{rate} at {pace}");
        }
        assert!(progress.marks.len() <= MARKS);
    }
}
