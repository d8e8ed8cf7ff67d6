//! Pure. One rendering of a whole template: every text in its order, under one bound of output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gotpl::{Env, ExecError, ExecErrorKind, KeysUsed, Limits, ParseError, Str, Value};
use jiff::tz::TimeZone;
use tidegate_api::{
    DecodingStrategy, Template, TemplateFrom, TemplateMergePolicy, TemplateRef, TemplateScope,
    names,
};
use tidegate_contract::{ErrorKind, SecretValue};

use super::super::seed::Domain;
use super::super::sources::{TemplateSourceKey, TemplateSourceKind};
use super::super::{Face, TemplateSources, Tools, decode, yaml};
use super::{LITERAL, Target};
use crate::outcome::{Retry, SyncError};

/// Bytes that all templates of one object may write, overwritten keys included.
const MAX_OUTPUT: usize = 16 << 20;

/// How the place of a text ends that stands in a Secret.
const SECRET: &str = ".secret";

/// What was rendered so far.
#[derive(Default)]
pub(super) struct Made {
    pub(super) data: BTreeMap<String, SecretValue>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A rendering under way.
pub(super) struct Run<'a> {
    template: &'a Template,
    sources: &'a TemplateSources,
    tools: &'a Tools<'a>,
    names: BTreeSet<Str>,
    values: Value,
    executed: u64,
    output: usize,
    volatile: bool,
    made: Made,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        template: &'a Template,
        sources: &'a TemplateSources,
        tools: &'a Tools<'a>,
        data: &BTreeMap<String, SecretValue>,
    ) -> Self {
        let keeps = template.merge_policy == TemplateMergePolicy::Merge
            || (template.data.is_empty() && template.template_from.is_empty());
        let values = (data.iter()).map(|(key, value)| (key.as_str(), value.expose()));
        Self {
            template,
            sources,
            tools,
            names: data.keys().map(|key| Str::from(key.as_str())).collect(),
            values: Value::strings(values),
            executed: 0,
            output: 0,
            volatile: false,
            made: Made {
                data: if keeps { data.clone() } else { BTreeMap::new() },
                ..Made::default()
            },
        }
    }

    /// Renders everything, and says whether it would be something else the next time. Later texts
    /// win: `templateFrom` in order, then `data`, then labels, then annotations.
    pub(super) fn whole(mut self) -> Result<(Made, bool), SyncError> {
        let template = self.template;
        for (position, from) in template.template_from.iter().enumerate() {
            let at = format!("spec.target.template.templateFrom[{position}]");
            self.from(&at, from)?;
        }
        let none = DecodingStrategy::None;
        for (key, source) in &template.data {
            let at = format!("spec.target.template.data[{key:?}]");
            self.value(&at, Target::Data, (key, source.as_bytes()), none)?;
        }
        if let Some(metadata) = &template.metadata {
            for (name, map, target) in [
                ("labels", &metadata.labels, Target::Labels),
                ("annotations", &metadata.annotations, Target::Annotations),
            ] {
                for (key, source) in map {
                    let at = format!("spec.target.template.metadata.{name}[{key:?}]");
                    self.value(&at, target, (key, source.as_bytes()), none)?;
                }
            }
        }
        Ok((self.made, self.volatile))
    }

    fn from(&mut self, at: &str, from: &TemplateFrom) -> Result<(), SyncError> {
        let Some(target) = Target::of(&from.target) else {
            return Err(failed(at, "target must be Data, Annotations or Labels"));
        };
        let strategy = from.values_decoding_strategy.unwrap_or_default();
        for (kind, field, source) in [
            (TemplateSourceKind::ConfigMap, "configMap", &from.config_map),
            (TemplateSourceKind::Secret, "secret", &from.secret),
        ] {
            if let Some(source) = source {
                let key = TemplateSourceKey::of(kind, source);
                self.source(&format!("{at}.{field}"), target, &key, source, strategy)?;
            }
        }
        match &from.literal {
            Some(literal) => {
                let at = format!("{at}.literal");
                self.map(&at, target, (LITERAL, literal.as_bytes()), strategy)
            }
            None => Ok(()),
        }
    }

    /// The items of one ConfigMap or Secret.
    fn source(
        &mut self,
        at: &str,
        target: Target,
        key: &TemplateSourceKey,
        source: &TemplateRef,
        strategy: DecodingStrategy,
    ) -> Result<(), SyncError> {
        let absent = |kind, cause: &str| {
            SyncError::failure(names::MSG_UPDATE, format!("{at}: {key} {cause}"), kind)
        };
        let sources = self.sources;
        let contents = match sources.get(key) {
            Some(Some(contents)) => contents,
            Some(None) => return Err(absent(ErrorKind::NotFound, "does not exist")),
            None => return Err(absent(ErrorKind::Unavailable, "could not be read")),
        };
        for item in &source.items {
            let Some(text) = contents.get(&item.key) else {
                let cause = format!("has no key {:?}", item.key);
                return Err(absent(ErrorKind::NotFound, &cause));
            };
            let source = (item.key.as_str(), text.expose());
            match item.template_as {
                TemplateScope::Values => self.value(at, target, source, strategy)?,
                TemplateScope::KeysAndValues => self.map(at, target, source, strategy)?,
            }
        }
        Ok(())
    }

    /// One value under the template's own key.
    fn value(
        &mut self,
        at: &str,
        target: Target,
        (key, source): (&str, &[u8]),
        strategy: DecodingStrategy,
    ) -> Result<(), SyncError> {
        let value = SecretValue::new(self.text(at, key, source)?.as_bytes().to_vec());
        let value = decode::decode(&value, strategy).map_err(|cause| failed(at, cause))?;
        self.put(at, target, key, value)
    }

    /// A YAML map of keys and values. Its keys may be made of values, so no text names them.
    fn map(
        &mut self,
        at: &str,
        target: Target,
        (name, source): (&str, &[u8]),
        strategy: DecodingStrategy,
    ) -> Result<(), SyncError> {
        let text = self.text(at, name, source)?;
        let fault = |cause: &str| failed(at, &format!("template {name}: {cause}"));
        let entries = yaml::strings(text.as_bytes()).map_err(|cause| fault(&cause))?;
        for (key, value) in entries {
            let value = decode::decode(&value, strategy).map_err(fault)?;
            self.put(at, target, &key, value)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        at: &str,
        target: Target,
        key: &str,
        value: SecretValue,
    ) -> Result<(), SyncError> {
        let map = match target {
            Target::Data => {
                self.made.data.insert(key.to_owned(), value);
                return Ok(());
            }
            Target::Labels => &mut self.made.labels,
            Target::Annotations => &mut self.made.annotations,
        };
        // What the API server would refuse in words that quote it.
        if !qualified(key) {
            return Err(failed(at, "the name is none for a label or annotation"));
        }
        let text = String::from_utf8_lossy(value.expose()).into_owned();
        if target == Target::Labels && !(text.is_empty() || label(&text)) {
            return Err(failed(
                at,
                "the value is none for a label: up to 63 letters, digits, '-', '_' and '.'",
            ));
        }
        map.insert(key.to_owned(), text);
        Ok(())
    }

    /// Executes one text, parsed now or before.
    fn text(&mut self, at: &str, name: &str, source: &[u8]) -> Result<Str, SyncError> {
        let template = (self.tools.templates.text(name, source))
            .map_err(|error| failed(at, &self.mistake(at, &error)))?;
        self.volatile |= template.uses_random_or_time();
        let defaults = Limits::default();
        let mut rng = (self.tools.seed).stream(Domain::Template, self.executed);
        self.executed += 1;
        let mut env = Env {
            now: self.tools.env.now,
            zone: TimeZone::UTC,
            rng: &mut rng,
            limits: Limits {
                output_bytes: defaults.output_bytes.min(MAX_OUTPUT - self.output),
                ..defaults
            },
            // No clock: the bound on steps ends it.
            expired: &|| false,
        };
        let text = (template.execute(&self.values, &mut env))
            .map_err(|error| failed(at, &self.failure(&template, &error)))?;
        self.output += text.len();
        Ok(text)
    }

    fn mistake(&self, at: &str, error: &ParseError) -> String {
        match self.tools.face {
            Face::Full => error.full(),
            // What stands in a Secret may be one, even where a function's name is expected.
            Face::Public if at.ends_with(SECRET) => error.public_without_names(),
            Face::Public => error.public(),
        }
    }

    /// What stopped the template; where a key is missing, all that it reads and has not.
    fn failure(&self, template: &gotpl::Template, error: &ExecError) -> String {
        let mut text = match self.tools.face {
            Face::Full => error.full().to_text().as_str().to_owned(),
            Face::Public => error.public(),
        };
        if let (ExecErrorKind::MissingKey(_), KeysUsed::Only(used)) =
            (error.kind(), template.keys_used())
        {
            let absent: Vec<_> = used.difference(&self.names).map(Str::to_text).collect();
            if absent.len() > 1 {
                let names = absent.iter().map(|name| format!("{:?}", name.as_str()));
                let names = names.collect::<Vec<_>>().join(", ");
                let _infallible = write!(text, "; of the keys it reads there are none for {names}");
            }
        }
        text
    }
}

fn failed(at: &str, cause: &str) -> SyncError {
    SyncError {
        lead: names::MSG_UPDATE,
        detail: format!("{at}: {cause}").into(),
        retry: Retry::Backoff,
        label: "template",
    }
}

/// Kubernetes' qualified name: an optional DNS prefix and a name of up to 63 characters.
fn qualified(key: &str) -> bool {
    let Some((prefix, name)) = key.split_once('/') else {
        return label(key);
    };
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part = |part: &str| label(part) && part.bytes().all(lower);
    label(name) && prefix.len() <= 253 && prefix.split('.').all(part)
}

/// What stands in a label and in a name; the empty text is none here.
fn label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= 63
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && (bytes.iter()).all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}
