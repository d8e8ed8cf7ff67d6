//! Pure. The parser's pipelines, commands and operands.
use super::number::number;
use super::token::{Kind, Token};
use super::unquote::unquote;
use super::{Parsed, Parser};
use crate::ast::{Arg, ArgKind, Command, Pipe};
use crate::bytes::Str;
use crate::fmt::quote::quote_text;

impl Parser<'_> {
    /// A pipeline up to the token that ends it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let mut pipe = Pipe {
            pos: self.peek_non_space().start,
            ..Pipe::default()
        };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    pipe.commands.push(self.command()?);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
    }

    /// A variable that the pipeline sets; true if a second one of a `range` is to follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        // What follows decides whether the variable is set or used, so both the space
        // and the token after it must be put back in the second case.
        let after = self.peek();
        let next = self.peek_non_space();
        match next.kind {
            Kind::Assign | Kind::Declare => {
                pipe.assign = next.kind == Kind::Assign;
                self.next_non_space();
                self.declare(pipe, &variable);
                Ok(false)
            }
            Kind::Char if next.val(self.source) == b"," => {
                self.next_non_space();
                self.declare(pipe, &variable);
                if context != "range" || pipe.decl.len() >= 2 {
                    return Err(self.error(&format!("too many declarations in {context}")));
                }
                match self.peek_non_space().kind {
                    Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                    _ => Err(self.error("range can only initialize variables")),
                }
            }
            _ => {
                if after.kind == Kind::Space {
                    self.backup3(variable, after);
                } else {
                    self.backup2(variable);
                }
                Ok(false)
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: &Token) {
        let name: Box<str> = self.text(variable).into();
        pipe.decl.push(name.clone());
        self.tree.vars.push(name);
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.commands.is_empty() {
            return Err(self.error(&format!("missing value for {context}")));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            if let Some(
                ArgKind::Bool(_)
                | ArgKind::Dot
                | ArgKind::Nil
                | ArgKind::Number(_)
                | ArgKind::Str(..),
            ) = command.args.first().map(|arg| &arg.kind)
            {
                let stage = i + 1;
                let message = format!("non executable command in pipeline stage {stage}");
                return Err(self.error(&message));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut command = Command {
            pos: self.peek_non_space().start,
            args: Vec::new(),
        };
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if command.args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(command)
    }

    /// A term with the fields that follow it.
    fn operand(&mut self) -> Parsed<Option<Arg>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            names.push(Box::from(&self.text(&token)[1..]));
        }
        let kind = match term.kind {
            ArgKind::Field(mut path) => {
                path.append(&mut names);
                ArgKind::Field(path)
            }
            ArgKind::Variable(mut path) => {
                path.append(&mut names);
                ArgKind::Variable(path)
            }
            ArgKind::Bool(_)
            | ArgKind::Str(..)
            | ArgKind::Number(_)
            | ArgKind::Nil
            | ArgKind::Dot => {
                let shown = (&term as &dyn crate::ast::Located).text(self.source);
                let shown = quote_text(shown.as_bytes());
                return Err(self.error(&format!("unexpected . after term {shown}")));
            }
            _ => ArgKind::Chain(Box::new(term), names),
        };
        Ok(Some(Arg {
            pos: first.start,
            kind,
        }))
    }

    /// A simple operand or a pipeline in parentheses; none if something else is next.
    fn term(&mut self) -> Parsed<Option<Arg>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            Kind::Identifier => self.function(&token)?,
            Kind::Dot => ArgKind::Dot,
            Kind::Nil => ArgKind::Nil,
            Kind::Variable => self.variable(&token)?,
            Kind::Field => ArgKind::Field(vec![self.text(&token)[1..].into()]),
            Kind::Bool => ArgKind::Bool(token.val(self.source) == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let parsed = number(token.val(self.source), token.kind);
                ArgKind::Number(parsed.map_err(|message| self.error(&message))?)
            }
            Kind::LeftParen => ArgKind::Pipe(
                self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?,
            ),
            Kind::Str | Kind::RawString => {
                let raw = token.val(self.source);
                let meant = unquote(raw).ok_or_else(|| self.error("invalid syntax"))?;
                ArgKind::Str(token.start..token.end, Str::from(meant))
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        let pos = match &kind {
            ArgKind::Pipe(pipe) => pipe.pos,
            _ => token.start,
        };
        Ok(Some(Arg { pos, kind }))
    }

    fn function(&self, token: &Token) -> Parsed<ArgKind> {
        let name = self.text(token);
        match self.syntax.registry.get(name) {
            Some(function) => Ok(ArgKind::Identifier(*function)),
            None => {
                let quoted = quote_text(name.as_bytes());
                let mut error = self.error_at(token, &format!("function {quoted} not defined"));
                error.function = Some(name.to_owned());
                Err(error)
            }
        }
    }

    fn variable(&self, token: &Token) -> Parsed<ArgKind> {
        let name = self.text(token);
        if !self.tree.vars.iter().any(|var| **var == *name) {
            let name = quote_text(name.as_bytes());
            return Err(self.error_at(token, &format!("undefined variable {name}")));
        }
        Ok(ArgKind::Variable(vec![name.into()]))
    }
}
