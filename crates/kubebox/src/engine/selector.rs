//! Pure. Label and field selectors: parsing, and matching without decoding the object.

use super::error::{ApiError, Result};
use super::request::Query;
use super::resource::{Builtin, Resource};
use super::store::Meta;

mod parse;

use parse::parse;

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
    pub(crate) fn parse(query: &Query, resource: &Resource) -> Result<Self> {
        let labels = parse_labels(query)?;
        let terms = split_fields(query.get("fieldSelector"))?;
        Ok(Self {
            labels,
            fields: name_fields(terms, resource)?,
        })
    }

    /// The part of parsing that comes before all other checks of the parameters.
    pub(crate) fn check_syntax(query: &Query) -> Result<()> {
        parse_labels(query)?;
        split_fields(query.get("fieldSelector")).map(drop)
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

fn parse_labels(query: &Query) -> Result<Vec<LabelTerm>> {
    parse(query.get("labelSelector")).map_err(ApiError::bad_request)
}

/// Key, whether it must be equal, value.
type Split = (String, bool, String);

fn split_fields(text: &str) -> Result<Vec<Split>> {
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
        if key.trim().is_empty() && value.is_empty() {
            continue;
        }
        out.push((key.trim().to_owned(), equal, value.replace("\\,", ",")));
    }
    Ok(out)
}

fn name_fields(terms: Vec<Split>, resource: &Resource) -> Result<Vec<FieldTerm>> {
    let named = |(key, equal, value): Split| {
        let field = field(&key, resource);
        let field = field.ok_or_else(|| {
            ApiError::bad_request(if resource.typed() && resource.indexed.is_empty() {
                format!(
                    "\"{key}\" is not a known field selector: only \"metadata.name\", \
                     \"metadata.namespace\""
                )
            } else {
                format!("field label not supported: {key}")
            })
        })?;
        Ok(FieldTerm {
            field,
            equal,
            value,
        })
    };
    terms.into_iter().map(named).collect()
}

fn field(key: &str, resource: &Resource) -> Option<Field> {
    match key {
        "metadata.name" => return Some(Field::Name),
        "metadata.namespace" => {
            let has = resource.namespaced || resource.builtin == Some(Builtin::Crd);
            return has.then_some(Field::Namespace);
        }
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

    fn query(labels: &str, fields: &str) -> Query {
        let escape = |text: &str| text.replace('=', "%3D");
        let (labels, fields) = (escape(labels), escape(fields));
        Query::parse(&format!("labelSelector={labels}&fieldSelector={fields}"))
    }

    #[test]
    fn selectors_match_as_on_a_real_server() {
        let registry = Registry::builtin();
        let secrets = registry.get("", "secrets").unwrap();
        let object = meta(&[("app", "a"), ("n", "5"), ("x.io/k", "")]);
        let check = |labels: &str, fields: &str, expected: bool| {
            let selector = Selector::parse(&query(labels, fields), secrets).unwrap();
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
        let refused = |labels: &str, fields: &str| {
            assert!(Selector::parse(&query(labels, fields), secrets).is_err());
        };
        refused("", "data=1");
        refused("a in b", "");
        refused("a in (b", "");
    }
}
