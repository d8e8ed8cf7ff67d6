//! Shell. The files of `tidegate template`: objects, values, and the sources of templateFrom.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tidegate_api::Template;
use tidegate_contract::SecretValue;
use tidegate_stages::{Offline, TemplateSourceKey, TemplateSourceKind, TemplateSources};
use zeroize::Zeroizing;

use super::Failure;
use crate::cli::TemplateArgs;

/// Bytes of one file, at most: the API server takes no object near this.
const MAX_FILE: u64 = 16 << 20;

type Values = BTreeMap<String, SecretValue>;

/// An object that has a template.
pub(super) struct Source {
    /// Kind and name, for messages.
    pub(super) name: String,
    /// Name of the Secret.
    pub(super) target: String,
    pub(super) namespace: Option<String>,
    pub(super) template: Template,
}

/// Where each kind has its template, and the name of its Secret if it may set one.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "ExternalSecret",
        "/spec/target/template",
        "/spec/target/name",
    ),
    (
        "ClusterExternalSecret",
        "/spec/externalSecretSpec/target/template",
        "/spec/externalSecretSpec/target/name",
    ),
    ("PushSecret", "/spec/template", ""),
];

/// The objects of a file that can have a template.
pub(super) fn objects(file: &Path) -> Result<Vec<Source>, Failure> {
    let mut found = Vec::new();
    for document in documents(file)? {
        let kind = text(&document, "/kind").unwrap_or_default();
        let Some((kind, at, name_at)) = KINDS.iter().find(|known| known.0 == kind) else {
            continue;
        };
        let name = text(&document, "/metadata/name").unwrap_or_default();
        let target = text(&document, name_at).filter(|name| !name.is_empty());
        let template = match document.pointer(at) {
            None | Some(Value::Null) => Template::default(),
            Some(template) => serde_json::from_value(template.clone())
                .map_err(|error| unusable(file, &format!("{kind} {name:?}: {error}")))?,
        };
        found.push(Source {
            name: format!("{kind} {name:?}"),
            target: target.unwrap_or(name).to_owned(),
            namespace: text(&document, "/metadata/namespace").map(str::to_owned),
            template,
        });
    }
    if found.is_empty() {
        let cause = "has no ExternalSecret, ClusterExternalSecret or PushSecret";
        return Err(unusable(file, cause));
    }
    Ok(found)
}

/// The values, the later ones winning: base64, plain, then those of the command line.
pub(super) fn data(args: &TemplateArgs) -> Result<Values, Failure> {
    let mut values = Values::new();
    if let Some(file) = &args.source_secret_data_file {
        for document in documents(file)? {
            let map = document.get("data").filter(|data| data.is_object());
            decoded(map.unwrap_or(&document), &mut values)
                .map_err(|cause| unusable(file, &cause))?;
        }
    }
    if let Some(file) = &args.values_file {
        for document in documents(file)? {
            plain(&document, &mut values).map_err(|cause| unusable(file, &cause))?;
        }
    }
    for given in &args.values {
        let value = SecretValue::from(given.value.as_str());
        values.insert(given.key.clone(), value);
    }
    Ok(values)
}

/// The ConfigMaps and Secrets that were given, by kind and name.
pub(super) struct Sources(Vec<(TemplateSourceKind, Option<String>, Arc<Values>)>);

pub(super) fn sources(args: &TemplateArgs) -> Result<Sources, Failure> {
    let mut all = Vec::new();
    for (kind, files) in [
        (
            TemplateSourceKind::ConfigMap,
            &args.template_from_config_map,
        ),
        (TemplateSourceKind::Secret, &args.template_from_secret),
    ] {
        for file in files {
            for document in documents(file)? {
                let (coded, text_key) = match kind {
                    TemplateSourceKind::ConfigMap => ("binaryData", "data"),
                    TemplateSourceKind::Secret => ("data", "stringData"),
                };
                let mut contents = Values::new();
                let part = |name: &str| document.get(name).unwrap_or(&Value::Null);
                decoded(part(coded), &mut contents)
                    .and_then(|()| plain(part(text_key), &mut contents))
                    .map_err(|cause| unusable(file, &cause))?;
                let name = text(&document, "/metadata/name").map(str::to_owned);
                all.push((kind, name, Arc::new(contents)));
            }
        }
    }
    Ok(Sources(all))
}

impl Sources {
    /// Those that a template needs; an object without a name serves for any.
    pub(super) fn of(&self, template: &Template) -> Result<TemplateSources, Failure> {
        let mut found = TemplateSources::new();
        for key in Offline::sources(template) {
            let contents = self
                .find(&key, Some(&key.name))
                .or_else(|| self.find(&key, None));
            let Some(contents) = contents else {
                let flag = match key.kind {
                    TemplateSourceKind::ConfigMap => "--template-from-config-map",
                    TemplateSourceKind::Secret => "--template-from-secret",
                };
                let message = format!("templateFrom needs the {key}: give its file with {flag}");
                return Err(Failure::usage(message));
            };
            found.insert(key, Some(contents));
        }
        Ok(found)
    }

    fn find(&self, key: &TemplateSourceKey, name: Option<&str>) -> Option<Arc<Values>> {
        let found = self
            .0
            .iter()
            .find(|(kind, own, _)| *kind == key.kind && own.as_deref() == name);
        found.map(|(_, _, contents)| Arc::clone(contents))
    }
}

/// Adds a map of base64. Line breaks in it are taken for what they are.
fn decoded(map: &Value, values: &mut Values) -> Result<(), String> {
    for (key, value) in entries(map)? {
        let text = value
            .as_str()
            .filter(|_| !value.is_null())
            .unwrap_or_default();
        let compact: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let bytes = STANDARD.decode(compact.as_str()).ok();
        let bytes = bytes.filter(|_| value.is_string() || value.is_null());
        let bytes = bytes.ok_or_else(|| format!("key {key:?} is not base64"))?;
        values.insert(key.clone(), SecretValue::new(bytes));
    }
    Ok(())
}

/// Adds a map of texts; numbers and booleans count as they are written in JSON.
fn plain(map: &Value, values: &mut Values) -> Result<(), String> {
    for (key, value) in entries(map)? {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(format!("key {key:?} is no text")),
        };
        values.insert(key.clone(), SecretValue::from(text));
    }
    Ok(())
}

fn entries(map: &Value) -> Result<impl Iterator<Item = (&String, &Value)>, String> {
    match map {
        Value::Null => Ok(None.into_iter().flatten()),
        Value::Object(map) => Ok(Some(map).into_iter().flatten()),
        _ => Err("has something else where a map of keys is needed".to_owned()),
    }
}

/// The documents of a YAML or JSON file, or of standard input, without empty ones.
fn documents(file: &Path) -> Result<Vec<Value>, Failure> {
    let text = read(file).map_err(|error| unusable(file, &error.to_string()))?;
    // The parser's own words may quote the file, which may hold secrets.
    let all: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| {
        let place = error.location().map(|at| format!(", line {}", at.line()));
        unusable(file, &format!("is not YAML{}", place.unwrap_or_default()))
    })?;
    Ok(all
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

fn read(file: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_FILE + 1)
            .read_to_string(&mut text)?
    } else {
        let file = std::fs::File::open(file)?;
        file.take(MAX_FILE + 1).read_to_string(&mut text)?
    };
    if read as u64 > MAX_FILE {
        let cause = "is larger than 16 MiB";
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, cause));
    }
    Ok(text)
}

fn text<'v>(document: &'v Value, at: &str) -> Option<&'v str> {
    document.pointer(at).and_then(Value::as_str)
}

fn unusable(file: &Path, cause: &str) -> Failure {
    Failure::usage(format!("{}: {cause}", file.display()))
}
