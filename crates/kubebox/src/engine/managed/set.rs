//! Pure. A set of field paths, in the tree shape of `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Paths below one field; `member` says that the field itself is in the set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSet {
    pub(crate) member: bool,
    pub(crate) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// The set of the field itself.
    pub(crate) fn own() -> Self {
        Self {
            member: true,
            children: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(FieldSet::is_empty)
    }

    /// Puts another set under a path element; empty sets leave no trace.
    pub(crate) fn insert(&mut self, element: &str, set: FieldSet) {
        if !set.is_empty() {
            self.children.insert(element.to_owned(), set);
        }
    }

    pub(crate) fn union(&mut self, other: &FieldSet) {
        self.member |= other.member;
        for (key, child) in &other.children {
            match self.children.get_mut(key) {
                Some(mine) => mine.union(child),
                None => {
                    self.children.insert(key.clone(), child.clone());
                }
            }
        }
    }

    /// Removes the members of another set; children of a removed member stay.
    pub(crate) fn subtract(&mut self, other: &FieldSet) {
        self.member &= !other.member;
        for (key, child) in &other.children {
            if let Some(mine) = self.children.get_mut(key) {
                mine.subtract(child);
                if mine.is_empty() {
                    self.children.remove(key);
                }
            }
        }
    }

    /// Removes one member.
    pub(crate) fn remove_member(&mut self, path: &[&str]) {
        match path {
            [] => self.member = false,
            [head, rest @ ..] => {
                if let Some(child) = self.children.get_mut(*head) {
                    child.remove_member(rest);
                    if child.is_empty() {
                        self.children.remove(*head);
                    }
                }
            }
        }
    }

    /// Renders the set as `fieldsV1`.
    pub(crate) fn encode(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.children.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (key, child) in &self.children {
            map.insert(key.clone(), child.encode());
        }
        Value::Object(map)
    }

    /// Reads a `fieldsV1`; what is no object counts as empty.
    pub(crate) fn decode(raw: &Value) -> Self {
        let mut set = Self::decode_child(raw);
        set.member = false;
        set
    }

    fn decode_child(raw: &Value) -> Self {
        let Some(map) = raw.as_object() else {
            return Self::default();
        };
        Self {
            member: map.is_empty() || map.contains_key("."),
            children: map
                .iter()
                .filter(|(k, _)| *k != ".")
                .map(|(k, v)| (k.clone(), Self::decode_child(v)))
                .collect(),
        }
    }
}
