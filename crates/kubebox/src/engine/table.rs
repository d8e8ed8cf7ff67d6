//! Pure. Tables: the columns and cells that `kubectl get` prints.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::meta;
use super::resource::Builtin;
use super::view::View;

/// Name, type, format, description and priority of a built-in column.
type Heading = (&'static str, &'static str, &'static str, &'static str, i64);

const NAME: Heading = ("Name", "string", "name", "Name of the object.", 0);
const AGE: Heading = ("Age", "string", "", "Time since the object was created.", 0);

fn headings(builtin: Builtin) -> Vec<Heading> {
    let column = |name, description| (name, "string", "", description, 0);
    let wide = |name, description| (name, "string", "", description, 1);
    match builtin {
        Builtin::Namespace => vec![NAME, column("Status", "Phase of the namespace."), AGE],
        Builtin::Secret => vec![
            NAME,
            column("Type", "What the data is for."),
            column("Data", "Number of entries."),
            AGE,
        ],
        Builtin::ConfigMap => vec![NAME, column("Data", "Number of entries."), AGE],
        Builtin::ServiceAccount => vec![NAME, column("Secrets", "Number of Secrets."), AGE],
        Builtin::Lease => vec![NAME, column("Holder", "Who holds the lease."), AGE],
        Builtin::Crd => {
            vec![
                NAME,
                (
                    "Created At",
                    "date",
                    "",
                    "When the definition was created.",
                    0,
                ),
            ]
        }
        Builtin::Event => vec![
            column("Last Seen", "When it last happened."),
            column("Type", "Normal or Warning."),
            column("Reason", "Why, in one word."),
            column("Object", "What it is about."),
            wide("Subobject", "Which part of it."),
            wide("Source", "Who reports."),
            column("Message", "What happened."),
            wide("First Seen", "When it first happened."),
            wide("Count", "How often."),
            (NAME.0, NAME.1, NAME.2, NAME.3, 1),
        ],
    }
}

/// A table without rows.
pub(crate) fn empty(view: &View<'_>, headers: bool) -> Value {
    let mut table = json!({ "apiVersion": "meta.k8s.io/v1", "kind": "Table", "metadata": {} });
    let columns: Vec<Value> = match view.resource.builtin {
        _ if !headers => Vec::new(),
        Some(builtin) => headings(builtin).into_iter().map(heading).collect(),
        None => {
            let own = view.resource.versions[view.version]
                .columns
                .iter()
                .map(|c| {
                    json!({ "name": c.name, "type": c.kind, "format": c.format,
                    "description": c.description, "priority": c.priority })
                });
            std::iter::once(heading(NAME)).chain(own).collect()
        }
    };
    table["columnDefinitions"] = if headers { json!(columns) } else { Value::Null };
    table
}

fn heading((name, kind, format, description, priority): Heading) -> Value {
    json!({ "name": name, "type": kind, "format": format, "description": description,
        "priority": priority })
}

/// The cells of one object.
pub(crate) fn cells(view: &View<'_>, object: &Value) -> Vec<Value> {
    let name = || Value::from(meta::text(object, "name"));
    let age = || Value::from(since(meta::text(object, "creationTimestamp"), view.now));
    let count = |keys: &[&str]| -> Value {
        let size = |v: &Value| match v {
            Value::Object(m) => m.len(),
            Value::Array(a) => a.len(),
            _ => 0,
        };
        keys.iter().map(|k| size(&object[*k])).sum::<usize>().into()
    };
    match view.resource.builtin {
        Some(Builtin::Namespace) => vec![name(), object["status"]["phase"].clone(), age()],
        Some(Builtin::Secret) => {
            vec![name(), object["type"].clone(), count(&["data"]), age()]
        }
        Some(Builtin::ConfigMap) => vec![name(), count(&["data", "binaryData"]), age()],
        Some(Builtin::ServiceAccount) => vec![name(), count(&["secrets"]), age()],
        Some(Builtin::Lease) => {
            vec![
                name(),
                object["spec"]["holderIdentity"]
                    .as_str()
                    .unwrap_or("")
                    .into(),
                age(),
            ]
        }
        Some(Builtin::Crd) => vec![name(), meta::text(object, "creationTimestamp").into()],
        Some(Builtin::Event) => event(view, object),
        None => {
            let columns = &view.resource.versions[view.version].columns;
            let own = columns
                .iter()
                .map(|c| cell(&c.kind, &c.path, object, view.now));
            std::iter::once(name()).chain(own).collect()
        }
    }
}

fn event(view: &View<'_>, raw: &Value) -> Vec<Value> {
    let mut object = raw.clone();
    if view.resource.is_new_event() {
        super::event::convert_event(&mut object, false);
    }
    let ago = |v: &Value| v.as_str().map(|t| since(t, view.now));
    let unknown = || "<unknown>".to_owned();
    let first = ago(&object["firstTimestamp"])
        .or_else(|| ago(&object["eventTime"]))
        .unwrap_or_else(unknown);
    let mut last = ago(&object["lastTimestamp"]).unwrap_or_else(|| first.clone());
    let mut count = object["count"].as_i64().filter(|n| *n > 0).unwrap_or(1);
    if let Some(n) = object["series"]["count"].as_i64() {
        last = ago(&object["series"]["lastObservedTime"]).unwrap_or_else(unknown);
        count = n;
    }
    let about = &object["involvedObject"];
    let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
    let target = match about["name"].as_str() {
        Some(name) if !name.is_empty() => format!("{kind}/{name}"),
        _ => kind,
    };
    let text = |v: &Value| Value::from(v.as_str().unwrap_or_default().trim());
    // Each part by itself: of the old face if it says anything, else of the new one.
    let of = |old: &str, new: &str| {
        let old = object["source"][old].as_str().filter(|t| !t.is_empty());
        old.or(object[new].as_str()).unwrap_or_default()
    };
    let source = of("component", "reportingComponent");
    let instance = of("host", "reportingInstance");
    let source = if instance.is_empty() {
        source.to_owned()
    } else {
        format!("{source}, {instance}")
    };
    vec![
        last.into(),
        text(&object["type"]),
        text(&object["reason"]),
        target.into(),
        text(&about["fieldPath"]),
        source.into(),
        text(&object["message"]),
        first.into(),
        count.into(),
        meta::text(&object, "name").into(),
    ]
}

/// One cell of a custom resource's own column.
fn cell(kind: &str, path: &str, object: &Value, now: Timestamp) -> Value {
    let Some(value) = found(object, path) else {
        return Value::Null;
    };
    match (kind, &value) {
        (_, Value::Null) => Value::Null,
        ("string", Value::String(_)) => value,
        ("string", other) => other.to_string().into(),
        ("integer", Value::Number(n)) => n.as_i64().map_or(Value::Null, Value::from),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value,
        ("date", Value::String(text)) => match text.parse::<Timestamp>() {
            Ok(_) => since(text, now).into(),
            Err(_) => "<invalid>".into(),
        },
        _ => Value::Null,
    }
}

/// The first value at a path; filters of the form `[?(@.type=="Ready")]` pick list items.
fn found(object: &Value, path: &str) -> Option<Value> {
    let Some((head, rest)) = path.split_once("[?(@.") else {
        return meta::at_path(object, path).cloned();
    };
    let (filter, tail) = rest.split_once(")]")?;
    let (key, wanted) = filter.split_once("==")?;
    let wanted = wanted.trim().trim_matches(['"', '\'']);
    let list = meta::at_path(object, head)?.as_array()?;
    let item = list
        .iter()
        .find(|i| meta::at_path(i, key.trim()).and_then(Value::as_str) == Some(wanted))?;
    found(item, tail)
}

/// The time since a timestamp, as kubectl prints ages.
pub(crate) fn since(text: &str, now: Timestamp) -> String {
    let Ok(then) = text.parse::<Timestamp>() else {
        return "<unknown>".to_owned();
    };
    let seconds = now.as_second() - then.as_second();
    let (m, h, d) = (60, 3600, 86_400);
    match seconds {
        s if s < -1 => "<invalid>".to_owned(),
        s if s < 0 => "0s".to_owned(),
        s if s < 2 * m => format!("{s}s"),
        s if s < 10 * m => with_rest(s / m, "m", s % m, "s"),
        s if s < 3 * h => format!("{}m", s / m),
        s if s < 8 * h => with_rest(s / h, "h", s % h / m, "m"),
        s if s < 2 * d => format!("{}h", s / h),
        s if s < 8 * d => with_rest(s / d, "d", s % d / h, "h"),
        s if s < 2 * 365 * d => format!("{}d", s / d),
        s if s < 8 * 365 * d => with_rest(s / d / 365, "y", s / d % 365, "d"),
        s => format!("{}y", s / d / 365),
    }
}

fn with_rest(big: i64, unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 {
        format!("{big}{unit}")
    } else {
        format!("{big}{unit}{small}{small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let check = |seconds: i64, expected: &str| {
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let then = Timestamp::from_second(2_000_000_000 - seconds).unwrap();
            assert_eq!(since(&meta::time(then), now), expected);
        };
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(130, "2m10s");
        check(3 * 3600 - 1, "179m");
        check(3 * 3600, "3h");
        check(3 * 3600 + 60, "3h1m");
        check(9 * 3600 + 60, "9h");
        check(49 * 3600, "2d1h");
        check(10 * 86_400, "10d");
        check(3 * 365 * 86_400 + 86_400, "3y1d");
    }

    #[test]
    fn columns_find_conditions() {
        let object = json!({"status": {"conditions": [
            {"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}]},
            "spec": {"n": 3, "s": "x"}});
        let now = Timestamp::UNIX_EPOCH;
        let ready = ".status.conditions[?(@.type==\"Ready\")].status";
        assert_eq!(cell("string", ready, &object, now), json!("True"));
        assert_eq!(cell("integer", ".spec.n", &object, now), json!(3));
        assert_eq!(cell("string", ".spec.missing", &object, now), Value::Null);
    }
}
