//! Pure. Pipelines, commands and variables.
use super::operand::Operand;
use super::{Done, Exec};
use crate::ast::{Arg, ArgKind, Command, Located, Number, Pipe};
use crate::error::ExecErrorKind;
use crate::fmt::quote::quote_text;
use crate::value::Value;

impl<'t> Exec<'t, '_, '_> {
    /// The value of a pipeline, which is also what its variables are set to.
    pub(super) fn pipeline(&mut self, dot: &Operand, pipe: &'t Pipe) -> Done<Operand> {
        self.at = pipe;
        self.nested(|exec| {
            let mut value = None;
            for command in &pipe.commands {
                value = Some(exec.command(dot, command, value)?.unboxed());
            }
            let value = value.unwrap_or_else(Operand::invalid);
            for name in &pipe.decl {
                if pipe.assign {
                    exec.set_var(name, value.clone())?;
                } else {
                    exec.vars.push((name, value.clone()));
                }
            }
            Ok(value)
        })
    }

    fn command(
        &mut self,
        dot: &Operand,
        command: &'t Command,
        last: Option<Operand>,
    ) -> Done<Operand> {
        let Some(first) = command.args.first() else {
            return Ok(Operand::invalid());
        };
        match &first.kind {
            ArgKind::Field(path) => {
                self.at = first;
                return self.field_chain(dot, dot, first, path, &command.args, last);
            }
            ArgKind::Chain(inner, path) => {
                return self.chain(dot, first, inner, path, &command.args, last);
            }
            ArgKind::Identifier(function) => {
                self.at = first;
                return self.call(dot, function, command, &command.args, None, last);
            }
            ArgKind::Pipe(pipe) => {
                self.not_a_function(&command.args, last.as_ref())?;
                return self.pipeline(dot, pipe);
            }
            ArgKind::Variable(path) => {
                return self.variable(dot, first, path, &command.args, last);
            }
            _ => {}
        }
        self.at = first;
        self.not_a_function(&command.args, last.as_ref())?;
        match &first.kind {
            ArgKind::Bool(b) => Ok(Operand::plain(Value::Bool(*b))),
            ArgKind::Dot => Ok(dot.clone()),
            ArgKind::Nil => Err(self.value_error("nil is not a command")),
            ArgKind::Number(number) => self.constant(number).map(Operand::plain),
            ArgKind::Str(_, s) => Ok(Operand::plain(Value::Str(s.clone()))),
            _ => {
                let shown = quote_text(self.shown(first).as_bytes());
                Err(self.value_error(&format!("can't evaluate command {shown}")))
            }
        }
    }

    pub(super) fn shown(&self, node: &dyn Located) -> String {
        node.text(self.program.source)
    }

    pub(super) fn not_a_function(&mut self, args: &'t [Arg], last: Option<&Operand>) -> Done<()> {
        match args.first() {
            Some(first) if args.len() > 1 || last.is_some() => {
                let shown = self.shown(first);
                let message = format!("can't give argument to non-function {shown}");
                Err(self.value_error(&message))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn variable(
        &mut self,
        dot: &Operand,
        node: &'t Arg,
        path: &'t [Box<str>],
        args: &'t [Arg],
        last: Option<Operand>,
    ) -> Done<Operand> {
        self.at = node;
        let name = path.first().map_or("", |name| name);
        let found = self.vars.iter().rev().find(|(var, _)| *var == name);
        let Some(value) = found.map(|(_, value)| value.clone()) else {
            return Err(self.value_error(&format!("undefined variable: {name}")));
        };
        if path.len() == 1 {
            self.not_a_function(args, last.as_ref())?;
            return Ok(value);
        }
        self.field_chain(dot, &value, node, &path[1..], args, last)
    }

    pub(super) fn set_var(&mut self, name: &str, value: Operand) -> Done<()> {
        match self.vars.iter_mut().rev().find(|(var, _)| *var == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => Err(self.value_error(&format!("undefined variable: {name}"))),
        }
    }

    pub(super) fn chain(
        &mut self,
        dot: &Operand,
        node: &'t Arg,
        inner: &'t Arg,
        path: &'t [Box<str>],
        args: &'t [Arg],
        last: Option<Operand>,
    ) -> Done<Operand> {
        self.at = node;
        if matches!(inner.kind, ArgKind::Nil) {
            let shown = self.shown(node);
            let message = format!("indirection through explicit nil in {shown}");
            return Err(self.value_error(&message));
        }
        let receiver = self.arg_untyped(dot, inner)?;
        self.field_chain(dot, &receiver, node, path, args, last)
    }

    /// The value of a numeric constant where no type is asked for.
    pub(super) fn constant(&mut self, number: &Number) -> Done<Value> {
        let text = &*number.text;
        let hex =
            text.len() > 2 && text.starts_with('0') && matches!(text.as_bytes()[1], b'x' | b'X');
        let rune = text.starts_with('\'');
        let pointed = if hex {
            text.contains(['p', 'P'])
        } else {
            text.contains(['.', 'e', 'E', 'p', 'P'])
        };
        match number {
            Number {
                complex: Some((re, im)),
                ..
            } => Ok(Value::Complex(*re, *im)),
            Number { float: Some(f), .. } if pointed && !rune => Ok(Value::Float(*f)),
            Number { int: Some(n), .. } => Ok(Value::int(*n)),
            Number { uint: Some(_), .. } => {
                Err(self.fail(ExecErrorKind::Value, &format!("{text} overflows int")))
            }
            _ => Ok(Value::Nil),
        }
    }
}
