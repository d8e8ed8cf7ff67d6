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
    /// Whether both refuse with this code, and the real message contains these words.
    fn refused(&self, code: u16, words: &str) -> bool {
        self.real["code"] == code && self.ours["code"] == code && self.real_says(words)
    }

    fn real_says(&self, words: &str) -> bool {
        self.real["body"].to_string().contains(words)
    }

    fn we_say(&self, words: &str) -> bool {
        self.ours["body"].to_string().contains(words)
    }
}

/// A difference that may be.
pub struct Known {
    /// As the table in the crate's documentation names it.
    pub name: &'static str,
    pub reason: &'static str,
    pub covers: fn(&Pair<'_>, &Difference) -> bool,
}

fn is_text(at: &str) -> bool {
    at.starts_with("/body/message") || at.starts_with("/body/details/causes")
}

pub const KNOWN: &[Known] = &[
    Known {
        name: "media-types",
        reason: "we answer in JSON alone and take no apply patches, and say which types we take",
        covers: |pair, d| {
            let code = &pair.real["code"];
            let text = matches!(d.at.as_str(), "/body/message" | "/body/details");
            text && pair.real["code"] == pair.ours["code"] && (*code == 406 || *code == 415)
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
            let words = ["json parse error", "is missing", "not an object"];
            let broken = words.iter().any(|w| pair.we_say(w));
            d.at == "/body/message" && broken && pair.refused(400, "is unrecognized")
        },
    },
    Known {
        name: "patch-quotes",
        reason: "a patched object that cannot be decoded is not quoted: it may hold secrets",
        covers: |pair, d| is_text(&d.at) && pair.we_say("<patched object omitted>"),
    },
    Known {
        name: "go-decoder-words",
        reason: "the words of Go's JSON decoder name Go's types, offsets and surroundings",
        covers: |pair, d| {
            let words = [
                "cannot be handled as",
                "invalid character",
                "cannot unmarshal",
                "json:",
            ];
            let ours = words.iter().any(|w| pair.we_say(w))
                || pair.we_say("invalid JSON")
                || pair.we_say("does not belong to")
                || pair.we_say("does not match the expected API version");
            let real = words.iter().any(|w| pair.real_says(w));
            is_text(&d.at) && ours && real && pair.real["code"] == pair.ours["code"]
        },
    },
    Known {
        name: "go-values",
        reason: "unchangeable fields of an event are printed as Go structs and zero values",
        covers: |pair, d| {
            let event = pair.call.path.contains("events.k8s.io");
            event && is_text(&d.at) && pair.refused(422, "field is immutable")
        },
    },
    Known {
        name: "zero-values",
        reason: "a namespace that nothing holds any more is printed without its empty spec",
        covers: |pair, d| {
            let empty = d.real == serde_json::json!({}) && d.ours == "(absent)";
            let field = d.at.ends_with("/spec") || d.at.ends_with("/status");
            pair.call.path.contains("/namespaces") && empty && field
        },
    },
    Known {
        name: "group-version-syntax",
        reason: "an apiVersion with two slashes is refused in the words of a Go parser",
        covers: |pair, _| {
            let code = &pair.ours["code"];
            pair.real_says("unexpected GroupVersion string") && (*code == 400 || *code == 422)
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
