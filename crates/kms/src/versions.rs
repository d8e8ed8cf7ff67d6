//! Pure. Which version of the key wraps now: the same on every node at every instant, never an
//! older one again.

use std::time::Duration;

use tidegate_contract::KeyVersion;

/// Versions that are kept, at most; the newest ones count.
pub const MAX_VERSIONS: usize = 1000;

/// The state machine of one key's versions. Times are since the Unix epoch.
///
/// A version becomes active at its creation time in the key service plus a fixed delay. Both are
/// the same for all nodes, so they flip together, and a node that starts later needs no memory.
#[derive(Debug, Clone)]
pub struct Versions {
    delay: Duration,
    known: Vec<KeyVersion>,
    proven: Vec<KeyVersion>,
    adopted: Option<KeyVersion>,
    /// Name of a version in whose place another key is; the active version went with it.
    swapped: Option<String>,
}

/// What is wrong with the versions, as one observation shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The key service lists no version at all.
    None,
    /// The active version is no longer listed, and no newer one is.
    Gone(String),
    /// The active version is no longer listed, and this name now stands for another key. Whatever
    /// is stored needs the one before, so nothing is written under the one that took its place.
    Swapped(String),
}

/// Creation time first: names say nothing of age.
fn order(version: &KeyVersion) -> (Duration, u64, &str, &str) {
    (
        version.created,
        version.ordinal,
        &version.name,
        &version.material,
    )
}

impl Versions {
    /// Knows nothing yet; `delay` must be equal on all nodes.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self {
            delay,
            known: Vec::new(),
            proven: Vec::new(),
            adopted: None,
            swapped: None,
        }
    }

    /// Takes what the key service lists now, and gives the versions that were listed before and
    /// are not any more: whatever was unwrapped under them must go.
    pub fn observe(&mut self, mut listed: Vec<KeyVersion>) -> Vec<KeyVersion> {
        listed.sort_by(|a, b| order(b).cmp(&order(a)));
        listed.truncate(MAX_VERSIONS);
        self.swapped = match &self.adopted {
            Some(adopted) if !listed.contains(adopted) => {
                let before = self.known.iter();
                let swapped =
                    |old: &&KeyVersion| listed.iter().any(|it| it.name == old.name && it != *old);
                let name = before.clone().find(swapped).map(|it| it.name.clone());
                self.swapped.take().or(name)
            }
            _ => None,
        };
        let gone = self
            .known
            .iter()
            .filter(|version| !listed.contains(version))
            .cloned()
            .collect();
        self.proven.retain(|version| listed.contains(version));
        self.known = listed;
        gone
    }

    /// The version that should be active at `now`, whether it was proven to work or not.
    fn candidate(&self, now: Duration) -> Option<&KeyVersion> {
        let ripe = |version: &&KeyVersion| version.created + self.delay <= now;
        // The very first version has nothing to wait for: no other could be in use.
        self.known.iter().find(ripe).or_else(|| self.known.last())
    }

    /// The versions that must be proven by a wrap and an unwrap before anything is told of them:
    /// the one that is due, and those that will be.
    #[must_use]
    pub fn to_prove(&self, now: Duration) -> Vec<KeyVersion> {
        let due = self.candidate(now);
        let newer = |version: &&KeyVersion| due.is_none_or(|due| order(version) >= order(due));
        self.known
            .iter()
            .filter(newer)
            .filter(|version| !self.proven.contains(version))
            .cloned()
            .collect()
    }

    /// Notes that a version wraps and unwraps.
    pub fn proved(&mut self, version: &KeyVersion) {
        if self.known.contains(version) && !self.proven.contains(version) {
            self.proven.push(version.clone());
        }
    }

    /// Forgets all proofs: after a revocation each version must show again that it works.
    pub fn disprove_all(&mut self) {
        self.proven.clear();
    }

    /// The version that wraps at `now`. It only ever moves on: a version that does not work yet,
    /// a clock that went back and an older list leave the one before in place.
    pub fn active(&mut self, now: Duration) -> Option<&KeyVersion> {
        if self.swapped.is_none()
            && let Some(candidate) = self.candidate(now)
            && self.proven.contains(candidate)
            && self
                .adopted
                .as_ref()
                .is_none_or(|adopted| order(candidate) > order(adopted))
        {
            self.adopted = Some(candidate.clone());
        }
        self.adopted.as_ref()
    }

    /// The version that wrapped last, without moving on: in an outage, a new one could not wrap.
    #[must_use]
    pub const fn current(&self) -> Option<&KeyVersion> {
        self.adopted.as_ref()
    }

    /// All listed versions, newest first.
    #[must_use]
    pub fn listed(&self) -> &[KeyVersion] {
        &self.known
    }

    /// What is wrong with the last observation.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        if self.known.is_empty() {
            return Some(Fault::None);
        }
        if let Some(name) = &self.swapped {
            return Some(Fault::Swapped(name.clone()));
        }
        let adopted = self.adopted.as_ref()?;
        let replaced = |version: &KeyVersion| order(version) >= order(adopted);
        if self.known.iter().any(replaced) {
            None
        } else {
            Some(Fault::Gone(adopted.name.clone()))
        }
    }
}

#[cfg(test)]
mod tests;
