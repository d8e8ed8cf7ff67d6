//! Pure. The shrink guard: holds removals of a store when too many come together.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tidegate_api::names;

use crate::diff::{Action, Change, Why};
use crate::outcome::SyncError;
use crate::{Env, ObjectKey};

/// Removals are counted over this time: polls of one store are spread over an interval, and
/// intervals above it are rare.
const WINDOW: Duration = Duration::from_secs(6 * 3600);
/// Fewer removals than this are never held.
const AT_LEAST: usize = 3;
/// One in so many Secrets of the store may go (20 %).
const ONE_IN: usize = 5;

/// What one store's ExternalSecrets are about to lose.
///
/// # Guarantees
/// Within six hours no more than a fifth of the Secrets that a store feeds lose values because the
/// backend lacks them (two Secrets always may), unless somebody releases them. What was released
/// or removed is forgotten at a restart, which starts a new window.
#[derive(Debug, Clone, Default)]
pub struct ShrinkGuard {
    /// Wished and not allowed yet; one entry for each object.
    pending: BTreeSet<ObjectKey>,
    /// Allowed, and when.
    done: BTreeMap<ObjectKey, Timestamp>,
    /// Let go by annotation.
    released: BTreeSet<ObjectKey>,
    /// Value of the annotation that counts as used.
    release: Option<Arc<str>>,
}

/// Whether a removal may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not.
    Held,
}

impl ShrinkGuard {
    /// Starts with the annotation value that the store has now; only another one releases.
    #[must_use]
    pub fn new(release: Option<&str>) -> Self {
        Self {
            release: release.map(Into::into),
            ..Self::default()
        }
    }

    /// Passes a change on, or turns it into a refusal. Call it with every change of every object
    /// that the store feeds: one that removes nothing is a good answer and withdraws the object.
    ///
    /// `baseline` is the number of Secrets that exist and are fed by the store; `release` is the
    /// value of the store's [`names::RELEASE_REMOVALS_ANNOTATION`].
    #[must_use]
    pub fn judge(
        &mut self,
        key: &ObjectKey,
        mut change: Change,
        baseline: usize,
        release: Option<&str>,
        env: &Env,
    ) -> Change {
        self.update_release(release);
        let Some(removal) = change.removal else {
            self.withdraw(key, &change);
            return change;
        };
        self.pending.insert(key.clone());
        if !removal.confirmed || matches!(change.action, Action::Refuse(_) | Action::Nothing(_)) {
            return change;
        }
        if self.verdict(key, baseline, env.now) == Verdict::Allowed {
            self.pending.remove(key);
            self.done.insert(key.clone(), env.now);
            return change;
        }
        let lead = if removal.whole {
            names::MSG_DELETE
        } else {
            names::MSG_UPDATE
        };
        // No numbers: they would change with every object and cost a status write each.
        change.action = Action::Refuse(SyncError {
            label: "held",
            ..SyncError::defect(
                lead,
                format!(
                    "the removal is held: more than 20% of the Secrets that the store feeds would \
                     lose values; set the store's annotation {} to a new value to let them go",
                    names::RELEASE_REMOVALS_ANNOTATION
                ),
            )
        });
        change.orphans.clear();
        change
    }

    /// Nothing more is taken away. What was taken stays counted until the values are there again:
    /// the look that finds its Secret gone is no good answer.
    fn withdraw(&mut self, key: &ObjectKey, change: &Change) {
        let lacking = !change.missing.is_empty()
            || matches!(
                change.action,
                Action::Nothing(Why::AlreadyGone | Why::AbsenceUnconfirmed)
            );
        if lacking {
            self.pending.remove(key);
        } else {
            self.forget(key);
        }
    }

    /// Forgets an object that is gone, or whose values are there again.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.pending.remove(key);
        self.released.remove(key);
        self.done.remove(key);
    }

    /// Removals that wait, for a metric.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn update_release(&mut self, release: Option<&str>) {
        if release == self.release.as_deref() {
            return;
        }
        self.release = release.map(Into::into);
        if release.is_some() {
            self.released.append(&mut self.pending);
            self.done.clear();
        }
    }

    fn verdict(&mut self, key: &ObjectKey, baseline: usize, now: Timestamp) -> Verdict {
        self.done
            .retain(|_, at| crate::plan::elapsed(*at, now) <= WINDOW);
        // One that was allowed before and whose write failed is counted already.
        if self.released.contains(key) || self.done.contains_key(key) {
            return Verdict::Allowed;
        }
        let done = (self.done.keys())
            .filter(|done| !self.pending.contains(*done))
            .count();
        let together = self.pending.len() + done;
        // Secrets that went whole are no longer in the baseline.
        let before = baseline.max(together);
        if together >= AT_LEAST && together * ONE_IN > before {
            Verdict::Held
        } else {
            Verdict::Allowed
        }
    }
}
