//! Pure. Parsed templates by the hash of their source: parsed once, executed often.
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::ParseError;
use crate::exec::MissingKey;
use crate::limits::Limits;
use crate::registry::Registry;
use crate::template::{Options, Template};

#[cfg(test)]
mod tests;

/// What makes a parsed template another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key<'k> {
    /// The name, which stands in its errors.
    pub name: &'k str,
    /// The left delimiter; empty means `{{`.
    pub left: &'k str,
    /// The right delimiter; empty means `}}`.
    pub right: &'k str,
    /// What a field that a map has not is worth.
    pub missing_key: MissingKey,
}

/// What a template takes beside its source, as a rough measure for the bound: its tree.
const OVERHEAD: usize = 4096;

/// A bounded table of parsed templates, shared between threads.
///
/// Entries are found by hash and then compared whole, so that no two sources are ever mistaken
/// for each other. It has two generations: what is used moves to the young one, and when that has
/// reached half the bound, the old one goes as a whole. Templates that do not parse are not kept.
pub struct Cache {
    functions: Registry,
    limits: Limits,
    bound: usize,
    hasher: RandomState,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: Table,
    old: Table,
    weight: usize,
    parsed: u64,
}

/// The templates of each hash, with the delimiters that they were read by.
type Table = HashMap<u64, Vec<Entry>>;

#[derive(Clone)]
struct Entry {
    left: Box<str>,
    right: Box<str>,
    template: Arc<Template>,
}

impl Entry {
    fn is(&self, key: &Key<'_>, source: &[u8]) -> bool {
        *self.left == *key.left
            && *self.right == *key.right
            && self.template.name() == key.name
            && self.template.missing_key() == key.missing_key
            && self.template.source() == source
    }

    fn weight(&self) -> usize {
        OVERHEAD + 16 * self.template.source().len()
    }
}

impl Cache {
    /// An empty cache that holds at most about `bound` bytes.
    pub fn new(bound: usize, functions: Registry, limits: Limits) -> Self {
        Self {
            functions,
            limits,
            bound,
            hasher: RandomState::new(),
            generations: Mutex::default(),
        }
    }

    /// The parsed template of a source, parsed now if it is not there.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn get(&self, key: &Key<'_>, source: &[u8]) -> Result<Arc<Template>, ParseError> {
        let hash = self.hasher.hash_one((key, source));
        if let Some(found) = self.locked().find(hash, key, source, self.bound) {
            return Ok(found);
        }
        // Parsed without the lock: two threads may both do it, and the later one's stays.
        let options = Options {
            left: key.left,
            right: key.right,
            missing_key: key.missing_key,
            functions: &self.functions,
            limits: self.limits,
        };
        let template = Arc::new(Template::parse(key.name, source, &options)?);
        let entry = Entry {
            left: key.left.into(),
            right: key.right.into(),
            template: Arc::clone(&template),
        };
        let mut generations = self.locked();
        generations.parsed += 1;
        generations.keep(hash, entry, self.bound);
        Ok(template)
    }

    /// How many sources were parsed so far.
    pub fn parsed(&self) -> u64 {
        self.locked().parsed
    }

    /// How many templates are held.
    pub fn held(&self) -> usize {
        let generations = self.locked();
        let count = |table: &Table| table.values().map(Vec::len).sum::<usize>();
        count(&generations.young) + count(&generations.old)
    }

    /// Nothing that can panic runs under the lock, and a table is whole at each step.
    fn locked(&self) -> MutexGuard<'_, Generations> {
        (self.generations.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(
        &mut self,
        hash: u64,
        key: &Key<'_>,
        source: &[u8],
        bound: usize,
    ) -> Option<Arc<Template>> {
        let is = |entry: &&Entry| entry.is(key, source);
        if let Some(entry) = self.young.get(&hash).and_then(|all| all.iter().find(is)) {
            return Some(Arc::clone(&entry.template));
        }
        let all = self.old.get_mut(&hash)?;
        let at = all.iter().position(|entry| entry.is(key, source))?;
        let entry = all.swap_remove(at);
        if all.is_empty() {
            self.old.remove(&hash);
        }
        let template = Arc::clone(&entry.template);
        self.keep(hash, entry, bound);
        Some(template)
    }

    fn keep(&mut self, hash: u64, entry: Entry, bound: usize) {
        let weight = entry.weight();
        if weight > bound / 2 {
            return;
        }
        if self.weight + weight > bound / 2 {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        self.young.entry(hash).or_default().push(entry);
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} templates)", self.held())
    }
}
