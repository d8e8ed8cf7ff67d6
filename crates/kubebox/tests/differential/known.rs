//! Pure. The differences that are known, each with its reason; everything else is a failure.

use serde_json::{Map, Value};

use super::step::Call;

/// One place where the two answers differ.
#[derive(Debug)]
pub struct Difference {
    /// JSON pointer into the normalised answer (`/code`, `/body/message`, …).
    pub at: String,
    pub real: Value,
    pub ours: Value,
}

/// A pair of answers that differ.
pub struct Pair<'a> {
    pub call: &'a Call,
    pub real: &'a Value,
    pub ours: &'a Value,
}

impl Pair<'_> {
    fn both(&self, code: u16) -> bool {
        self.real["code"] == code && self.ours["code"] == code
    }
}

impl Difference {
    /// The two texts of a message or of a cause; a 422 has been taken apart before.
    fn texts(&self) -> Option<(&str, &str)> {
        let causes = self.at.starts_with("/body/details/causes/") && self.at.ends_with("/message");
        if self.at != "/body/message" && self.at != "/body/message/1" && !causes {
            return None;
        }
        Some((self.real.as_str()?, self.ours.as_str()?))
    }
}

/// A difference that may be.
pub struct Known {
    /// As the table in the crate's documentation names it.
    pub name: &'static str,
    pub reason: &'static str,
    pub covers: fn(&Pair<'_>, &Difference) -> bool,
}

/// Both texts go on with what a decoder of JSON found, and say the same before.
fn decoders_differ(real: &str, ours: &str) -> bool {
    const UNMARSHAL: &str = "json: cannot unmarshal ";
    // Values of one type are no match on either side: only Go's name of the wanted type differs.
    let unmarshal = |text: &str| {
        let (before, after) = text.split_once(UNMARSHAL)?;
        let (found, _) = after.split_once(" into Go ")?;
        Some((before.to_owned(), found.to_owned()))
    };
    let broken = |text: &str| {
        let words = [
            "invalid character ",
            "invalid JSON",
            "unexpected end of JSON input",
        ];
        let at = words.iter().find_map(|words| text.find(words))?;
        Some(text[..at].to_owned())
    };
    // A strategic merge patch is decoded by other means, which has other words.
    let other =
        real.ends_with(": unrecognized type: uint8") || real.contains("\": cannot restore ");
    let restored = other && ours.contains(UNMARSHAL);
    let alike = |a: Option<_>, b: Option<_>| a.is_some() && a == b;
    alike(unmarshal(real), unmarshal(ours))
        || restored
        || matches!((broken(real), broken(ours)), (Some(a), Some(b)) if a == b)
}

/// A message without the value that it quotes, and everything before that.
fn unquoted(text: &str) -> Option<&str> {
    const START: &str = "Invalid value: \"";
    let start = text.find(START)? + START.len();
    let mut escaped = false;
    let end = text[start..].find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(&text[start + end..])
}

pub const KNOWN: &[Known] = &[
    Known {
        name: "media-types",
        reason: "we answer in JSON alone and take no apply patches, and say which types we take",
        covers: |pair, d| {
            let says = |words: &str| d.ours.as_str().is_some_and(|text| text.contains(words));
            let (refused, words) = (pair.both(406), "media types are accepted");
            let types = d.at == "/body/message" && refused && says(words);
            let words = "accepted media types include";
            types || (d.at == "/body/message" && pair.both(415) && says(words))
        },
    },
    Known {
        name: "descriptions",
        reason: "the texts that describe columns of built-in tables are our own",
        covers: |pair, d| {
            let column = d.at.contains("/columnDefinitions/") && d.at.ends_with("/description");
            column && pair.call.accept.contains("as=Table")
        },
    },
    Known {
        name: "parse-quotes",
        reason: "a body that cannot be read is not quoted: it may hold secrets",
        covers: |pair, d| {
            // Up to the quotation, or up to the words of the decoder that has its own way to count,
            // both say the same.
            let parse = "json parse error: ";
            d.texts().is_some_and(|(real, ours)| {
                let end = ours.find(parse).map_or(ours.len(), |at| at + parse.len());
                let wrong = ours.contains("is unrecognized");
                wrong && real.starts_with(&ours[..end]) && pair.both(400)
            })
        },
    },
    Known {
        name: "patch-quotes",
        reason: "a patched object that cannot be decoded is not quoted: it may hold secrets",
        covers: |pair, d| {
            let tails = d.texts().and_then(|(real, ours)| {
                ours.contains("\"<patched object omitted>\"")
                    .then_some(())?;
                Some((unquoted(real)?, unquoted(ours)?))
            });
            tails.is_some_and(|(real, ours)| {
                let missing = real.starts_with(ours) && ours.ends_with("is missing");
                pair.both(422) && (real == ours || missing || decoders_differ(real, ours))
            })
        },
    },
    Known {
        name: "go-decoder-words",
        reason: "the words of Go's JSON decoder name Go's types, offsets and surroundings",
        covers: |pair, d| {
            pair.both(400)
                && d.texts()
                    .is_some_and(|(real, ours)| decoders_differ(real, ours))
        },
    },
    Known {
        name: "go-values",
        reason: "unchangeable fields of an event are printed as Go structs and zero values",
        covers: |pair, d| {
            let event = pair.call.path.contains("events.k8s.io");
            let immutable = |text: &str| text.ends_with(": field is immutable");
            let texts = d.texts().is_some_and(|(a, b)| immutable(a) && immutable(b));
            event && texts && pair.both(422)
        },
    },
];

/// Every place where two values differ.
pub fn differences(real: &Value, ours: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(real, ours, String::new(), &mut found);
    found
}

fn walk(real: &Value, ours: &Value, at: String, found: &mut Vec<Difference>) {
    match (real, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let get = |map: &Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_else(|| "(absent)".into())
                };
                let (x, y) = (get(a), get(b));
                walk(&x, &y, format!("{at}/{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (x, y)) in a.iter().zip(b).enumerate() {
                walk(x, y, format!("{at}/{i}"), found);
            }
        }
        _ if real == ours => {}
        _ => found.push(Difference {
            at,
            real: real.clone(),
            ours: ours.clone(),
        }),
    }
}
