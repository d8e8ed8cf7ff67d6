//! Pure. What two right servers choose differently, brought to one form: uids, times,
//! resourceVersions (by the order in which they appear), generated names, ages.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::side::Answer;
use super::step::Call;

static UID: LazyLock<Regex> = LazyLock::new(|| {
    let digits = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    Regex::new(digits).unwrap()
});
static GENERATED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(gen-[0-9]+-|Bad_)[a-z0-9]{5}").unwrap());
/// Where messages name a resourceVersion.
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(ersion in (?:the precondition|record) \(|ersion in (?:precondition|object meta): |esource version: |current: )([0-9]+)")
        .unwrap()
});

/// The names that one server's uids and resourceVersions got, by order of appearance.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    uids: HashMap<String, usize>,
    versions: BTreeMap<u64, usize>,
}

impl Labels {
    /// The labels in the order of the resourceVersions themselves: the same on both sides, if
    /// both wrote in the same order.
    pub fn order(&self) -> Vec<usize> {
        self.versions.values().copied().collect()
    }

    fn uid(&mut self, text: &str) -> String {
        // Those that the test itself made up.
        if text.starts_with("00000000") {
            return text.to_owned();
        }
        let next = self.uids.len();
        format!("uid{}", self.uids.entry(text.to_owned()).or_insert(next))
    }

    fn version(&mut self, text: &str) -> String {
        let Ok(number) = text.parse() else {
            return text.to_owned();
        };
        let next = self.versions.len();
        format!("rv{}", self.versions.entry(number).or_insert(next))
    }

    /// Brings an answer to the common form; what is outside of the run is left out.
    pub fn answer(&mut self, call: &Call, answer: &Answer, prefix: &str) -> Value {
        let mut body = answer.body.clone();
        // In a list of all there may be objects of other runs, so that none is not nothing.
        if call.is_everywhere() && body.get("items").is_some_and(Value::is_null) {
            body["items"] = json!([]);
        }
        self.object(&mut body, prefix);
        json!({
            "code": answer.code, "content-type": answer.media, "warnings": answer.warnings,
            "retry-after": answer.retry_after, "body": body, "line": answer.line || answer.code >= 400,
        })
    }

    /// Brings a watch event to the common form.
    pub fn event(&mut self, event: &Value, prefix: &str) -> Option<Value> {
        let mut event = event.clone();
        if event["object"].is_object() && event["type"] != "ERROR" {
            let object = &event["object"];
            let rows = object["rows"].as_array().and_then(|r| r.first());
            let item = rows.map_or(object, |row| &row["object"]);
            if event["type"] != "BOOKMARK" && !inside(item, prefix) {
                return None;
            }
        }
        let bookmark = event["type"] == "BOOKMARK";
        // What was no watch answers with an object, bare.
        if event.get("object").is_none() && event.is_object() {
            self.object(&mut event, prefix);
        } else if let Some(object) = event.get_mut("object") {
            if bookmark {
                object["metadata"]["resourceVersion"] = "mark".into();
            }
            self.object(object, prefix);
        }
        Some(event)
    }

    fn object(&mut self, body: &mut Value, prefix: &str) {
        // The version of a list without any items says how far a cache had come.
        if body["kind"] == "PartialObjectMetadataList" && body["items"].is_null() {
            body["metadata"]["resourceVersion"] = "list".into();
        }
        for list in ["items", "rows"] {
            if let Some(items) = body.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|i| inside(i.get("object").unwrap_or(i), prefix));
                body["metadata"]["resourceVersion"] = "list".into();
            }
        }
        if body["metadata"]["continue"]
            .as_str()
            .is_some_and(|c| !c.is_empty())
        {
            body["metadata"]["continue"] = "more".into();
        }
        ages(body);
        self.walk(body, "");
        causes(body);
    }

    fn walk(&mut self, value: &mut Value, key: &str) {
        match value {
            Value::Object(map) => {
                let old = std::mem::take(map);
                for (key, mut value) in old {
                    self.walk(&mut value, &key);
                    // The keys of managedFields hold uids and quoted values.
                    let key = if key.starts_with("k:") {
                        self.text(&key, "")
                    } else {
                        key
                    };
                    map.insert(key, value);
                }
            }
            Value::Array(list) => {
                if key == "managedFields" {
                    list.sort_by_key(managed_key);
                }
                list.iter_mut().for_each(|v| self.walk(v, ""));
            }
            Value::String(text) => *text = self.text(text, key),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, key: &str) -> String {
        const TIMES: [&str; 4] = [
            "creationTimestamp",
            "deletionTimestamp",
            "time",
            "lastTransitionTime",
        ];
        if key == "resourceVersion" {
            return self.version(text);
        }
        if TIMES.contains(&key) && text.ends_with('Z') {
            return "T".to_owned();
        }
        let text = UID.replace_all(text, |found: &regex::Captures<'_>| self.uid(&found[0]));
        let text = GENERATED.replace_all(&text, "${1}xxxxx");
        if key != "message" {
            return text.into_owned();
        }
        VERSION
            .replace_all(&text, |found: &regex::Captures<'_>| {
                format!("{}{}", &found[1], "N")
            })
            .into_owned()
    }
}

/// Entries are ordered by their times, which are not compared.
fn managed_key(entry: &Value) -> (String, String, String, String) {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (
        text("manager"),
        text("operation"),
        text("subresource"),
        text("apiVersion"),
    )
}

/// Whether an item belongs to the run.
fn inside(item: &Value, prefix: &str) -> bool {
    let meta = &item["metadata"];
    let owner = meta["namespace"].as_str().or(meta["name"].as_str());
    owner.is_none_or(|text| text.starts_with(prefix))
}

/// Makes the causes of a refusal a set: the real server finds those of a custom resource in the
/// order of a Go map, another one each time, and names those of a Secret up to three times.
fn causes(status: &mut Value) {
    if status["code"] != 422 {
        return;
    }
    let list = status.get_mut("details").and_then(|d| d.get_mut("causes"));
    let Some(list) = list.and_then(Value::as_array_mut) else {
        return;
    };
    list.sort_by_key(ToString::to_string);
    list.dedup();
    // The message says the same again: each cause once, in brackets when there are several.
    let texts = list.iter().map(|c| {
        let text = |key: &str| c[key].as_str().unwrap_or_default();
        format!("{}: {}", text("field"), text("message"))
    });
    let texts: Vec<String> = texts.collect();
    let message = status["message"].as_str().unwrap_or_default();
    if let Some((start, found)) = message.split_once(" is invalid: ") {
        let mut rest = found.to_owned();
        for text in &texts {
            rest = rest.replacen(text.as_str(), "", 1);
        }
        let rest: String = rest.chars().filter(|c| !"[], ".contains(*c)).collect();
        status["message"] = json!([start, rest]);
    }
}

/// Replaces the cells of a table that depend on the time.
fn ages(table: &mut Value) {
    let columns: Vec<usize> = table["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, c)| {
            let name = c["name"].as_str().unwrap_or_default().to_lowercase();
            ["age", "last seen", "first seen"].contains(&name.as_str())
        })
        .map(|(i, _)| i)
        .collect();
    for row in table
        .get_mut("rows")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        for &column in &columns {
            let age = |text: &str| text.ends_with(['s', 'm']);
            if row["cells"][column].as_str().is_some_and(age) {
                row["cells"][column] = "age".into();
            }
        }
    }
}
