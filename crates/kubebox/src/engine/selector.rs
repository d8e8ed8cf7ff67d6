//! Pure. Label and field selectors: parsing, and matching without decoding the object.

use super::error::{ApiError, Result};
use super::resource::{Builtin, Resource};
use super::store::Meta;

#[derive(Clone, Debug, PartialEq)]
enum Op {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

#[derive(Clone, Debug, PartialEq)]
struct LabelTerm {
    key: String,
    op: Op,
}

/// Which part of the metadata a field term compares.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
    Name,
    Namespace,
    /// Index into `Meta::fields`.
    Selectable(usize),
}

#[derive(Clone, Debug, PartialEq)]
struct FieldTerm {
    field: Field,
    equal: bool,
    value: String,
}

/// A parsed selector; the empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<LabelTerm>,
    fields: Vec<FieldTerm>,
}

impl Selector {
    /// Parses both selectors of a request.
    pub(crate) fn parse(labels: &str, fields: &str, resource: &Resource) -> Result<Self> {
        Ok(Self {
            labels: parse_labels(labels)?,
            fields: parse_fields(fields, resource)?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, meta: &Meta) -> bool {
        self.labels.iter().all(|t| label_matches(t, meta))
            && self.fields.iter().all(|t| {
                let actual: &str = match t.field {
                    Field::Name => &meta.name,
                    Field::Namespace => &meta.namespace,
                    Field::Selectable(i) => meta.fields.get(i).map_or("", |f| f),
                };
                (actual == t.value) == t.equal
            })
    }
}

fn label_matches(term: &LabelTerm, meta: &Meta) -> bool {
    let found = meta
        .labels
        .iter()
        .find(|(k, _)| **k == *term.key)
        .map(|(_, v)| &**v);
    match (&term.op, found) {
        (Op::Exists, value) => value.is_some(),
        (Op::Absent, value) => value.is_none(),
        (Op::In(list), Some(value)) => list.iter().any(|v| v == value),
        (Op::In(_) | Op::Greater(_) | Op::Less(_), None) => false,
        (Op::NotIn(list), Some(value)) => list.iter().all(|v| v != value),
        (Op::NotIn(_), None) => true,
        (Op::Greater(n), Some(value)) => value.parse::<i64>().is_ok_and(|v| v > *n),
        (Op::Less(n), Some(value)) => value.parse::<i64>().is_ok_and(|v| v < *n),
    }
}

fn bad_label(text: &str) -> ApiError {
    ApiError::bad_request(format!(
        "unable to parse requirement: found '{text}', expected: in, notin, =, ==, !=, gt, lt"
    ))
}

/// Splits at commas that are not inside parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let mut depth = 0u32;
    let mut start = 0;
    let mut out = Vec::new();
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

fn parse_labels(text: &str) -> Result<Vec<LabelTerm>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split_terms(text)
        .into_iter()
        .map(|t| parse_label_term(t.trim()))
        .collect()
}

fn parse_label_term(text: &str) -> Result<LabelTerm> {
    let term = |key: &str, op: Op| {
        let key = key.trim();
        let problems = super::names::qualified_problems(key);
        if let Op::In(values) | Op::NotIn(values) = &op {
            for value in values {
                let problems = super::names::label_value_problems(value);
                if !problems.is_empty() {
                    return Err(ApiError::bad_request(format!(
                        "unable to parse requirement: values[0][{key}]: Invalid value: \
                         \"{value}\": {}",
                        problems.join("; ")
                    )));
                }
            }
        }
        if problems.is_empty() {
            Ok(LabelTerm {
                key: key.to_owned(),
                op,
            })
        } else {
            Err(ApiError::bad_request(format!(
                "unable to parse requirement: key: Invalid value: \"{key}\": {}",
                problems.join("; ")
            )))
        }
    };
    if let Some((head, list)) = text.split_once('(') {
        let list = list.strip_suffix(')').ok_or_else(|| bad_label(text))?;
        let values = list.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, op) = head
            .trim()
            .rsplit_once(' ')
            .ok_or_else(|| bad_label(text))?;
        return match op {
            "in" => term(key, Op::In(values)),
            "notin" => term(key, Op::NotIn(values)),
            other => Err(bad_label(other)),
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return term(key, Op::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return term(key, Op::In(vec![value.trim().to_owned()]));
    }
    for (sign, make) in [('>', Op::Greater as fn(i64) -> Op), ('<', Op::Less)] {
        if let Some((key, value)) = text.split_once(sign) {
            let n = value.trim().parse().map_err(|_| bad_label(value.trim()))?;
            return term(key, make(n));
        }
    }
    match text.strip_prefix('!') {
        Some(key) => term(key, Op::Absent),
        None => term(text, Op::Exists),
    }
}

fn parse_fields(text: &str, resource: &Resource) -> Result<Vec<FieldTerm>> {
    let mut out = Vec::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (key, equal, value) = if let Some((k, v)) = part.split_once("!=") {
            (k, false, v)
        } else if let Some((k, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (k, true, v)
        } else {
            return Err(ApiError::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{part}'"
            )));
        };
        let field = field(key.trim(), resource).ok_or_else(|| {
            ApiError::bad_request(format!("field label not supported: {}", key.trim()))
        })?;
        out.push(FieldTerm {
            field,
            equal,
            value: value.replace("\\,", ","),
        });
    }
    Ok(out)
}

fn field(key: &str, resource: &Resource) -> Option<Field> {
    match key {
        "metadata.name" => return Some(Field::Name),
        "metadata.namespace" => return Some(Field::Namespace),
        _ => {}
    }
    // Both faces of an event are stored, and thus indexed, as the core one.
    let key = match resource.builtin {
        Some(Builtin::Event) => key
            .replace("regarding.", "involvedObject.")
            .replace("Controller", "Component"),
        _ => key.to_owned(),
    };
    resource
        .indexed
        .iter()
        .position(|path| path[1..] == *key)
        .map(Field::Selectable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::registry::Registry;

    fn meta(labels: &[(&str, &str)]) -> Meta {
        Meta {
            version: 1,
            namespace: "ns".into(),
            name: "n".into(),
            uid: "u".into(),
            labels: labels
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            owners: Box::default(),
            terminating: false,
            fields: Box::new(["Opaque".into()]),
        }
    }

    #[test]
    fn selectors_match_as_on_a_real_server() {
        let registry = Registry::builtin();
        let secrets = registry.get("", "secrets").unwrap();
        let object = meta(&[("app", "a"), ("n", "5"), ("x.io/k", "")]);
        let check = |labels: &str, fields: &str, expected: bool| {
            let selector = Selector::parse(labels, fields, secrets).unwrap();
            assert_eq!(selector.matches(&object), expected, "{labels} {fields}");
        };
        check("", "", true);
        check("app=a", "", true);
        check("app==a,n!=6", "", true);
        check("app in (b, a), !zzz", "", true);
        check("app notin (a)", "", false);
        check("zzz notin (a)", "", true);
        check("x.io/k", "", true);
        check("x.io/k=", "", true);
        check("n>4,n<6", "", true);
        check("", "metadata.name=n,metadata.namespace!=other", true);
        check("", "type=Opaque", true);
        check("", "type!=Opaque", false);
        assert!(Selector::parse("", "data=1", secrets).is_err());
        assert!(Selector::parse("a in b", "", secrets).is_err());
        assert!(Selector::parse("a in (b", "", secrets).is_err());
    }
}
