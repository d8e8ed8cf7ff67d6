//! Pure. Nodes as Go prints them in error texts.
use std::fmt::{Display, Formatter, Result};

use super::{Arg, ArgKind, Block, Branch, Command, Invocation, Node, Pipe};
use crate::fmt::quote::quote_text;

/// A node that errors can point at.
pub(crate) trait Located {
    /// Offset in the source.
    fn pos(&self) -> usize;
    /// The node as text; `source` is what text nodes refer to.
    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result;
}

impl dyn Located + '_ {
    /// The node as text.
    pub(crate) fn text(&self, source: &[u8]) -> String {
        Shown { node: self, source }.to_string()
    }
}

struct Shown<'a> {
    node: &'a dyn Located,
    source: &'a [u8],
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.node.write(self.source, f)
    }
}

fn quoted(source: &[u8], f: &mut Formatter<'_>) -> Result {
    f.write_str(&quote_text(source))
}

impl Located for Pipe {
    fn pos(&self) -> usize {
        self.pos
    }

    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result {
        if !self.decl.is_empty() {
            write!(
                f,
                "{} {} ",
                self.decl.join(", "),
                if self.assign { "=" } else { ":=" }
            )?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            command.write(source, f)?;
        }
        Ok(())
    }
}

impl Located for Command {
    fn pos(&self) -> usize {
        self.pos
    }

    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            if matches!(arg.kind, ArgKind::Pipe(_)) {
                f.write_str("(")?;
                arg.write(source, f)?;
                f.write_str(")")?;
            } else {
                arg.write(source, f)?;
            }
        }
        Ok(())
    }
}

impl Located for Arg {
    fn pos(&self) -> usize {
        self.pos
    }

    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result {
        match &self.kind {
            ArgKind::Bool(b) => write!(f, "{b}"),
            ArgKind::Dot => f.write_str("."),
            ArgKind::Nil => f.write_str("nil"),
            ArgKind::Number(number) => f.write_str(&number.text),
            ArgKind::Str(text, _) => f.write_str(&String::from_utf8_lossy(&source[text.clone()])),
            ArgKind::Field(path) => fields(path, f),
            ArgKind::Variable(path) => f.write_str(&path.join(".")),
            ArgKind::Identifier(function) => f.write_str(function.name),
            ArgKind::Pipe(pipe) => pipe.write(source, f),
            ArgKind::Chain(arg, path) => {
                if matches!(arg.kind, ArgKind::Pipe(_)) {
                    f.write_str("(")?;
                    arg.write(source, f)?;
                    f.write_str(")")?;
                } else {
                    arg.write(source, f)?;
                }
                fields(path, f)
            }
        }
    }
}

fn fields(path: &[Box<str>], f: &mut Formatter<'_>) -> Result {
    path.iter().try_for_each(|name| write!(f, ".{name}"))
}

impl Located for Node {
    fn pos(&self) -> usize {
        match self {
            Self::Text(range) => range.start,
            Self::Action(pipe) => pipe.pos,
            Self::If(branch) | Self::Range(branch) | Self::With(branch) => branch.pos,
            Self::Template(invocation) => invocation.pos,
            Self::Break(pos) | Self::Continue(pos) => *pos,
        }
    }

    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(range) => quoted(&source[range.clone()], f),
            Self::Action(pipe) => {
                f.write_str("{{")?;
                pipe.write(source, f)?;
                f.write_str("}}")
            }
            Self::If(branch) => branch.write_as("if", source, f),
            Self::Range(branch) => branch.write_as("range", source, f),
            Self::With(branch) => branch.write_as("with", source, f),
            Self::Template(invocation) => invocation.write(source, f),
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

impl Invocation {
    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result {
        f.write_str("{{template ")?;
        quoted(self.name.as_bytes(), f)?;
        if let Some(pipe) = &self.pipe {
            f.write_str(" ")?;
            pipe.write(source, f)?;
        }
        f.write_str("}}")
    }
}

impl Branch {
    fn write_as(&self, name: &str, source: &[u8], f: &mut Formatter<'_>) -> Result {
        write!(f, "{{{{{name} ")?;
        self.pipe.write(source, f)?;
        f.write_str("}}")?;
        self.then.write(source, f)?;
        if let Some(block) = &self.otherwise {
            f.write_str("{{else}}")?;
            block.write(source, f)?;
        }
        f.write_str("{{end}}")
    }
}

impl Block {
    fn write(&self, source: &[u8], f: &mut Formatter<'_>) -> Result {
        self.nodes.iter().try_for_each(|node| node.write(source, f))
    }
}
