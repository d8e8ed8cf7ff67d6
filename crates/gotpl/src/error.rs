//! Pure. Errors with two faces: one without any byte of a value, and Go's full text.
use std::borrow::Cow;
use std::fmt;

use crate::bytes::Str;
use crate::limits::Limit;

/// Why a function failed.
#[derive(Clone, Debug)]
pub struct FuncError {
    limit: Option<Limit>,
    text: Str,
}

impl FuncError {
    /// An error with Go's text, which may quote values.
    pub fn new(text: impl Into<Str>) -> Self {
        Self {
            limit: None,
            text: text.into(),
        }
    }

    /// The bound that was reached, if that is why.
    pub fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Go's text, which may quote values.
    pub fn full(&self) -> &Str {
        &self.text
    }
}

impl From<Limit> for FuncError {
    fn from(limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            text: limit.to_string().into(),
        }
    }
}

impl From<&str> for FuncError {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for FuncError {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// What kind of mistake stopped an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecErrorKind {
    /// A field or key that the data has not.
    MissingKey(String),
    /// A function or method that failed.
    Function(String),
    /// Wrong number or type of arguments of a function or method.
    Arguments(String),
    /// A template that is not defined.
    MissingTemplate,
    /// A value that cannot be used where it stands.
    Value,
    /// A bound that was reached.
    Limit(Limit),
}

/// A template that does not parse.
#[derive(Clone)]
pub struct ParseError {
    pub(crate) template: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) limit: Option<Limit>,
    pub(crate) function: Option<String>,
    pub(crate) message: String,
}

/// What Go's messages begin with, without what they quote. Only these reach the public face, so
/// that nothing of a source can.
const MISTAKES: &[&str] = &[
    "unexpected {{end}}",
    "unexpected {{else}}",
    "expected end; found {{else}}",
    "unexpected EOF",
    "unclosed action",
    "unclosed comment",
    "comment ends before closing delimiter",
    "unclosed left paren",
    "unexpected right paren",
    "unterminated quoted string",
    "unterminated raw quoted string",
    "unterminated character constant",
    "undefined variable",
    "missing value",
    "empty command",
    "non executable command in pipeline",
    "too many declarations",
    "range can only initialize variables",
    "unexpected . after term",
    "{{break}} outside {{range}}",
    "{{continue}} outside {{range}}",
    "template: multiple definition of template",
    "bad number syntax",
    "illegal number syntax",
    "malformed character constant",
    "unrecognized character in action",
    "bad character",
    "invalid syntax",
    "unexpected",
];

impl ParseError {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 0; Go's own text has none for parse errors.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The bound that was reached, if that is why.
    pub fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// The name of a function that there is none of, if that is why.
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// Template, line, column, and what is wrong, with the name of a function that is not
    /// defined: no literal of the source, which may be a secret.
    pub fn public(&self) -> String {
        match &self.function {
            Some(name) => self.placed(&format!("function {name:?} is not defined")),
            None => self.public_without_names(),
        }
    }

    /// As [`ParseError::public`] without any word of the source, for sources that are secret
    /// themselves.
    pub fn public_without_names(&self) -> String {
        if let Some(limit) = self.limit {
            return self.placed(&limit.to_string());
        }
        if self.function.is_some() {
            return self.placed("a function is not defined");
        }
        let mistake = MISTAKES
            .iter()
            .find(|known| self.message.starts_with(**known));
        match mistake {
            Some(mistake) => self.placed(&format!("does not parse: {mistake}")),
            None => self.placed("does not parse"),
        }
    }

    fn placed(&self, why: &str) -> String {
        let Self {
            template,
            line,
            column,
            ..
        } = self;
        format!("template {template}: line {line}, column {column}: {why}")
    }

    /// Go's text.
    pub fn full(&self) -> String {
        format!(
            "template: {}:{}: {}",
            self.template, self.line, self.message
        )
    }
}

/// A template that failed while it ran.
#[derive(Clone)]
pub struct ExecError {
    pub(crate) template: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) kind: ExecErrorKind,
    pub(crate) full: Str,
}

impl ExecError {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 0 as Go counts.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What kind of mistake it was.
    pub fn kind(&self) -> &ExecErrorKind {
        &self.kind
    }

    /// Template, line, column and function or key: no byte of a value or of a literal.
    pub fn public(&self) -> String {
        let why: Cow<'_, str> = match &self.kind {
            ExecErrorKind::MissingKey(key) => format!("no entry for key {key:?}").into(),
            ExecErrorKind::Function(name) => format!("function {name} failed").into(),
            ExecErrorKind::Arguments(name) => format!("wrong arguments for {name}").into(),
            ExecErrorKind::MissingTemplate => "template is not defined".into(),
            ExecErrorKind::Value => "value of a wrong type".into(),
            ExecErrorKind::Limit(limit) => limit.to_string().into(),
        };
        format!(
            "template {}: line {}, column {}: {why}",
            self.template, self.line, self.column
        )
    }

    /// Go's text, which may quote values: for offline use.
    pub fn full(&self) -> &Str {
        &self.full
    }
}

macro_rules! public_face {
    ($($error:ty),*) => {$(
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.public())
            }
        }
        impl fmt::Debug for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.public())
            }
        }
        impl std::error::Error for $error {}
    )*};
}
public_face!(ParseError, ExecError);
