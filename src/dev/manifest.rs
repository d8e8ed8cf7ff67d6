//! Pure. What a file says: its documents, each an object or a fault with line and column.

use std::sync::Arc;

use serde_json::Value;

use super::fault::{Fault, Place, Sort};

#[cfg(test)]
mod tests;

/// Documents per file, at most; more is surely no manifest.
const MAX_DOCUMENTS: usize = 10_000;

/// An object as a file declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Where it stands.
    pub place: Place,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, when given.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// All of it.
    pub body: Arc<Value>,
}

/// Reads a file's text: JSON by its name, YAML otherwise. Documents that cannot be read are
/// faults; the others count.
#[must_use]
pub fn read(file: &Arc<str>, text: &str) -> Vec<Result<Manifest, Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents = if file.ends_with(".json") {
        json(file, text)
    } else {
        yaml(file, text)
    };
    let mut found = Vec::new();
    for (place, document) in documents {
        match document {
            Err(fault) => found.push(Err(fault)),
            Ok(Value::Null) => {}
            Ok(value) => unfold(&place, value, &mut found),
        }
    }
    found
}

type Documents = Vec<(Place, Result<Value, Fault>)>;

fn yaml(file: &Arc<str>, text: &str) -> Documents {
    let chunks = split(text);
    if chunks.len() > MAX_DOCUMENTS {
        let what = format!("over {MAX_DOCUMENTS} documents");
        let place = place(file, 1, 1);
        return vec![(
            place.clone(),
            Err(Fault::new(Sort::Unreadable, place, what)),
        )];
    }
    let mut documents = Vec::new();
    for (line, chunk) in chunks.into_iter().filter(|(_, chunk)| has_content(chunk)) {
        let skipped = chunk.lines().take_while(|line| !has_content(line)).count();
        let place = place(file, documents.len() + 1, line + skipped);
        let options = serde_saphyr::options! { with_snippet: false, legacy_octal_numbers: true };
        let value = serde_saphyr::from_str_with_options::<Value>(chunk, options);
        let value = value.map_err(|error| {
            let at = error.location().map(|location| {
                let below = usize::try_from(location.line()).unwrap_or(1).max(1) - 1;
                format!("{file}:{}:{}", line + below, location.column())
            });
            let (what, cure) = expected(&error.without_snippet().to_string(), chunk);
            let at = at.unwrap_or_else(|| place.to_string());
            Fault::new(Sort::Unreadable, at, format!("not YAML: {what}")).cure(cure)
        });
        documents.push((place, value));
    }
    documents
}

/// The documents between `---` lines, each with its first line's number.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut chunks = Vec::new();
    let (mut start, mut first, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace)) {
            chunks.push((first, &text[start..at]));
            start = at;
            first = number + 1;
        }
        at += line.len();
    }
    chunks.push((first, &text[start..]));
    chunks
}

/// Whether there is more than comments, directives and markers.
fn has_content(chunk: &str) -> bool {
    chunk.lines().any(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        !line.is_empty() && !line.starts_with(['#', '%']) && line != "..."
    })
}

/// The parser's words without its own position (ours counts from the file's start), and what was
/// expected instead.
fn expected(error: &str, chunk: &str) -> (String, &'static str) {
    let what = error.rfind(" at line ").map_or(error, |end| &error[..end]);
    let what = what
        .split(", set DuplicateKeyPolicy")
        .next()
        .unwrap_or(what);
    let cure = if chunk.contains("{{") {
        "expected plain YAML: render templates first, as in: helm template . | tidegate dev -"
    } else if what.contains("mapping values") || what.contains("':' indicator") {
        "expected one `key: value` per line; quote text that contains `: `"
    } else if what.contains("quote") {
        "expected a closing quote"
    } else if what.contains("expected key") || what.contains("'-' indicator") {
        "expected the indentation of the lines before"
    } else if what.contains("duplicate") {
        "expected each key once"
    } else {
        ""
    };
    (what.to_owned(), cure)
}

fn json(file: &Arc<str>, text: &str) -> Documents {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut documents = Documents::new();
    while documents.len() < MAX_DOCUMENTS {
        let before = &text[..stream.byte_offset()];
        let rest = &text[before.len()..];
        let blank = rest.len() - rest.trim_start().len();
        let line = 1 + text[..before.len() + blank].matches('\n').count();
        let place = place(file, documents.len() + 1, line);
        match stream.next() {
            None => break,
            Some(Ok(value)) => documents.push((place, Ok(value))),
            Some(Err(error)) => {
                let text = error.to_string();
                let what = text.rfind(" at line ").map_or(&*text, |end| &text[..end]);
                let at = format!("{file}:{}:{}", error.line(), error.column());
                let fault = Fault::new(Sort::Unreadable, at, format!("not JSON: {what}"));
                documents.push((place, Err(fault)));
                break;
            }
        }
    }
    documents
}

fn place(file: &Arc<str>, document: usize, line: usize) -> Place {
    Place {
        file: Arc::clone(file),
        document,
        line,
    }
}

/// A document is an object, or a List of them as `kubectl get -o yaml` prints.
fn unfold(place: &Place, mut value: Value, found: &mut Vec<Result<Manifest, Fault>>) {
    if value["kind"] == "List" && value["apiVersion"] == "v1" {
        if let Value::Array(items) = value["items"].take() {
            found.extend(items.into_iter().map(|item| manifest(place, item)));
        }
        return;
    }
    found.push(manifest(place, value));
}

fn manifest(place: &Place, body: Value) -> Result<Manifest, Fault> {
    let fault = |what: String| Fault::new(Sort::Unreadable, place, what);
    if !body.is_object() {
        let found = match body {
            Value::Array(_) => "a sequence",
            Value::String(_) => "text",
            _ => "a single value",
        };
        let what = format!("expected a mapping with apiVersion, kind and metadata, found {found}");
        return Err(fault(what));
    }
    let text = |pointer: &str| -> Result<String, Fault> {
        let field = pointer[1..].replace('/', ".");
        match body.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            None | Some(Value::Null | Value::String(_)) => {
                Err(fault(format!("expected {field}, found none")))
            }
            Some(_) => Err(fault(format!("expected text as {field}; quote it"))),
        }
    };
    let (api_version, kind) = (text("/apiVersion")?, text("/kind")?);
    let named = |fault: Fault| Fault {
        what: format!("{kind}: {}", fault.what),
        ..fault
    };
    let name = text("/metadata/name").map_err(named)?;
    let namespace = match body.pointer("/metadata/namespace") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text("/metadata/namespace").map_err(named)?),
    };
    Ok(Manifest {
        place: place.clone(),
        api_version,
        kind,
        namespace,
        name,
        body: Arc::new(body),
    })
}
