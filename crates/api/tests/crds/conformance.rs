//! Shell. Against the field list and the manifests of ESO's documentation, where these are.
//!
//! They stand beside the repository and not in it. A machine that promises them (`CI=true`) fails
//! without them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_api::crd::OPEN_PROVIDERS;
use tidegate_api::{ClusterSecretStore, ExternalSecret, GoDuration, SecretStore};

use crate::schema::{fill_in, of_kind, problems, strings, walk};

const KINDS: [&str; 3] = ["ClusterSecretStore", "ExternalSecret", "SecretStore"];

/// Rules of ours that the field list lacks, by kind and path: ESO's webhook in CEL.
const OWN_RULES: [(&str, &str, usize); 2] = [
    ("ExternalSecret", "spec.dataFrom[]", 3),
    ("ExternalSecret", "spec.target", 4),
];

/// What the field list itself forbids in manifests of the documentation, each by a part of it: ESO
/// rejects them too.
const REJECTED: [(&str, &str); 9] = [
    (
        "full-cluster-secret-store.yaml",
        ".spec.provider: more than maxProperties",
    ),
    (
        "full-secret-store.yaml",
        ".spec.provider: more than maxProperties",
    ),
    (
        "full-secret-store.yaml",
        ".auth.cert.clientCert.namespace: \"...\" does not match",
    ),
    (
        "full-secret-store.yaml",
        ".auth.cert.secretRef.namespace: \"...\" does not match",
    ),
    (
        "full-secret-store.yaml",
        ".tls.certSecretRef.namespace: \"...\" does not match",
    ),
    (
        "full-secret-store.yaml",
        ".tls.keySecretRef.namespace: \"...\" does not match",
    ),
    (
        "ibm-external-secret-with-metadata.yaml",
        ".spec.dataFrom[0]: secretKey is unknown",
    ),
    (
        "ibm-external-secret-with-metadata.yaml",
        "lost .dataFrom.secretKey",
    ),
    (
        "pkcs12-template-v1-external-secret.yaml",
        "engineVersion: \"v1\" is none of",
    ),
];

/// The data, or the count of tests that are skipped without it.
fn conformance(tests_within: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    if folder.is_dir() {
        return Some(folder);
    }
    let promised = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!promised, "no conformance data at {}", folder.display());
    println!("skipped: {tests_within}: no conformance data beside the repository");
    None
}

/// One schema node, as the field list writes it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Field {
    kind: String,
    format: String,
    default: Option<Value>,
    choice: BTreeSet<String>,
    required: bool,
    pattern: String,
    rules: BTreeSet<String>,
    limits: BTreeSet<String>,
}

fn listed(row: &BTreeMap<String, String>) -> Field {
    let set = |column: &str, by: &str| -> BTreeSet<String> {
        let parts = row[column]
            .split(by)
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let default = &row["default"];
    Field {
        kind: row["type"].clone(),
        format: row["format"].clone(),
        default: (!default.is_empty()).then(|| serde_json::from_str(default).unwrap()),
        choice: set("enum", "|"),
        required: row["required"] == "required",
        pattern: row["pattern"].clone(),
        rules: set("cel", " ; "),
        limits: set("limits", " "),
    }
}

fn ours(node: &Value, required: bool) -> Field {
    let text = |word: &str| node[word].as_str().unwrap_or("").to_owned();
    let mut limits = BTreeSet::new();
    for word in [
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "minimum",
        "maximum",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
    ] {
        match &node[word] {
            Value::Null => continue,
            Value::String(value) => limits.insert(format!("{word}={value}")),
            value => limits.insert(format!("{word}={value}")),
        };
    }
    let rules = node["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten();
    let int_or_string = node["x-kubernetes-int-or-string"] == true;
    Field {
        kind: if int_or_string {
            "int-or-string".to_owned()
        } else {
            text("type")
        },
        format: text("format"),
        default: node.get("default").cloned(),
        choice: strings(&node["enum"])
            .into_iter()
            .map(str::to_owned)
            .collect(),
        required,
        pattern: text("pattern"),
        rules: rules
            .map(|rule| rule["rule"].as_str().unwrap().to_owned())
            .collect(),
        limits,
    }
}

/// Whether a path lies in, or is, the section of a backend that is not built yet.
fn is_open(path: &str) -> bool {
    let section = path.strip_prefix("spec.provider.");
    let name = section.and_then(|rest| rest.split(['.', '[', '{']).next());
    name.is_some_and(|name| OPEN_PROVIDERS.contains(&name))
}

#[test]
fn every_field_is_as_the_field_list_has_it() {
    let Some(folder) = conformance("1 test of fields") else {
        return;
    };
    let mut list: BTreeMap<(String, String), Field> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(folder.join("crd-fields.csv")).unwrap();
    for row in reader.deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        if row["version"] == "v1" && KINDS.contains(&row["kind"].as_str()) {
            list.insert((row["kind"].clone(), row["path"].clone()), listed(&row));
        }
    }
    let mut wrong = Vec::new();
    let mut compared = 0;
    for kind in KINDS {
        walk(&of_kind(kind), "", false, &mut |path, node, required| {
            let mut ours = ours(node, required);
            let own = OWN_RULES.iter().find(|(k, p, _)| (*k, *p) == (kind, path));
            assert_eq!(
                ours.rules.len(),
                own.map_or(0, |(_, _, count)| *count),
                "{path}"
            );
            ours.rules.clear();
            if path.is_empty() || ["apiVersion", "kind", "metadata"].contains(&path) {
                return;
            }
            match list.remove(&(kind.to_owned(), path.to_owned())) {
                _ if is_open(path) => assert_eq!(ours.kind, "object"),
                Some(theirs) if theirs == ours => compared += 1,
                Some(theirs) => wrong.push(format!("{kind} {path}:\n {theirs:?}\n {ours:?}")),
                None => wrong.push(format!("{kind} {path}: not in the list")),
            }
        });
    }
    let missing = list.keys().filter(|(_, path)| !is_open(path));
    wrong.extend(missing.map(|(kind, path)| format!("{kind} {path}: missing")));
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        compared,
        wrong.join("\n")
    );
    println!("{compared} fields compared");
    assert!(compared > 450, "{compared} fields compared");
}

/// Reads a document into the Rust type of its kind and back.
fn decode(kind: &str, document: &Value) -> Result<Value, serde_json::Error> {
    let document = document.clone();
    match kind {
        "ExternalSecret" => {
            serde_json::to_value(serde_json::from_value::<ExternalSecret>(document)?)
        }
        "SecretStore" => serde_json::to_value(serde_json::from_value::<SecretStore>(document)?),
        _ => serde_json::to_value(serde_json::from_value::<ClusterSecretStore>(document)?),
    }
}

#[test]
fn every_manifest_is_accepted_and_survives_decoding() {
    let Some(folder) = conformance("1 test of manifests") else {
        return;
    };
    let schemas = KINDS.map(|kind| (kind, of_kind(kind)));
    let rules = schemas
        .each_ref()
        .map(|(_, schema)| kube_cel::compile_schema(schema));
    let mut wrong = Vec::new();
    let mut documents = 0;
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("manifests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        let text = fs::read_to_string(file).unwrap();
        // One file says a name twice, as the API server's reader lets pass.
        let read = serde_saphyr::from_multiple_with_options::<Value>(
            &text,
            serde_saphyr::options! {
                duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
            },
        );
        let read = read.unwrap_or_else(|error| {
            wrong.push(format!("{name}: {error}"));
            Vec::new()
        });
        for mut document in read {
            let kind = document["kind"].as_str().unwrap_or("").to_owned();
            let Some(number) = KINDS.iter().position(|known| *known == kind) else {
                continue;
            };
            documents += 1;
            let mut found = Vec::new();
            fill_in(&schemas[number].1, &mut document);
            // Type and metadata are the API server's own; the definition says nothing of them.
            let mut body = document.clone();
            body.as_object_mut()
                .unwrap()
                .retain(|name, _| name == "spec" || name == "status");
            problems(&schemas[number].1, &body, "", &mut found);
            let errors = crate::admission::errors(&rules[number], &body);
            match decode(&kind, &document) {
                Ok(again) => found.extend(lost(&body["spec"], &again["spec"])),
                Err(error) => found.push(error.to_string()),
            }
            let found = found.into_iter().chain(errors);
            wrong.extend(found.map(|what| format!("{name} {kind} {what}")));
        }
    }
    for (file, what) in REJECTED {
        let known = wrong
            .iter()
            .position(|wrong| wrong.starts_with(file) && wrong.contains(what));
        wrong.remove(known.expect(what));
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    println!("{documents} documents of {} files", files.len());
    assert!(documents > 100, "{documents} documents");
}

/// The first thing that was read and is not written again; empty containers may vanish.
fn lost(before: &Value, after: &Value) -> Option<String> {
    match (before, after) {
        (Value::Object(before), _) => before
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .find_map(|(name, value)| Some(format!(".{name}{}", lost(value, &after[name])?)))
            .map(|path| format!("lost {}", path.replace("lost ", ""))),
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => before
            .iter()
            .zip(after)
            .find_map(|(before, after)| lost(before, after)),
        _ if before == after => None,
        // Durations are written as Go prints them: 0.03m becomes 1.8s.
        (Value::String(before), Value::String(after))
            if GoDuration::parse(before).is_ok_and(|b| GoDuration::parse(after) == Ok(b)) =>
        {
            None
        }
        _ => Some(format!(": {before} became {after}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}
