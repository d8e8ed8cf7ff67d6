//! Pure. The parsed form of a template; text nodes are ranges of one shared source.
mod display;

use std::ops::Range;

pub(crate) use display::Located;

use crate::bytes::Str;
use crate::registry::Function;

/// A sequence of nodes.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub nodes: Vec<Node>,
}

#[derive(Debug)]
pub(crate) enum Node {
    /// Bytes of the source.
    Text(Range<usize>),
    Action(Pipe),
    If(Branch),
    Range(Branch),
    With(Branch),
    Template(Invocation),
    Break(usize),
    Continue(usize),
}

/// `if`, `range` or `with`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub pos: usize,
    pub pipe: Pipe,
    pub then: Block,
    pub otherwise: Option<Block>,
}

/// `{{template "name" pipe}}`
#[derive(Debug)]
pub(crate) struct Invocation {
    pub pos: usize,
    pub name: Str,
    pub pipe: Option<Pipe>,
}

/// A pipeline, with the variables it sets.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub pos: usize,
    pub assign: bool,
    pub decl: Vec<Box<str>>,
    pub commands: Vec<Command>,
}

/// A function or operand with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub pos: usize,
    pub args: Vec<Arg>,
}

/// An operand and where it stands.
#[derive(Debug)]
pub(crate) struct Arg {
    pub pos: usize,
    pub kind: ArgKind,
}

#[derive(Debug)]
pub(crate) enum ArgKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Number),
    /// Where the quoted text stands in the source, and what it means.
    Str(Range<usize>, Str),
    Field(Vec<Box<str>>),
    Variable(Vec<Box<str>>),
    Identifier(Function),
    Pipe(Pipe),
    /// An operand followed by fields.
    Chain(Box<Arg>, Vec<Box<str>>),
}

/// A numeric constant: every kind of number that it can be.
#[derive(Debug, Default, Clone)]
pub(crate) struct Number {
    pub text: Box<str>,
    pub int: Option<i64>,
    pub uint: Option<u64>,
    pub float: Option<f64>,
    pub complex: Option<(f64, f64)>,
}
