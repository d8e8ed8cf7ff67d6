//! Pure. A structural schema: what a resource's fields are, parsed once from OpenAPI v3.

mod decode;
mod defaults;
mod formats;
mod prune;
mod times;
mod validate;

pub(crate) use decode::{canonical_times, mismatch};
pub(crate) use defaults::apply_defaults;
pub(crate) use prune::{drop_empty, prune};
pub(crate) use validate::validate;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// Deepest schema or value that is followed; the real server stops far above what CRDs need.
pub(crate) const MAX_DEPTH: usize = 128;

/// A JSON type, as schemas name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// What a map's undeclared keys may hold.
#[derive(Clone, Debug, Default)]
pub(crate) enum Additional {
    /// Undeclared keys are pruned.
    #[default]
    None,
    /// Any value.
    Any,
    /// Values of this schema.
    Schema(Box<Schema>),
}

/// Who owns what in a list (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ListType {
    #[default]
    Atomic,
    Set,
    /// Keyed by these fields.
    Map(Vec<String>),
}

/// Bounds of a value; absent means unbounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) unique_items: bool,
}

/// One node of a structural schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// `None` means any type.
    pub(crate) kind: Option<Type>,
    pub(crate) int_or_string: bool,
    pub(crate) nullable: bool,
    pub(crate) properties: BTreeMap<String, Schema>,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) required: Vec<String>,
    pub(crate) allowed: Option<Vec<Value>>,
    pub(crate) pattern: Option<(String, Option<Regex>)>,
    pub(crate) format: String,
    pub(crate) limits: Limits,
    pub(crate) default: Option<Value>,
    pub(crate) preserve: bool,
    pub(crate) embedded: bool,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Box<Schema>>,
    pub(crate) list: ListType,
    pub(crate) atomic: bool,
    /// Key by which a strategic merge patch finds an item.
    pub(crate) merge_key: Option<String>,
    /// `patchStrategy: merge` of a list of scalars.
    pub(crate) merge_list: bool,
    /// Stands for a Go pointer: an empty value is not the same as none.
    pub(crate) pointer: bool,
    /// Stands for a Go number that is left out when it is zero.
    pub(crate) omit_zero: bool,
    /// Stands for a Go struct held by value: its own presence is nobody's.
    pub(crate) inline: bool,
}

impl Schema {
    /// Parses an `openAPIV3Schema`; unknown keywords are ignored.
    pub(crate) fn parse(raw: &Value) -> Self {
        parse_at(raw, 0)
    }

    /// The schema of a map's or struct's field.
    pub(crate) fn field(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(match &self.additional {
            Additional::Schema(schema) => Some(schema),
            _ => None,
        })
    }
}

fn parse_at(raw: &Value, depth: usize) -> Schema {
    let flag = |key: &str| raw.get(key).and_then(Value::as_bool).unwrap_or(false);
    let text = |key: &str| raw.get(key).and_then(Value::as_str);
    let mut schema = Schema {
        preserve: flag("x-kubernetes-preserve-unknown-fields") || depth > MAX_DEPTH,
        ..Schema::default()
    };
    if depth > MAX_DEPTH {
        return schema;
    }
    schema.kind = text("type").and_then(parse_type);
    schema.int_or_string = flag("x-kubernetes-int-or-string");
    schema.nullable = flag("nullable");
    schema.embedded = flag("x-kubernetes-embedded-resource");
    schema.inline = flag("x-kubebox-inline");
    schema.pointer = flag("x-kubebox-pointer");
    schema.omit_zero = flag("x-kubebox-omit-zero");
    schema.default = raw.get("default").cloned();
    schema.format = text("format").unwrap_or_default().to_owned();
    schema.pattern = text("pattern").map(|p| (p.to_owned(), Regex::new(p).ok()));
    schema.allowed = raw.get("enum").and_then(Value::as_array).cloned();
    schema.required = strings(raw.get("required"));
    schema.limits = parse_limits(raw);
    parse_children(raw, depth, &mut schema);
    schema.list = match text("x-kubernetes-list-type") {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(strings(raw.get("x-kubernetes-list-map-keys"))),
        _ => ListType::Atomic,
    };
    schema.atomic = text("x-kubernetes-map-type") == Some("atomic");
    schema.merge_key = text("x-kubernetes-patch-merge-key").map(str::to_owned);
    schema.merge_list = text("x-kubernetes-patch-strategy") == Some("merge");
    schema
}

fn parse_children(raw: &Value, depth: usize, schema: &mut Schema) {
    let many = |key: &str| -> Vec<Schema> {
        let list = raw.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|s| parse_at(s, depth + 1))
            .collect()
    };
    if let Some(map) = raw.get("properties").and_then(Value::as_object) {
        schema.properties = map
            .iter()
            .map(|(k, v)| (k.clone(), parse_at(v, depth + 1)))
            .collect();
    }
    schema.additional = match raw.get("additionalProperties") {
        Some(Value::Bool(true)) => Additional::Any,
        Some(inner @ Value::Object(_)) => Additional::Schema(Box::new(parse_at(inner, depth + 1))),
        _ => Additional::None,
    };
    schema.items = raw
        .get("items")
        .filter(|v| v.is_object())
        .map(|v| Box::new(parse_at(v, depth + 1)));
    schema.all_of = many("allOf");
    schema.any_of = many("anyOf");
    schema.one_of = many("oneOf");
    schema.not = raw.get("not").map(|v| Box::new(parse_at(v, depth + 1)));
}

fn parse_type(name: &str) -> Option<Type> {
    Some(match name {
        "object" => Type::Object,
        "array" => Type::Array,
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        _ => return None,
    })
}

fn parse_limits(raw: &Value) -> Limits {
    let float = |key: &str| raw.get(key).and_then(Value::as_f64);
    let whole = |key: &str| raw.get(key).and_then(Value::as_u64);
    let flag = |key: &str| raw.get(key).and_then(Value::as_bool).unwrap_or(false);
    Limits {
        minimum: float("minimum"),
        maximum: float("maximum"),
        exclusive_minimum: flag("exclusiveMinimum"),
        exclusive_maximum: flag("exclusiveMaximum"),
        multiple_of: float("multipleOf"),
        min_length: whole("minLength"),
        max_length: whole("maxLength"),
        min_items: whole("minItems"),
        max_items: whole("maxItems"),
        min_properties: whole("minProperties"),
        max_properties: whole("maxProperties"),
        unique_items: flag("uniqueItems"),
    }
}

fn strings(raw: Option<&Value>) -> Vec<String> {
    let list = raw.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

/// The JSON type's name of a value, as validation messages print it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
