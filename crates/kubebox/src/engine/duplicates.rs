//! Pure. JSON with fields that stand twice: parsed as Go parses it, and each of them named.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::field::{child, index};

/// Parses a text and gives the paths of the fields that stand more than once, as found.
///
/// A struct that stands twice is merged when `merges`, as Go does; elsewhere the last one wins.
pub(crate) fn parse(text: &[u8], merges: bool) -> serde_json::Result<(Value, Vec<String>)> {
    let found = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(text);
    let seed = Node {
        path: String::new(),
        merges,
        found: &found,
    };
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, found.into_inner()))
}

struct Node<'a> {
    path: String,
    merges: bool,
    found: &'a RefCell<Vec<String>>,
}

impl Node<'_> {
    fn below(&self, path: String) -> Self {
        Self { path, ..*self }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below(index(&self.path, list.len())))? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = child(&self.path, &key);
            let value = entries.next_value_seed(self.below(path.clone()))?;
            let Some(before) = map.get_mut(&key) else {
                map.insert(key, value);
                continue;
            };
            let mut found = self.found.borrow_mut();
            if !found.contains(&path) {
                found.push(path);
            }
            if self.merges {
                overlay(before, value);
            } else {
                *before = value;
            }
        }
        Ok(map.into())
    }
}

/// Reads a second value into the place of a first, as Go's decoder does.
fn overlay(before: &mut Value, value: Value) {
    match (before, value) {
        (Value::Object(before), Value::Object(value)) => {
            for (key, value) in value {
                match before.get_mut(&key) {
                    Some(slot) => overlay(slot, value),
                    None => {
                        before.insert(key, value);
                    }
                }
            }
        }
        (slot, value) => *slot = value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_that_stand_twice_are_named_and_merged_or_replaced() {
        let text = br#"{"a": {"x": 1, "x": 2}, "b": [{"c": 1, "c": 2}], "a": {"y": 3}}"#;
        let paths = ["a.x", "b[0].c", "a"];
        let (merged, found) = parse(text, true).unwrap();
        assert_eq!(merged, json!({"a": {"x": 2, "y": 3}, "b": [{"c": 2}]}));
        assert_eq!(found, paths);
        let (last, found) = parse(text, false).unwrap();
        assert_eq!(last, json!({"a": {"y": 3}, "b": [{"c": 2}]}));
        assert_eq!(found, paths);
        assert!(parse(b"{} x", true).is_err());
        assert!(parse(b"{", true).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(1000);
        assert!(parse(deep.as_bytes(), true).is_err());
    }
}
