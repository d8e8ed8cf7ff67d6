//! Pure. `dataFrom[].rewrite`: other keys for extracted values, or their own keys merged.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use gotpl::{Env, ExecErrorKind, Limits};
use jiff::tz::TimeZone;
use tidegate_api::{
    MergeConflictPolicy, MergePriorityPolicy, MergeStrategy, Rewrite, RewriteMerge, RewriteRegexp,
    RewriteTransform,
};

use super::seed::Domain;
use super::template::TRANSFORM;
use super::{Tools, Value, json};

type Values = BTreeMap<String, Value>;

/// Applies the changes in order.
///
/// Where two keys become one, the value of the key that sorts last stays; for ESO it is any.
///
/// # Errors
/// By position and kind of the change; no text has anything of a value.
pub(super) fn apply(
    mut values: Values,
    rewrites: &[Rewrite],
    tools: &Tools<'_>,
) -> Result<Values, String> {
    for (position, rewrite) in rewrites.iter().enumerate() {
        let (name, result) = match rewrite {
            Rewrite {
                regexp: Some(change),
                ..
            } => ("regexp", regexp(values, change, position, tools)),
            Rewrite {
                transform: Some(change),
                ..
            } => ("transform", transform(values, change, position, tools)),
            Rewrite {
                merge: Some(change),
                ..
            } => ("merge", merge(values, change)),
            _ => return Err(format!("rewrite[{position}] says nothing")),
        };
        values = result.map_err(|cause| format!("rewrite[{position}].{name}: {cause}"))?;
    }
    Ok(values)
}

/// By the template function, because it reads expressions as Go does: `\d` and `\w` are ASCII.
fn regexp(
    values: Values,
    change: &RewriteRegexp,
    position: usize,
    tools: &Tools<'_>,
) -> Result<Values, String> {
    let text = "{{ mustRegexReplaceAll .source .value .target }}";
    let fixed = [("source", &*change.source), ("target", &*change.target)];
    rename(values, ("regexp", text), &fixed, position, tools).map_err(|fault| match fault {
        Fault::Execution(ExecErrorKind::Limit(limit), _) => limit.to_string(),
        Fault::Execution(..) => format!("{:?} is no regular expression", change.source),
        Fault::Syntax(public) => public,
    })
}

fn transform(
    values: Values,
    change: &RewriteTransform,
    position: usize,
    tools: &Tools<'_>,
) -> Result<Values, String> {
    let text = (TRANSFORM, &*change.template);
    rename(values, text, &[], position, tools).map_err(|fault| match fault {
        Fault::Execution(_, public) | Fault::Syntax(public) => public,
    })
}

/// Why a template gave no key, in its public words.
enum Fault {
    Syntax(String),
    Execution(ExecErrorKind, String),
}

/// Gives each value the key that the template makes of its old one.
fn rename(
    values: Values,
    (name, text): (&str, &str),
    fixed: &[(&str, &str)],
    position: usize,
    tools: &Tools<'_>,
) -> Result<Values, Fault> {
    let template = (tools.templates.transform(name, text.as_bytes()))
        .map_err(|error| Fault::Syntax(error.public()))?;
    let mut rng = tools.seed.stream(Domain::Rewrite, position as u64);
    let mut renamed = Values::new();
    for (key, value) in values {
        let mut env = Env {
            now: tools.env.now,
            zone: TimeZone::UTC,
            rng: &mut rng,
            limits: Limits::default(),
            expired: &|| false,
        };
        let data = (fixed.iter().copied()).chain([("value", key.as_str())]);
        let text = (template.execute(&gotpl::Value::strings(data), &mut env))
            .map_err(|error| Fault::Execution(error.kind().clone(), error.public()))?;
        renamed.insert(text.to_text().as_str().to_owned(), value);
    }
    Ok(renamed)
}

fn merge(mut values: Values, change: &RewriteMerge) -> Result<Values, String> {
    let json = change.strategy == MergeStrategy::Json;
    if json && change.into.is_empty() {
        return Err("strategy JSON needs into".to_owned());
    }
    let priority: BTreeSet<&str> = change.priority.iter().map(String::as_str).collect();
    let plain = values.keys().map(String::as_str);
    let mut order: Vec<&str> = plain.filter(|key| !priority.contains(key)).collect();
    for key in &change.priority {
        if values.contains_key(key) {
            order.push(key);
        } else if change.priority_policy == MergePriorityPolicy::Strict {
            return Err(format!("priority key {key:?} is not there"));
        }
    }
    let mut merged = json::Object::default();
    for key in order {
        let Some(value) = values.get(key) else {
            continue;
        };
        let object = json::Object::parse_or_null(&value.exact)
            .map_err(|cause| format!("key {key:?}: {cause}"))?;
        let conflict = merged.absorb(object);
        if let (Some(inner), MergeConflictPolicy::Error) = (conflict, change.conflict_policy) {
            return Err(format!("key {inner:?} is in more than one value"));
        }
    }
    if json {
        let written = merged.plain()?;
        values.insert(change.into.clone(), written);
        return Ok(values);
    }
    (merged.entries())
        .map(|(key, raw)| Ok((key.to_owned(), json::bytes(raw)?)))
        .collect()
}
