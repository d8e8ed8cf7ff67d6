//! Pure. The Secrets that `--once` prints, in the form that was asked for.

use serde_json::{Value, json};

use super::redact;
use super::table::columns;
use crate::cli::Output;

/// A Secret, and the ExternalSecret that made it.
#[derive(Debug, Clone)]
pub struct Made {
    /// The Secret.
    pub secret: Value,
    /// What declares it.
    pub by: Value,
}

/// The text for standard output: the data and nothing else.
#[must_use]
pub fn secrets(made: &[Made], output: Output, reveal: bool) -> String {
    let shown = || {
        made.iter()
            .map(|one| redact::shown(&one.secret, &one.by, reveal))
    };
    match output {
        Output::Yaml => shown().map(|secret| document(&secret)).collect(),
        Output::Json => {
            let items: Vec<Value> = shown().collect();
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
            format!("{list:#}\n")
        }
        Output::Name => made
            .iter()
            .map(|one| format!("secret/{}\n", name(&one.secret)))
            .collect(),
        Output::Table => table(made, reveal),
    }
}

fn document(secret: &Value) -> String {
    // Maps with text keys, lists and scalars: this cannot fail.
    let text = serde_saphyr::to_string(secret).unwrap_or_default();
    format!("---\n{text}")
}

fn name(secret: &Value) -> String {
    let text = |field: &str| secret["metadata"][field].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn table(made: &[Made], reveal: bool) -> String {
    let head = ["SECRET", "TYPE", "KEY", "BYTES"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    if reveal {
        rows[0].push("VALUE".to_owned());
    }
    for one in made {
        let kind = one.secret["type"].as_str().unwrap_or_default();
        for (key, bytes) in redact::lengths(&one.secret) {
            let mut row = vec![name(&one.secret), kind.to_owned(), key, bytes.to_string()];
            if reveal {
                let value = one.secret["data"][&row[2]].as_str().unwrap_or_default();
                row.push(value.to_owned());
            }
            rows.push(row);
        }
    }
    columns(&rows).join("\n") + "\n"
}

#[cfg(test)]
mod tests;
