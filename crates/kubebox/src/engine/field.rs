//! Pure. One invalid field, in the words of the real server's `field.Error`.

use std::fmt;

use serde_json::{Value, json};

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Problem {
    Required,
    Invalid(Value),
    /// As `Invalid`, but the type is what does not fit.
    TypeInvalid(Value),
    NotSupported(Value),
    Duplicate(Value),
    Forbidden,
    TooLong,
    TooMany(usize),
}

/// One field error: where, what, and the detail that explains it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) problem: Problem,
    pub(crate) detail: String,
}

impl FieldError {
    fn new(field: impl Into<String>, problem: Problem, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem,
            detail: detail.into(),
        }
    }

    pub(crate) fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, Problem::Required, detail)
    }

    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(field, Problem::Invalid(value.into()), detail)
    }

    pub(crate) fn type_invalid(
        field: impl Into<String>,
        value: Value,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(field, Problem::TypeInvalid(value), detail)
    }

    pub(crate) fn not_supported<'a>(
        field: impl Into<String>,
        value: Value,
        supported: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let list: Vec<String> = supported.into_iter().map(quote).collect();
        let detail = if list.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", list.join(", "))
        };
        Self::new(field, Problem::NotSupported(value), detail)
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: Value) -> Self {
        Self::new(field, Problem::Duplicate(value), "")
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, Problem::Forbidden, detail)
    }

    pub(crate) fn too_long(field: impl Into<String>, max: u64) -> Self {
        let unit = if max == 1 { "byte" } else { "bytes" };
        Self::new(
            field,
            Problem::TooLong,
            format!("may not be more than {max} {unit}"),
        )
    }

    pub(crate) fn too_many(field: impl Into<String>, actual: usize, max: u64) -> Self {
        let unit = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {unit}");
        Self::new(field, Problem::TooMany(actual), detail)
    }

    /// The text without the field's name.
    pub(crate) fn body(&self) -> String {
        let mut text = match &self.problem {
            Problem::Required => "Required value".to_owned(),
            Problem::Forbidden => "Forbidden".to_owned(),
            Problem::TooLong => "Too long".to_owned(),
            Problem::Invalid(v) | Problem::TypeInvalid(v) => {
                format!("Invalid value: {}", printed(v))
            }
            Problem::NotSupported(v) => format!("Unsupported value: {}", printed(v)),
            Problem::Duplicate(v) => format!("Duplicate value: {}", printed(v)),
            Problem::TooMany(n) => format!("Too many: {n}"),
        };
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    fn reason(&self) -> &'static str {
        match self.problem {
            Problem::Required => "FieldValueRequired",
            Problem::Invalid(_) => "FieldValueInvalid",
            Problem::TypeInvalid(_) => "FieldValueTypeInvalid",
            Problem::NotSupported(_) => "FieldValueNotSupported",
            Problem::Duplicate(_) => "FieldValueDuplicate",
            Problem::Forbidden => "FieldValueForbidden",
            Problem::TooLong => "FieldValueTooLong",
            Problem::TooMany(_) => "FieldValueTooMany",
        }
    }

    /// The entry of `details.causes`.
    pub(crate) fn cause(&self) -> Value {
        json!({ "reason": self.reason(), "message": self.body(), "field": self.field })
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::String(s) => quote(s),
        Value::Array(items) if !items.is_empty() && items.iter().all(is_owner) => {
            let items: Vec<String> = items.iter().map(owner).collect();
            format!("[{}]", items.join(","))
        }
        value if is_owner(value) => owner(value),
        other => other.to_string(),
    }
}

/// The fields of an owner reference, in the order of the real server's struct.
const OWNER: [&str; 6] = [
    "apiVersion",
    "kind",
    "name",
    "uid",
    "controller",
    "blockOwnerDeletion",
];

fn is_owner(value: &Value) -> bool {
    value.as_object().is_some_and(|map| {
        map.contains_key("uid") && map.keys().all(|key| OWNER.contains(&key.as_str()))
    })
}

fn owner(value: &Value) -> String {
    let fields = OWNER.iter().enumerate().filter_map(|(at, key)| {
        // The first four are printed even when they are empty.
        let shown = value.get(*key).cloned();
        let shown = shown.or_else(|| (at < 4).then(|| "".into()))?;
        Some(format!("\"{key}\":{shown}"))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Quotes a string as Go's `%q` does for printable text.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `parent.child`, or `child` at the root.
pub(crate) fn child(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

/// `parent[key]`.
pub(crate) fn index(parent: &str, key: impl fmt::Display) -> String {
    format!("{parent}[{key}]")
}
