//! Pure. Calls of functions and methods.
use super::operand::Operand;
use super::{Done, Exec};
use crate::ast::{Arg, Located};
use crate::error::{ExecErrorKind, FuncError};
use crate::registry::{Function, Logic};
use crate::ty::Ty;
use crate::value::Value;

impl<'t> Exec<'t, '_, '_> {
    /// Calls a function. `args` starts with the function itself, unless it is empty.
    pub(super) fn call(
        &mut self,
        dot: &Operand,
        function: &Function,
        node: &'t dyn Located,
        args: &'t [Arg],
        receiver: Option<&Value>,
        last: Option<Operand>,
    ) -> Done<Operand> {
        let args = args.get(1..).unwrap_or_default();
        // The receiver of a method is the first parameter, but nothing a template wrote.
        let own = usize::from(receiver.is_some());
        let given = args.len() + usize::from(last.is_some());
        let fixed = function.fixed() - own;
        let name = function.name;
        if given < fixed || (given > fixed && !function.variadic) {
            let message = if function.variadic {
                let written = args.len();
                format!("wrong number of args for {name}: want at least {fixed} got {written}")
            } else {
                format!("wrong number of args for {name}: want {fixed} got {given}")
            };
            return Err(self.fail(ExecErrorKind::Arguments(name.into()), &message));
        }
        if let Some(logic @ (Logic::And | Logic::Or)) = function.logic {
            return self.short_circuit(dot, logic, args, last);
        }
        let base = self.args.len();
        self.args.extend(receiver.cloned());
        let mut boxed = false;
        for arg in args {
            let ty = function.param(self.args.len() - base);
            let operand = self.arg(dot, ty, arg)?;
            boxed = operand.boxed;
            self.args.push(operand.value);
        }
        if let Some(last) = last {
            let ty = function.param(self.args.len() - base);
            let last = self.validate(last, ty)?;
            self.args.push(last.value);
        }
        match function.logic {
            Some(Logic::Len) => self.args.push(Value::Bool(boxed)),
            Some(Logic::Call) => {
                let written = match args.first() {
                    Some(arg) => self.shown(arg),
                    None => self.args.get(base).map_or_else(String::new, shown_value),
                };
                self.args.insert(base, Value::str(written));
            }
            _ => {}
        }
        self.step()?;
        let ran = self.run(function, base);
        self.args.truncate(base);
        ran.map(Operand::plain).map_err(|err| {
            self.at = node;
            let kind = match err.limit() {
                Some(limit) => ExecErrorKind::Limit(limit),
                None => ExecErrorKind::Function(name.into()),
            };
            let mut message = format!("error calling {name}: ").into_bytes();
            message.extend_from_slice(err.full().as_bytes());
            self.fail_bytes(kind, &message)
        })
    }

    /// Runs a function on the arguments from `base` on.
    fn run(&mut self, function: &Function, base: usize) -> Result<Value, FuncError> {
        let args = &self.args[base..];
        let texts = args.iter().map(|arg| match arg {
            Value::Str(text) => text.len() as u64,
            _ => 0,
        });
        // Every function may look at each byte of its arguments; what does more charges more.
        self.ctx.step(texts.sum::<u64>() / 512)?;
        (function.run)(self.ctx, args)
    }

    /// `and` and `or`: the first argument that decides, or the last one.
    fn short_circuit(
        &mut self,
        dot: &Operand,
        logic: Logic,
        args: &'t [Arg],
        last: Option<Operand>,
    ) -> Done<Operand> {
        let mut value = Operand::invalid();
        for arg in args {
            value = self.arg(dot, Ty::Value, arg)?;
            if value.value.truth() == (logic == Logic::Or) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}

/// A value as Go's `reflect.Value.String` shows it.
fn shown_value(value: &Value) -> String {
    match value {
        Value::Str(s) => s.to_text().to_string(),
        Value::Nil => "<invalid Value>".into(),
        other => format!("<{} Value>", other.type_name()),
    }
}
