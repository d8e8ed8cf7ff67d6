//! Pure. The rotation of a key: which step is next, from facts that outlive a crash.
//!
//! The stage is what the configuration file holds, told by its hash, so that one rename moves it
//! and no crash can leave it between two stages. The [`Record`] beside it knows the hashes and
//! what was proven since.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::change::{Writer, add, drop_writers, promote};
use crate::config::{Configuration, Provider, hash, resource};
use crate::metrics::ServerMetrics;

/// What a rotation remembers. It holds names and hashes, no keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Version of this format.
    pub version: u32,
    /// UID of the cluster's `kube-system`.
    pub cluster: String,
    /// The new writer.
    pub new: String,
    /// The writers that go.
    pub old: Vec<String>,
    /// What is rewritten and verified.
    pub resources: Vec<String>,
    /// Hash of the file at each stage.
    pub hashes: Hashes,
    /// When the file last changed by us.
    pub changed: Timestamp,
    /// When everything had been rewritten.
    pub rewritten: Option<Timestamp>,
    /// When etcd first showed nothing under the old writers.
    pub verified: Option<Timestamp>,
}

/// Hash of the file at each stage, as API servers tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// As it was found.
    pub base: String,
    /// The new key second.
    pub added: String,
    /// The new key first.
    pub promoted: String,
    /// The old key gone.
    pub dropped: String,
}

/// How far the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// As it was found.
    Base,
    /// The new key second: servers learn to read it.
    Added,
    /// The new key first: servers write it.
    Promoted,
    /// The old key gone.
    Dropped,
}

impl Stage {
    /// Words for the user.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Base => "the configuration as it was",
            Self::Added => "the new key second",
            Self::Promoted => "the new key first",
            Self::Dropped => "the old key dropped",
        }
    }
}

impl Record {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;

    /// Reads a record.
    ///
    /// # Errors
    /// For bytes that are none.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes).map_err(|error| {
            format!(
                "no record of a rotation (line {} column {})",
                error.line(),
                error.column()
            )
        })?;
        match record.version {
            Self::VERSION => Ok(record),
            other => Err(format!("a record of version {other}")),
        }
    }

    /// The stage of a file; none for one that somebody else has changed.
    #[must_use]
    pub fn stage(&self, file: &str) -> Option<Stage> {
        let Hashes {
            base,
            added,
            promoted,
            dropped,
        } = &self.hashes;
        let stages = [
            (base, Stage::Base),
            (added, Stage::Added),
            (promoted, Stage::Promoted),
            (dropped, Stage::Dropped),
        ];
        stages
            .into_iter()
            .find(|(hash, _)| *hash == file)
            .map(|(_, stage)| stage)
    }
}

/// A rotation that has not begun: the files of its stages and the writers it moves.
#[derive(Debug)]
pub struct Plan {
    /// The new key second.
    pub added: Configuration,
    /// The new writer.
    pub new: Writer,
    /// The writers that go.
    pub old: Vec<Writer>,
    /// Hashes of all four files.
    pub hashes: Hashes,
    /// What is rewritten and verified.
    pub resources: Vec<String>,
}

/// Plans a rotation to `new` (a provider with one key, or a plugin).
///
/// # Errors
/// When it could not be done safely, in a line for the user.
pub fn plan(base_bytes: &[u8], base: &Configuration, new: &Provider) -> Result<Plan, String> {
    let resources: Vec<String> = base
        .rules
        .iter()
        .flat_map(|rule| &rule.resources)
        .cloned()
        .collect();
    if let Some(wild) = resources.iter().find(|name| resource::is_wildcard(name)) {
        return Err(format!(
            "{wild} stands for resources that nobody can list for certain: name each in the \
             configuration before a rotation"
        ));
    }
    let mut old: Vec<Writer> = base.rules.iter().flat_map(|rule| rule.readers()).collect();
    old.sort();
    old.dedup();
    let added = add(base, new);
    let writer = match (new, added.rules.first()) {
        (Provider::Kms(kms), _) => Writer::Kms(kms.api_version.clone(), kms.name.clone()),
        (Provider::Local(cipher, keys), _) if keys.len() == 1 => {
            Writer::Local(*cipher, keys[0].name.clone())
        }
        _ => return Err("a rotation needs one new key".to_owned()),
    };
    if old.contains(&writer) {
        return Err(format!(
            "{writer} is in the configuration already: use a new name"
        ));
    }
    let promoted = promote(&added, &writer);
    let dropped = drop_writers(&promoted, &old, &writer);
    let hashed = |config: &Configuration| hash(config.to_yaml().as_bytes());
    let hashes = Hashes {
        base: hash(base_bytes),
        added: hashed(&added),
        promoted: hashed(&promoted),
        dropped: hashed(&dropped),
    };
    Ok(Plan {
        added,
        new: writer,
        old,
        hashes,
        resources,
    })
}

/// The file of the next stage, from the file of this one.
///
/// # Errors
/// When its hash is not the planned one, which no file of ours can be.
pub fn advance(record: &Record, from: &Configuration, to: Stage) -> Result<Configuration, String> {
    let readers = from.rules.iter().flat_map(|rule| rule.readers());
    let (new, old): (Vec<Writer>, Vec<Writer>) =
        readers.partition(|writer| writer.to_string() == record.new);
    let new = new
        .into_iter()
        .next()
        .ok_or("the new key is not in the file")?;
    let (next, planned) = match to {
        Stage::Promoted => (promote(from, &new), &record.hashes.promoted),
        Stage::Dropped => (drop_writers(from, &old, &new), &record.hashes.dropped),
        Stage::Base | Stage::Added => return Err("no way leads back".to_owned()),
    };
    if hash(next.to_yaml().as_bytes()) != *planned {
        return Err("the next file is not the planned one".to_owned());
    }
    Ok(next)
}

/// Whether one API server runs with the file as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// Proven.
    Yes,
    /// It runs with something else, or has not been seen to reload since; a line that says what.
    No(String),
}

/// What etcd shows of the record's resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Objects that a write would store otherwise.
    pub rewritable: u64,
    /// Objects that cannot be read or stand in the clear against the rule.
    pub failed: u64,
}

/// What a decision is made from.
#[derive(Debug)]
pub struct Observed<'o> {
    /// How far the file is.
    pub stage: Stage,
    /// The record, once there is one.
    pub record: Option<&'o Record>,
    /// Each API server by name.
    pub servers: &'o [(String, Loaded)],
    /// The present census; at stages where a decision needs none it may be missing.
    pub seen: Option<Seen>,
    /// Between the proof and the drop.
    pub soak: jiff::SignedDuration,
    /// The time of day.
    pub now: Timestamp,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write the file with the new key second.
    Add,
    /// Servers that have not loaded the file, and why it is thought so.
    Wait(Vec<String>),
    /// Write the file with the new key first.
    Promote,
    /// Rewrite what is stale.
    Rewrite,
    /// Remember that etcd shows nothing under the old writers.
    Proven,
    /// Nothing until then.
    Soak(Timestamp),
    /// Write the file without the old key.
    Drop,
    /// The rotation is over.
    Done,
    /// It must not go on.
    Refuse(String),
}

/// Decides the next step.
///
/// # Guarantees
/// No server ever meets a value that it cannot read: a file is only changed when every server has
/// loaded the one before, and a key only dropped when etcd, now, shows nothing under it.
#[must_use]
pub fn next(observed: &Observed<'_>) -> Step {
    if observed.servers.is_empty() {
        return Step::Refuse("no API server is known".to_owned());
    }
    let behind = observed
        .servers
        .iter()
        .filter_map(|(name, loaded)| match loaded {
            Loaded::Yes => None,
            Loaded::No(why) => Some(format!("{name}: {why}")),
        });
    let behind: Vec<String> = behind.collect();
    if !behind.is_empty() {
        return Step::Wait(behind);
    }
    match (observed.stage, observed.record) {
        (Stage::Base, _) => match observed.seen {
            Some(Seen { failed: 0, .. }) => Step::Add,
            Some(Seen { failed, .. }) => Step::Refuse(format!(
                "{failed} objects cannot be read or stand outside the rules: see `tidegate \
                 encryption verify`"
            )),
            None => Step::Refuse("etcd was not read".to_owned()),
        },
        (Stage::Added, Some(_)) => Step::Promote,
        (Stage::Promoted, Some(record)) => promoted(observed, record),
        (Stage::Dropped, Some(_)) => match observed.seen {
            Some(Seen {
                rewritable: 0,
                failed: 0,
            }) => Step::Done,
            _ => Step::Refuse(
                "etcd shows objects that the new configuration does not hold: put the archived \
                 key back as the second one"
                    .to_owned(),
            ),
        },
        (_, None) => Step::Refuse("the record of this rotation is lost".to_owned()),
    }
}

fn promoted(observed: &Observed<'_>, record: &Record) -> Step {
    let Some(seen) = observed.seen else {
        return Step::Refuse("etcd was not read".to_owned());
    };
    if seen.failed > 0 {
        return Step::Refuse(format!(
            "{} objects cannot be read: see `tidegate encryption verify`",
            seen.failed
        ));
    }
    if seen.rewritable > 0 {
        return Step::Rewrite;
    }
    let Some(verified) = record.verified else {
        return Step::Proven;
    };
    let until = verified
        .checked_add(observed.soak)
        .unwrap_or(Timestamp::MAX);
    if observed.now < until {
        return Step::Soak(until);
    }
    Step::Drop
}

/// Whether a server has loaded a change, by times alone: after the file changed, by the server's
/// own clock.
#[must_use]
pub fn since(metrics: &ServerMetrics, changed: Timestamp) -> Loaded {
    #[allow(clippy::cast_precision_loss, reason = "seconds of this century")]
    let changed = changed.as_second() as f64 + 1.0;
    let latest = [metrics.started_at, metrics.reloaded_at]
        .into_iter()
        .flatten();
    match latest.fold(None, |most: Option<f64>, at| {
        Some(most.map_or(at, |most| most.max(at)))
    }) {
        Some(at) if at > changed => Loaded::Yes,
        Some(_) => Loaded::No("neither started nor reloaded since the file changed".to_owned()),
        None => Loaded::No("its metrics tell neither its configuration nor its start".to_owned()),
    }
}

#[cfg(test)]
mod tests;
