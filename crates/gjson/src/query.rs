//! Pure. Queries on the elements of an array: `#(path op value)`.

use std::borrow::Cow;

use crate::{
    budget::{Budget, LimitError},
    glob, number,
    scan::trim,
    string,
    value::{Kind, Value},
};

/// The inside of `#(…)` or `#(…)#`.
pub(crate) struct Query<'p> {
    /// The path from an element to the value that is compared; empty means the element.
    pub(crate) path: &'p [u8],
    /// Whether every match counts, or the first only.
    pub(crate) all: bool,
    op: Op,
    operand: Operand<'p>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    /// No comparison: the value must exist.
    Exists,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
    /// A lone `!`, which nothing satisfies.
    Never,
}

enum Operand<'p> {
    /// Text, and what it is as a number.
    Text(Cow<'p, [u8]>, f64),
    /// `~true`, `~false`, `~null`, `~*`: the value is made a boolean first.
    Tilde(Tilde),
    /// A tilde before anything else, which nothing satisfies.
    Unsatisfiable,
}

#[derive(Clone, Copy)]
enum Tilde {
    True,
    False,
    Null,
    Any,
}

impl<'p> Query<'p> {
    /// Reads the query a path begins with and returns where the path goes on. One that is
    /// never closed matches every scalar, and is the end of the path.
    pub(crate) fn read(path: &'p [u8]) -> (Self, usize) {
        let Some(bounds) = Bounds::of(path) else {
            let operand = Operand::Text(Cow::Borrowed(b""), 0.0);
            return (
                Self {
                    path: b"",
                    all: false,
                    op: Op::Exists,
                    operand,
                },
                path.len(),
            );
        };
        let part = |from: usize, to: usize| trim(path.get(from..to).unwrap_or_default());
        let after = bounds.close + 1;
        let all = path.get(after) == Some(&b'#');
        let (left, op, operand) = match bounds.op {
            Some(at) => {
                let (op, value) = operator(part(at, bounds.close));
                (part(2, at), op, operand(trim(value), bounds.escaped))
            }
            None => (part(2, bounds.close), Op::Exists, operand(b"", false)),
        };
        (
            Self {
                path: left,
                all,
                op,
                operand,
            },
            after,
        )
    }

    /// Says whether `value`, found by the query's path, satisfies the query.
    pub(crate) fn matches(
        &self,
        value: &Value<'_>,
        budget: &mut Budget,
    ) -> Result<bool, LimitError> {
        let (text, number) = match &self.operand {
            Operand::Text(text, number) => (text, *number),
            Operand::Tilde(tilde) => {
                return Ok(self.op == Op::Exists || bool_matches(self.op, tilde.of(value), true));
            }
            Operand::Unsatisfiable => return Ok(false),
        };
        if !value.exists() {
            return Ok(false);
        }
        if self.op == Op::Exists {
            return Ok(true);
        }
        match value.kind() {
            Kind::Null | Kind::Json => Ok(false),
            Kind::False => Ok(text_bool(text).map_or(
                matches!(self.op, Op::LessOrEqual | Op::NotEqual),
                |operand| bool_matches(self.op, false, operand),
            )),
            Kind::True => Ok(text_bool(text).map_or(
                matches!(self.op, Op::GreaterOrEqual | Op::NotEqual),
                |operand| bool_matches(self.op, true, operand),
            )),
            Kind::Number => Ok(number_matches(self.op, value.number(), number)),
            Kind::String => {
                let value = value.text();
                budget.scan(value.len())?;
                string_matches(self.op, &value, text, budget)
            }
        }
    }
}

/// Where the parts of a query are.
struct Bounds {
    op: Option<usize>,
    close: usize,
    /// Whether a backslash stands inside quotes.
    escaped: bool,
}

impl Bounds {
    fn of(path: &[u8]) -> Option<Self> {
        let mut depth = 1_usize;
        let mut op = None;
        let mut escaped = false;
        let mut at = 2;
        while let Some(&byte) = path.get(at) {
            match byte {
                b'!' | b'=' | b'<' | b'>' | b'%' if depth == 1 && op.is_none() => op = Some(at),
                b'\\' => at += 1,
                b'[' | b'(' => depth += 1,
                b']' | b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(Self {
                            op,
                            close: at,
                            escaped,
                        });
                    }
                }
                b'"' => {
                    at += 1;
                    while let Some(&byte) = path.get(at).filter(|b| **b != b'"') {
                        escaped |= byte == b'\\';
                        at += if byte == b'\\' { 2 } else { 1 };
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }
}

/// Splits the operator off what follows the path.
fn operator(text: &[u8]) -> (Op, &[u8]) {
    match text {
        [b'!'] => (Op::Never, b""),
        [b'!', b'=', rest @ ..] => (Op::NotEqual, rest),
        [b'!', b'%', rest @ ..] => (Op::NotLike, rest),
        [b'!', ..] => (Op::Exists, text),
        [b'<', b'=', rest @ ..] => (Op::LessOrEqual, rest),
        [b'>', b'=', rest @ ..] => (Op::GreaterOrEqual, rest),
        [b'=', b'=', rest @ ..] | [b'=', rest @ ..] => (Op::Equal, rest),
        [b'<', rest @ ..] => (Op::Less, rest),
        [b'>', rest @ ..] => (Op::Greater, rest),
        [b'%', rest @ ..] => (Op::Like, rest),
        _ => (Op::Exists, text),
    }
}

fn operand(text: &[u8], escaped: bool) -> Operand<'_> {
    let text = match text {
        [b'"', inner @ .., b'"'] if escaped => Cow::Owned(string::unescaped(inner).to_vec()),
        [b'"', inner @ .., b'"'] => Cow::Borrowed(inner),
        _ => Cow::Borrowed(text),
    };
    match text.as_ref() {
        [b'~', b't', b'r', b'u', b'e'] => Operand::Tilde(Tilde::True),
        [b'~', b'f', b'a', b'l', b's', b'e'] => Operand::Tilde(Tilde::False),
        [b'~', b'n', b'u', b'l', b'l'] => Operand::Tilde(Tilde::Null),
        [b'~', b'*'] => Operand::Tilde(Tilde::Any),
        [b'~', ..] => Operand::Unsatisfiable,
        _ => {
            let number = number::parse(&text);
            Operand::Text(text, number)
        }
    }
}

impl Tilde {
    /// Makes `value` a boolean.
    fn of(self, value: &Value<'_>) -> bool {
        let as_bool = || match value.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            Kind::Number => Some(value.number() != 0.0),
            Kind::String => string_bool(&value.text()),
            Kind::Null | Kind::Json => None,
        };
        match self {
            Self::True => as_bool() == Some(true),
            Self::False => value.kind() == Kind::Null || as_bool() == Some(false),
            Self::Null => value.kind() == Kind::Null,
            Self::Any => value.exists(),
        }
    }
}

/// Reads a string as a boolean, as Go's `strconv.ParseBool` does, in any case.
pub(crate) fn string_bool(text: &[u8]) -> Option<bool> {
    let any = |names: [&[u8]; 3]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    if any([b"1", b"t", b"true"]) {
        return Some(true);
    }
    any([b"0", b"f", b"false"]).then_some(false)
}

/// Only these two spellings compare with a boolean.
fn text_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// Compares as Go does: `false` comes before `true`, and `<` never holds for `true`.
fn bool_matches(op: Op, value: bool, operand: bool) -> bool {
    match op {
        Op::Equal => value == operand,
        Op::NotEqual => value != operand,
        Op::Less => !value && operand,
        Op::LessOrEqual => !value,
        Op::Greater => value && !operand,
        Op::GreaterOrEqual => value,
        Op::Exists | Op::Like | Op::NotLike | Op::Never => false,
    }
}

fn number_matches(op: Op, value: f64, operand: f64) -> bool {
    match op {
        Op::Equal => value == operand,
        Op::NotEqual => value != operand,
        Op::Less => value < operand,
        Op::LessOrEqual => value <= operand,
        Op::Greater => value > operand,
        Op::GreaterOrEqual => value >= operand,
        Op::Exists | Op::Like | Op::NotLike | Op::Never => false,
    }
}

fn string_matches(
    op: Op,
    value: &[u8],
    operand: &[u8],
    budget: &mut Budget,
) -> Result<bool, LimitError> {
    Ok(match op {
        Op::Equal => value == operand,
        Op::NotEqual => value != operand,
        Op::Less => value < operand,
        Op::LessOrEqual => value <= operand,
        Op::Greater => value > operand,
        Op::GreaterOrEqual => value >= operand,
        Op::Like => glob::matches(value, operand, budget)?,
        Op::NotLike => !glob::matches(value, operand, budget)?,
        Op::Exists | Op::Never => false,
    })
}
