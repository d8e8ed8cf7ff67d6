//! Pure. Judges every stored object against the configuration, and counts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::change::Writer;
use crate::config::{Configuration, Rule};
use crate::open::{Closed, Ring};
use crate::seeds::Seeds;
use crate::stored::{Malformed, PlainFormat, Sealed, Stored};

/// What a census judges by.
#[derive(Debug, Default)]
pub struct Expected {
    rules: Option<Configuration>,
    ring: Ring,
    /// Seeds of KMS v2 values that a plugin unwrapped.
    pub seeds: Seeds,
    /// SHA-256 (`sha256:<hex>`) of the key ids that API servers write under, by KMS provider.
    pub key_ids: BTreeMap<String, Vec<String>>,
}

impl Expected {
    /// Judges by a configuration; without one only by what values say of themselves.
    #[must_use]
    pub fn by(config: Option<Configuration>) -> Self {
        Self {
            ring: config.as_ref().map(Ring::of).unwrap_or_default(),
            rules: config,
            seeds: Seeds::default(),
            key_ids: BTreeMap::new(),
        }
    }
}

/// How one object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Stored as a write of today would store it.
    Current,
    /// Encrypted; nothing said what to compare it with.
    Encrypted,
    /// Encrypted and readable, by something else than today's writer.
    Stale,
    /// Not encrypted.
    Plain,
    /// Not encrypted, and that is what the configuration says.
    PlainByRule,
    /// Encrypted by something that the configuration does not hold: API servers cannot read it.
    Foreign,
    /// Its key is there and the value does not open.
    Closed(Closed),
    /// No value that an API server writes.
    Malformed(Malformed),
    /// Neither protobuf nor JSON nor encrypted.
    Unreadable,
}

impl State {
    /// A word for lists and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Encrypted => "encrypted",
            Self::Stale => "stale",
            Self::Plain | Self::PlainByRule => "plaintext",
            Self::Foreign => "unknown-key",
            Self::Closed(_) => "does-not-open",
            Self::Malformed(_) | Self::Unreadable => "malformed",
        }
    }

    /// Why, in a line, for what needs words.
    #[must_use]
    pub fn why(self) -> Option<String> {
        match self {
            Self::Closed(closed) => Some(closed.to_string()),
            Self::Malformed(malformed) => Some(malformed.to_string()),
            Self::Unreadable => Some("neither encrypted nor a Kubernetes object".to_owned()),
            Self::Foreign => Some("no provider of the configuration reads it".to_owned()),
            _ => None,
        }
    }

    /// Whether the object is readable for whoever steals etcd, or for nobody at all.
    #[must_use]
    pub const fn fails(self) -> bool {
        !matches!(self, Self::Current | Self::Encrypted | Self::Stale)
    }

    /// Whether a write of the same content would store it otherwise.
    #[must_use]
    pub const fn rewritable(self) -> bool {
        matches!(self, Self::Stale | Self::Plain)
    }
}

/// What is told of one stored object: never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How it stands.
    pub state: State,
    /// Who wrote it.
    pub writer: Option<Writer>,
    /// The key service's key, for KMS v2.
    pub key_id: Option<String>,
    /// Whose seed, for KMS v2: eight hexadecimal digits.
    pub seed: Option<String>,
    /// Whether it was opened, with a local key or a seed that a plugin unwrapped.
    pub opened: bool,
}

/// Judges one value. `at` is its whole key in etcd.
#[must_use]
pub fn judge(resource: &str, at: &[u8], value: &[u8], expected: &Expected) -> Judged {
    let stored = Stored::read(value);
    let mut judged = Judged {
        state: State::Encrypted,
        writer: stored.writer(),
        key_id: None,
        seed: None,
        opened: false,
    };
    let rule = expected.rules.as_ref().map(|rules| rules.rule_of(resource));
    judged.state = match &stored {
        Stored::Malformed(why) => State::Malformed(*why),
        Stored::Plain(PlainFormat::Unknown) => State::Unreadable,
        Stored::Plain(_) => plain(rule),
        Stored::Local { cipher, key, body } => match by_writer(rule, judged.writer.as_ref()) {
            State::Encrypted => State::Encrypted,
            State::Foreign => State::Foreign,
            state => match expected.ring.open(*cipher, key, at, body) {
                Ok(()) => {
                    judged.opened = true;
                    state
                }
                Err(closed) => State::Closed(closed),
            },
        },
        Stored::KmsV1 { .. } => by_writer(rule, judged.writer.as_ref()),
        Stored::KmsV2 { provider, object } => {
            judged.key_id = Some(object.key_id.clone());
            judged.seed = Some(crate::hex(&object.seed[..4]));
            let state = by_writer(rule, judged.writer.as_ref());
            let hash = crate::config::hash(object.key_id.as_bytes());
            let known = expected.key_ids.get(*provider);
            let state = match known.filter(|known| !known.is_empty()) {
                Some(known) if state == State::Current && !known.contains(&hash) => State::Stale,
                _ => state,
            };
            match Sealed::read(value).and_then(|sealed| expected.seeds.open(&sealed, at)) {
                _ if state == State::Foreign => state,
                Some(Err(closed)) => State::Closed(closed),
                opened => {
                    judged.opened = opened.is_some();
                    state
                }
            }
        }
    };
    judged
}

fn plain(rule: Option<Option<&Rule>>) -> State {
    match rule {
        None => State::Plain,
        Some(None) => State::PlainByRule,
        Some(Some(rule)) if rule.writer() == Writer::Identity => State::PlainByRule,
        Some(Some(_)) => State::Plain,
    }
}

fn by_writer(rule: Option<Option<&Rule>>, writer: Option<&Writer>) -> State {
    match (rule, writer) {
        (None, _) => State::Encrypted,
        (Some(Some(rule)), Some(writer)) if rule.writer() == *writer => State::Current,
        (Some(Some(rule)), Some(writer)) if rule.readers().contains(writer) => State::Stale,
        _ => State::Foreign,
    }
}

/// Objects that are listed by name, at most; the counts go on.
pub const MAX_LISTED: usize = 10_000;

/// One object that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its resource.
    pub resource: String,
    /// `namespace/name`, or the name.
    pub name: String,
    /// See [`State::word`].
    pub state: &'static str,
    /// Provider and key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// See [`State::why`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A line of counts: all objects of one resource that are stored alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// The resource.
    pub resource: String,
    /// See [`State::word`].
    pub state: &'static str,
    /// Provider and key, `identity`, or `?`.
    pub by: String,
    /// The key service's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// How many, and how large.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Objects.
    pub objects: u64,
    /// Bytes in etcd.
    pub bytes: u64,
    /// Of the objects, those that were opened.
    pub opened: u64,
}

/// Counts of everything that was read. Its memory is bounded by kinds of storage, not by objects:
/// beyond [`MAX_LINES`] kinds, key ids are no longer told apart.
#[derive(Debug, Default)]
pub struct Census {
    /// The counts.
    pub lines: BTreeMap<Line, Count>,
    /// Objects to look at, the first [`MAX_LISTED`].
    pub listed: Vec<Listed>,
    /// Objects to look at that found no place in the list.
    pub unlisted: u64,
    /// Objects that fail the census.
    pub failed: u64,
    /// Objects that a write would store otherwise.
    pub rewritable: u64,
}

/// Kinds of storage that are counted apart.
pub const MAX_LINES: usize = 4096;

impl Census {
    /// Takes one object.
    pub fn add(&mut self, resource: &str, name: &str, bytes: usize, judged: &Judged) {
        let by = judged.writer.as_ref().map(ToString::to_string);
        let mut line = Line {
            resource: resource.to_owned(),
            state: judged.state.word(),
            by: by.clone().unwrap_or_else(|| "?".to_owned()),
            key_id: judged.key_id.clone(),
        };
        if self.lines.len() >= MAX_LINES && !self.lines.contains_key(&line) {
            line.key_id = None;
            "(others)".clone_into(&mut line.by);
        }
        let count = self.lines.entry(line).or_default();
        count.objects += 1;
        count.bytes += bytes as u64;
        count.opened += u64::from(judged.opened);
        self.failed += u64::from(judged.state.fails());
        self.rewritable += u64::from(judged.state.rewritable());
        if !judged.state.fails() && judged.state != State::Stale {
            return;
        }
        if self.listed.len() >= MAX_LISTED {
            self.unlisted += 1;
            return;
        }
        self.listed.push(Listed {
            resource: resource.to_owned(),
            name: name.to_owned(),
            state: judged.state.word(),
            by,
            why: judged.state.why(),
        });
    }

    /// Objects in a state, by its word.
    #[must_use]
    pub fn count(&self, state: &str) -> u64 {
        let lines = self.lines.iter().filter(|(line, _)| line.state == state);
        lines.map(|(_, count)| count.objects).sum()
    }

    /// All objects.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.lines.values().map(|count| count.objects).sum()
    }
}

#[cfg(test)]
mod tests;
