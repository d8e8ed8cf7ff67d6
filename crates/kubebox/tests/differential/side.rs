//! Shell. One of the two servers: sends steps, remembers what the server chose, follows watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body as Payload;
use regex::{Captures, Regex};
use serde_json::{Value, json};

use super::kinds::{ALL, Kind};
use super::normal::Labels;
use super::step::{Body, Call};

/// An answer, whole.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub code: u16,
    pub media: String,
    pub warnings: Vec<String>,
    pub retry_after: String,
    pub body: Value,
    /// Whether the body ends a line, as every object that Go's encoder writes does.
    pub line: bool,
}

#[derive(Debug, Default)]
struct Seen {
    uid: String,
    versions: Vec<String>,
    object: Value,
}

/// A watch that is read; it ends when it is dropped.
#[derive(Debug)]
struct Watching {
    events: Arc<Mutex<Vec<Value>>>,
    _task: tokio::task::JoinSet<()>,
}

pub struct Side {
    client: Client,
    prefix: String,
    token: Regex,
    seen: HashMap<String, Seen>,
    pages: HashMap<String, String>,
    generated: HashMap<String, String>,
    watches: HashMap<usize, Watching>,
    pub labels: Labels,
}

impl Side {
    pub fn new(client: Client, prefix: &str) -> Self {
        Self {
            client,
            prefix: prefix.to_owned(),
            token: Regex::new(r"\{\{([a-z0-9-]+)(?::([^}]*))?\}\}").unwrap(),
            seen: HashMap::new(),
            pages: HashMap::new(),
            generated: HashMap::new(),
            watches: HashMap::new(),
            labels: Labels::default(),
        }
    }

    /// Fills in what this server chose.
    fn fill(&self, template: &str) -> String {
        let plain = template.replace("{{p}}", &self.prefix);
        let value = |found: &Captures<'_>| {
            let key = found.get(2).map_or("", |m| m.as_str());
            let seen = self.seen.get(key);
            let back = |n: usize| {
                let list = seen.map(|s| s.versions.as_slice()).unwrap_or_default();
                list.iter().rev().nth(n).or(list.first()).cloned()
            };
            match &found[1] {
                "rv" => back(0).unwrap_or_default(),
                "rv-1" => back(1).unwrap_or_default(),
                "rv-5" => back(5).unwrap_or_default(),
                "uid" => seen
                    .map_or("00000000-1111-4222-8333-444444444444", |s| &s.uid)
                    .into(),
                "more" => self.pages.get(key).cloned().unwrap_or_default(),
                "gen" => self
                    .generated
                    .get(key)
                    .cloned()
                    .unwrap_or_else(|| "gen-none".into()),
                other => panic!("no token {other}"),
            }
        };
        self.token.replace_all(&plain, value).into_owned()
    }

    fn payload(&self, body: &Body) -> String {
        match body {
            Body::None => String::new(),
            Body::Text(text) => self.fill(text),
            Body::Edit { key, merge } => {
                let key = self.fill(key);
                let seen = self.seen.get(&key);
                let mut object = seen.map_or_else(|| blank(&key), |s| s.object.clone());
                let merge = serde_json::from_str(&self.fill(&merge.to_string())).unwrap();
                super::bodies::merge(&mut object, &merge);
                object.to_string()
            }
        }
    }

    fn request(&self, call: &Call) -> Request<Payload> {
        let query: Vec<String> = call
            .query
            .iter()
            .map(|(key, value)| format!("{key}={}", escape(&self.fill(value))))
            .collect();
        let uri = format!("{}?{}", self.fill(&call.path), query.join("&"));
        let body = self.payload(&call.body);
        let mut request = Request::builder()
            .method(call.method)
            .uri(uri)
            .header("accept", call.accept)
            .header("user-agent", call.agent);
        if !body.is_empty() {
            request = request.header("content-type", call.content);
        }
        request.body(Payload::from(body.into_bytes())).unwrap()
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, call: &Call) -> Answer {
        let response = self.client.send(self.request(call)).await.unwrap();
        answer(response).await
    }

    /// Remembers what a request's answer shows.
    pub fn learn(&mut self, call: &Call, answer: &Answer) {
        let body = &answer.body;
        let more = body["metadata"]["continue"].as_str().unwrap_or_default();
        if call.method == "GET" {
            self.pages.insert(self.fill(&call.path), more.to_owned());
        }
        let text = |key: &str| {
            body["metadata"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let plain = (200..300).contains(&answer.code) && call.param("dryRun").is_empty();
        let is = |k: &&&Kind| body["kind"] == k.kind && body["apiVersion"] == k.api_version();
        let known = ALL.iter().find(is);
        let (Some(kind), true) = (known, plain && !text("uid").is_empty()) else {
            return;
        };
        if let Some(rest) = text("generateName").strip_prefix("gen-") {
            let number = rest.trim_end_matches('-').to_owned();
            self.generated.insert(number, text("name"));
        }
        let key = kind.key(&text("namespace"), &text("name"));
        let seen = self.seen.entry(key).or_default();
        seen.uid = text("uid");
        if seen.versions.last() != Some(&text("resourceVersion")) {
            seen.versions.push(text("resourceVersion"));
        }
        seen.object = body.clone();
    }

    /// Starts a watch; an answer other than 200 is given as it is.
    pub async fn open(&mut self, id: usize, call: &Call) -> Option<Answer> {
        let response = self.client.send(self.request(call)).await.unwrap();
        if response.status() != 200 {
            return Some(answer(response).await);
        }
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        let mut body = response.into_body();
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move {
            let mut rest = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                rest.extend_from_slice(&data);
                while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let event: Value = serde_json::from_slice(&line).unwrap();
                    let end = "k8s.io/initial-events-end";
                    let marked = event["object"]["metadata"]["annotations"][end] == "true";
                    // Other bookmarks come by the clock.
                    if event["type"] != "BOOKMARK" || marked {
                        sink.lock().unwrap().push(event);
                    }
                }
            }
            sink.lock().unwrap().push(Value::String("end".into()));
        });
        self.watches.insert(
            id,
            Watching {
                events,
                _task: task,
            },
        );
        None
    }

    pub fn watching(&self, id: usize) -> bool {
        self.watches.contains_key(&id)
    }

    pub fn heard(&self, id: usize) -> Vec<Value> {
        self.watches
            .get(&id)
            .map_or(Vec::new(), |w| w.events.lock().unwrap().clone())
    }

    /// Whether a watch has shown an object of this name, or has ended.
    pub fn showed(&self, id: usize, name: &str) -> bool {
        let name = self.fill(name);
        self.heard(id).iter().any(|event| {
            let object = &event["object"];
            let row = &object["rows"][0]["object"]["metadata"]["name"];
            event == "end" || object["metadata"]["name"] == *name || *row == *name
        })
    }

    pub fn close(&mut self, id: usize) {
        self.watches.remove(&id);
    }
}

/// What stands for an object that was never seen.
fn blank(key: &str) -> Value {
    let id = key.split('/').next().unwrap_or_default();
    let name = key.rsplit('/').next().unwrap_or_default();
    let kind = ALL.iter().find(|k| k.id() == id).unwrap();
    json!({ "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": { "name": name } })
}

async fn answer(response: http::Response<Payload>) -> Answer {
    let (parts, body) = response.into_parts();
    let header = |name: &str| -> Vec<String> {
        let all = parts.headers.get_all(name).iter();
        all.map(|v| v.to_str().unwrap().to_owned()).collect()
    };
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Answer {
        code: parts.status.as_u16(),
        media: header("content-type").join(","),
        warnings: header("warning"),
        retry_after: header("retry-after").join(","),
        line: bytes.ends_with(b"\n"),
        body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}
