//! Pure. Tests of the engine: requests in, answers out, no clock and no task.

mod collect;
mod crd;
mod documents;
mod lists;
mod secrets;
mod watches;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Engine, Polled, Query, Reply, Request, Settings, WatchPlan};

/// An engine with a clock of its own.
struct Api {
    engine: Engine,
    now: Timestamp,
}

/// Code, body and warnings of an answer.
struct Got {
    code: u16,
    body: Value,
    warnings: Vec<String>,
}

impl Got {
    fn ok(self) -> Value {
        assert!(self.code < 300, "{} {}", self.code, self.body);
        self.body
    }

    /// Checks code, reason and message.
    fn fails(&self, code: u16, reason: &str, message: &str) {
        let (found, text) = (self.body["reason"].as_str(), self.body["message"].as_str());
        assert_eq!(
            (self.code, found, text),
            (code, Some(reason), Some(message))
        );
    }
}

impl Api {
    fn new() -> Self {
        Self::with_history(1000)
    }

    fn with_history(history: usize) -> Self {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let settings = Settings {
            seed: 1,
            history,
            controllers: true,
            token_key: [7; 32],
        };
        Self {
            engine: Engine::new(settings, now),
            now,
        }
    }

    fn request(method: Method, url: &str, media: &str, body: &Value) -> Request {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        Request {
            method,
            path: path.to_owned(),
            query: Query::parse(query),
            accept: String::new(),
            content_type: media.to_owned(),
            user_agent: "tester/1.0".to_owned(),
            user: "admin".to_owned(),
            body: body.into(),
        }
    }

    fn send(&mut self, request: &Request) -> Got {
        match self.engine.handle(request, self.now) {
            Reply::Done(answer) => Got {
                code: answer.code,
                body: serde_json::from_slice(&answer.body).unwrap_or_default(),
                warnings: answer.warnings,
            },
            Reply::Watch(_) => panic!("a watch began"),
        }
    }

    fn call(&mut self, method: Method, url: &str, media: &str, body: Value) -> Got {
        self.send(&Self::request(method, url, media, &body))
    }

    fn get(&mut self, url: &str) -> Got {
        self.call(Method::GET, url, "", Value::Null)
    }

    fn accept(&mut self, url: &str, accept: &str) -> Got {
        let mut request = Self::request(Method::GET, url, "", &Value::Null);
        request.accept = accept.to_owned();
        self.send(&request)
    }

    fn post(&mut self, url: &str, body: Value) -> Got {
        self.call(Method::POST, url, "application/json", body)
    }

    fn put(&mut self, url: &str, body: Value) -> Got {
        self.call(Method::PUT, url, "application/json", body)
    }

    fn merge(&mut self, url: &str, body: Value) -> Got {
        self.call(Method::PATCH, url, "application/merge-patch+json", body)
    }

    fn delete(&mut self, url: &str) -> Got {
        self.call(Method::DELETE, url, "", Value::Null)
    }

    fn watch(&mut self, url: &str) -> WatchPlan {
        let request = Self::request(Method::GET, url, "", &Value::Null);
        match self.engine.handle(&request, self.now) {
            Reply::Watch(plan) => *plan,
            Reply::Done(answer) => panic!("{}", String::from_utf8_lossy(&answer.body)),
        }
    }

    /// Type and name of each event since the last call.
    fn events(&mut self, plan: &mut WatchPlan) -> Vec<(String, String)> {
        let mut out = Vec::new();
        loop {
            match self.engine.poll(plan, self.now) {
                Polled::Idle => return out,
                Polled::Events(bytes) => out.extend(lines(&bytes)),
                Polled::Gone(bytes) => {
                    out.extend(lines(&bytes));
                    return out;
                }
            }
        }
    }
}

fn lines(bytes: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let object = &event["object"];
            let name = object["metadata"]["name"]
                .as_str()
                .or(object["message"].as_str());
            (
                event["type"].as_str().unwrap().to_owned(),
                name.unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/x.io/v1/namespaces/default/widgets";

fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "data": {"k": "dg=="}})
}

fn widget(name: &str) -> Value {
    json!({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": name},
        "spec": {"size": 1}})
}

/// A definition with a default, a rule, a status and a column.
fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.io"},
        "spec": {"group": "x.io", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["size"], "properties": {
                        "size": {"type": "integer", "minimum": 1},
                        "color": {"type": "string", "default": "red"},
                        "mode": {"type": "string", "enum": ["a", "b"]}},
                        "x-kubernetes-validations": [
                            {"rule": "self.size < 100", "message": "too big"}]},
                    "status": {"type": "object", "properties": {
                        "phase": {"type": "string"}}}}}}}]}})
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|i| i["metadata"]["name"].as_str().unwrap())
        .collect()
}
