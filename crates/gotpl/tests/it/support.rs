//! Shell. Cases of the corpus: how they are read, and how the engine runs one.
use std::fmt;

use gotpl::{Env, Limits, MissingKey, Options, Random, Str, Template, Value};
use serde_json::Value as Json;

/// What came of a template.
#[derive(PartialEq, Eq)]
pub(crate) enum Outcome {
    Out(Vec<u8>),
    Parse(Vec<u8>),
    Exec(Vec<u8>),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = match self {
            Self::Out(bytes) => ("out", bytes),
            Self::Parse(bytes) => ("parse", bytes),
            Self::Exec(bytes) => ("exec", bytes),
        };
        write!(f, "{name} \"{}\"", bytes.escape_ascii())
    }
}

/// One case.
pub(crate) struct Case {
    pub(crate) template: Vec<u8>,
    strings: Vec<(String, Vec<u8>)>,
    json: Option<Json>,
    missing_key: MissingKey,
    left: String,
    right: String,
    pub(crate) go: Option<Outcome>,
}

fn bytes(json: &Json) -> Vec<u8> {
    match json {
        Json::String(text) => text.as_bytes().to_vec(),
        other => decode(other["b64"].as_str().expect("text or b64")),
    }
}

fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for quad in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = quad.iter().fold(0u32, |bits, b| {
            let digit = ALPHABET.iter().position(|a| a == b).expect("base64");
            bits << 6 | digit as u32
        });
        let bits = bits << (6 * (4 - quad.len()));
        out.extend_from_slice(&bits.to_be_bytes()[1..quad.len()]);
    }
    out
}

impl Case {
    pub(crate) fn from_json(json: &Json) -> Self {
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let strings = json["strings"].as_object().into_iter().flatten();
        let go = &json["go"];
        let answer = |key: &str| go.get(key).map(bytes);
        Self {
            template: bytes(&json["t"]),
            strings: strings.map(|(k, v)| (k.clone(), bytes(v))).collect(),
            json: json.get("json").cloned(),
            missing_key: match text("missingkey").as_str() {
                "" | "error" => MissingKey::Error,
                "zero" => MissingKey::Zero,
                _ => MissingKey::Invalid,
            },
            left: text("left"),
            right: text("right"),
            go: answer("out")
                .map(Outcome::Out)
                .or_else(|| answer("parse").map(Outcome::Parse))
                .or_else(|| answer("exec").map(Outcome::Exec)),
        }
    }

    fn data(&self) -> Value {
        match &self.json {
            Some(json) => from_json(json),
            None => Value::strings(self.strings.iter().map(|(k, v)| (k.as_str(), v.as_slice()))),
        }
    }

    pub(crate) fn run(&self) -> Outcome {
        let options = Options {
            left: &self.left,
            right: &self.right,
            missing_key: self.missing_key,
            ..Options::default()
        };
        let template = match Template::parse("t", self.template.clone(), &options) {
            Ok(template) => template,
            Err(err) => return Outcome::Parse(err.full().into_bytes()),
        };
        match execute(&template, &self.data()) {
            Ok(out) => Outcome::Out(out.as_bytes().to_vec()),
            Err(err) => Outcome::Exec(err.full().as_bytes().to_vec()),
        }
    }
}

/// Executes under the default limits, at a fixed time, with repeatable randomness.
pub(crate) fn execute(template: &Template, data: &Value) -> Result<Str, gotpl::ExecError> {
    let mut rng = Counter(1);
    let mut env = Env {
        now: jiff::Timestamp::from_second(1_700_000_000).expect("a time"),
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut rng,
        limits: Limits::default(),
        expired: &|| false,
    };
    template.execute(data, &mut env)
}

/// A generator that is no more random than it must be.
pub(crate) struct Counter(pub(crate) u64);

impl Random for Counter {
    fn fill(&mut self, buf: &mut [u8]) {
        for byte in buf {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::Float(n.as_f64().expect("a float")),
        Json::String(s) => Value::str(s.as_str()),
        Json::Array(items) => Value::list(items.iter().map(from_json)),
        Json::Object(map) => Value::map(map.iter().map(|(k, v)| (k.as_str(), from_json(v)))),
    }
}
