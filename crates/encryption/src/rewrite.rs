//! Pure. Where a rewrite stands: counts, rate, time left, and the checkpoint that survives a kill.

use std::collections::BTreeMap;
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

/// How quick it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Objects there are, as far as it is known.
    pub total: u64,
    /// Objects looked at, those of earlier runs too.
    pub seen: u64,
    /// Of these, by this run.
    pub seen_now: u64,
    /// Stored anew by this run.
    pub rewritten_now: u64,
    /// Since this run began.
    pub elapsed: Duration,
}

impl Progress {
    /// One line.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of objects and a rate"
    )]
    pub fn line(&self, resource: &str) -> String {
        let total = self.total.max(self.seen);
        let share = (self.seen * 100).checked_div(total).unwrap_or(100);
        let seconds = self.elapsed.as_secs_f64().max(0.001);
        let rate = self.seen_now as f64 / seconds;
        let left = match total - self.seen {
            0 => "done".to_owned(),
            _ if self.seen_now == 0 => "time left unknown".to_owned(),
            rest => format!("{} left", spoken((rest as f64 / rate) as u64)),
        };
        format!(
            "{resource}: {} of {} ({share} %), {} rewritten, {rate:.0}/s, {left}",
            crate::commands::grouped(self.seen),
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
        let progress = Progress {
            total: 50_000,
            seen: 12_500,
            seen_now: 2_500,
            rewritten_now: 2_400,
            elapsed: Duration::from_secs(10),
        };
        let line = "secrets: 12,500 of 50,000 (25 %), 2,400 rewritten, 250/s, 150 s left";
        let line = line.replace("150 s", "3 min");
        assert_eq!(progress.line("secrets"), line);
        assert!(Progress::default().line("x").ends_with("done"));
    }
}
