//! Pure. One step of a random sequence: what is sent to both servers, with names for what each
//! server chose itself (`{{uid:…}}`, `{{rv:…}}`), so that any subset of the steps can run again.

use std::fmt;

use serde_json::Value;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    Call(Call),
    /// Starts a watch under a number.
    Open(usize, Call),
    /// Compares what a watch has given, and ends it.
    Close(usize),
}

/// One request, as a template.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub accept: &'static str,
    pub content: &'static str,
    pub agent: &'static str,
    pub body: Body,
}

/// A request's body, as a template.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    Text(String),
    /// The object of this key as the server last showed it, with a merge patch on top: what a
    /// client sends that reads, changes and writes.
    Edit {
        key: String,
        merge: Value,
    },
}

impl Call {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            accept: "application/json",
            content: "application/json",
            agent: "differ/1.0",
            body: Body::None,
        }
    }

    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.body = Body::Text(body.to_string());
        self
    }

    pub fn param(&self, key: &str) -> &str {
        let found = self.query.iter().find(|(k, _)| *k == key);
        found.map_or("", |(_, v)| v)
    }

    /// Whether the path is that of a collection, not of one object.
    pub fn is_collection(&self) -> bool {
        super::kinds::ALL
            .iter()
            .any(|kind| self.path.ends_with(&format!("/{}", kind.plural)))
    }

    /// Whether the path leads to no namespace of the run.
    pub fn is_everywhere(&self) -> bool {
        !self.path.contains("/namespaces/")
    }

    /// Whether the answer may come from a cache that lags on a real server.
    pub fn may_lag(&self) -> bool {
        self.method == "GET" && !self.param("resourceVersion").is_empty()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<String> = self.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        write!(f, "{} {}?{}", self.method, self.path, query.join("&"))?;
        for (name, value, usual) in [
            ("accept", self.accept, "application/json"),
            ("content-type", self.content, "application/json"),
            ("user-agent", self.agent, "differ/1.0"),
        ] {
            if value != usual {
                write!(f, " [{name}: {value}]")?;
            }
        }
        let body = self.body.to_string();
        if body.is_empty() {
            return Ok(());
        }
        write!(f, " {body:.600}")
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Edit { key, merge } => write!(f, "<{key}> + {merge}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Open(id, call) => write!(f, "open watch {id}: {call}"),
            Self::Close(id) => write!(f, "close watch {id}"),
        }
    }
}
