//! Pure. ESO's hash H: SHA3-224 over Go's `%+v` text, byte-exact, so that a take-over rewrites
//! nothing.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use sha3::{Digest, Sha3_224};

/// H of a Secret's data: 28 bytes, 56 hexadecimal digits in the data-hash annotation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataHash([u8; 28]);

impl DataHash {
    /// Hashes data whose keys come sorted bytewise, each once.
    pub fn of<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut sink = Sink::default();
        sink.text("map[");
        for (position, (key, value)) in entries.into_iter().enumerate() {
            if position > 0 {
                sink.text(" ");
            }
            sink.text(key);
            sink.text(":[");
            for (position, byte) in value.iter().enumerate() {
                if position > 0 {
                    sink.text(" ");
                }
                sink.decimal(*byte);
            }
            sink.text("]");
        }
        sink.text("]");
        sink.finish()
    }

    /// Reads the 56 lower-case digits; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 56 {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 28];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for DataHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DataHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataHash({self})")
    }
}

/// H of a text, for example of `namespace/name` in the created-by label.
#[must_use]
pub fn text_hash(text: &str) -> DataHash {
    let mut sink = Sink::default();
    sink.text(text);
    sink.finish()
}

/// H of `{annotations:map[…] labels:map[…]}`, the second half of a synced resource version.
pub(crate) fn metadata_hash(
    annotations: Option<&BTreeMap<String, String>>,
    labels: Option<&BTreeMap<String, String>>,
) -> DataHash {
    let mut sink = Sink::default();
    sink.text("{annotations:");
    sink.map(annotations);
    sink.text(" labels:");
    sink.map(labels);
    sink.text("}");
    sink.finish()
}

/// A hash under way; nothing of a value is formatted into a buffer of ours.
#[derive(Default)]
struct Sink(Sha3_224);

impl Sink {
    fn text(&mut self, text: &str) {
        self.0.update(text.as_bytes());
    }

    fn decimal(&mut self, byte: u8) {
        let digits = [b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10];
        let skip = usize::from(byte < 100) + usize::from(byte < 10);
        self.0.update(&digits[skip..]);
    }

    fn map(&mut self, map: Option<&BTreeMap<String, String>>) {
        self.text("map[");
        for (position, (key, value)) in map.into_iter().flatten().enumerate() {
            if position > 0 {
                self.text(" ");
            }
            self.text(key);
            self.text(":");
            self.text(value);
        }
        self.text("]");
    }

    fn finish(self) -> DataHash {
        DataHash(self.0.finalize().into())
    }
}

/// Name of the field manager of an ExternalSecret's target writes.
///
/// Managers longer than 63 characters are shortened by a hash, as ESO does.
pub(crate) fn field_manager(name: &str) -> String {
    let mut manager = format!("{}{name}", tidegate_api::names::FIELD_MANAGER_PREFIX);
    if manager.len() > 63 {
        manager.truncate(tidegate_api::names::FIELD_MANAGER_PREFIX.len());
        // Writing to a String cannot fail.
        let _ = write!(manager, "sha3/{}", text_hash(name));
    }
    manager
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(entries: &[(&str, &str)]) -> String {
        DataHash::of(entries.iter().map(|(k, v)| (*k, v.as_bytes()))).to_string()
    }

    #[test]
    fn vectors_of_eso() {
        for (got, expected) in [
            (
                text_hash("<nil>").to_string(),
                "c461202a18e99215f121936fb2452e03843828e448a00a53f285a6fc",
            ),
            (
                text_hash("hello there").to_string(),
                "f78681ec611ebaeea0689bff6c7812a83ff98a7faba986d9af76c999",
            ),
            (
                of(&[("bar", "value2"), ("foo", "value1")]),
                "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64",
            ),
            (
                of(&[("foo", "bar")]),
                "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36",
            ),
            (
                of(&[]),
                "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b",
            ),
            (
                text_hash("default/my-es").to_string(),
                "b8464376b5fe3535e690594280bfe59b60be2603cb6cbb6d6c8bcbb4",
            ),
            (
                metadata_hash(None, None).to_string(),
                "f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2",
            ),
            (
                metadata_hash(
                    Some(&BTreeMap::from([("a".into(), "b".into())])),
                    Some(&BTreeMap::from([("x".into(), "y".into())])),
                )
                .to_string(),
                "6fda81beba3676cd00090793bbbb9fe2bbab4bd7d8c5c2cb1013a872",
            ),
        ] {
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn managers_of_long_names_are_hashed() {
        let longest = "n".repeat(63 - 36);
        assert_eq!(tidegate_api::names::FIELD_MANAGER_PREFIX.len(), 36);
        assert_eq!(
            field_manager(&longest),
            format!("externalsecrets.external-secrets.io/{longest}")
        );
        let long = "n".repeat(28);
        assert_eq!(
            field_manager(&long),
            format!(
                "externalsecrets.external-secrets.io/sha3/{}",
                text_hash(&long)
            )
        );
    }

    proptest! {
        /// The streamed text is Go's text.
        #[test]
        fn equals_the_hash_of_the_printed_map(
            map in proptest::collection::btree_map(
                "[a-z.]{1,4}",
                proptest::collection::vec(any::<u8>(), 0..6),
                0..5,
            )
        ) {
            let printed: Vec<String> = map
                .iter()
                .map(|(key, value)| {
                    let bytes: Vec<String> = value.iter().map(u8::to_string).collect();
                    format!("{key}:[{}]", bytes.join(" "))
                })
                .collect();
            let expected = text_hash(&format!("map[{}]", printed.join(" ")));
            let streamed = DataHash::of(map.iter().map(|(k, v)| (k.as_str(), v.as_slice())));
            prop_assert_eq!(streamed, expected);
            prop_assert_eq!(DataHash::parse(&streamed.to_string()), Some(streamed));
        }
    }
}
