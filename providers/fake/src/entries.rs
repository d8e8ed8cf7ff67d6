//! Pure. The entries of a fake store and the rules by which they are looked up.

use std::collections::BTreeMap;

use regex::Regex;
use tidegate_contract::SecretValue;

/// One entry of a fake store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeEntry {
    /// Its key.
    pub key: String,
    /// Its value, any bytes.
    pub value: SecretValue,
    /// Its version; empty is a version like any other.
    pub version: String,
}

/// Entries by key and version: of two that agree in both, the later counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entries(BTreeMap<(String, String), SecretValue>);

impl Entries {
    pub(crate) fn insert(&mut self, entry: FakeEntry) {
        self.0.insert((entry.key, entry.version), entry.value);
    }

    pub(crate) fn remove(&mut self, key: &str, version: &str) -> bool {
        self.0
            .remove(&(key.to_owned(), version.to_owned()))
            .is_some()
    }

    /// The value under exactly this key and version; no version asks for the empty one, never for
    /// the highest.
    pub(crate) fn get(&self, key: &str, version: Option<&str>) -> Option<&SecretValue> {
        self.0
            .get(&(key.to_owned(), version.unwrap_or_default().to_owned()))
    }

    /// Each matching key once, with its highest version: highest as text, so `"9"` beats `"10"`.
    pub(crate) fn find(&self, name: &Regex) -> Vec<(String, String)> {
        let mut highest: BTreeMap<&str, &str> = BTreeMap::new();
        // Versions of one key stand in ascending order, so the last one stays.
        for (key, version) in self.0.keys() {
            if name.is_match(key) {
                highest.insert(key, version);
            }
        }
        highest
            .into_iter()
            .map(|(key, version)| (key.to_owned(), version.to_owned()))
            .collect()
    }
}

impl FromIterator<FakeEntry> for Entries {
    fn from_iter<I: IntoIterator<Item = FakeEntry>>(entries: I) -> Self {
        let mut all = Self::default();
        for entry in entries {
            all.insert(entry);
        }
        all
    }
}
