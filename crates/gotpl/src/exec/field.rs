//! Pure. Fields, keys and methods.
use super::operand::Operand;
use super::{Done, Exec, MissingKey};
use crate::ast::{Arg, Located};
use crate::error::ExecErrorKind;
use crate::fmt::quote::quote_text;
use crate::value::Value;

impl<'t> Exec<'t, '_, '_> {
    /// `.a.b.c`: arguments are for the last one alone, which may be a method.
    pub(super) fn field_chain(
        &mut self,
        dot: &Operand,
        receiver: &Operand,
        node: &'t Arg,
        path: &'t [Box<str>],
        args: &'t [Arg],
        last: Option<Operand>,
    ) -> Done<Operand> {
        let Some((end, through)) = path.split_last() else {
            return Ok(receiver.clone());
        };
        let mut reached = None;
        for name in through {
            let from = reached.as_ref().unwrap_or(receiver);
            reached = Some(self.field(dot, name, node, &[], None, from)?);
        }
        let from = reached.as_ref().unwrap_or(receiver);
        self.field(dot, end, node, args, last, from)
    }

    fn field(
        &mut self,
        dot: &Operand,
        name: &'t str,
        node: &'t dyn Located,
        args: &'t [Arg],
        last: Option<Operand>,
        receiver: &Operand,
    ) -> Done<Operand> {
        if !receiver.is_valid() {
            if self.program.missing == MissingKey::Error {
                let message = format!("nil data; no entry for key {}", quote_text(name.as_bytes()));
                return Err(self.fail(ExecErrorKind::MissingKey(name.into()), &message));
            }
            return Ok(Operand::invalid());
        }
        if matches!(receiver.value, Value::Nil) {
            let message = format!("nil pointer evaluating {}.{name}", receiver.type_name());
            return Err(self.value_error(&message));
        }
        let type_name = || receiver.type_name();
        if let Some(method) = receiver.value.methods().iter().find(|m| m.name == name) {
            return self.call(dot, method, node, args, Some(&receiver.value), last);
        }
        let has_args = args.len() > 1 || last.is_some();
        match &receiver.value {
            Value::Object(object) => {
                if let Some(value) = object.field(name) {
                    if has_args {
                        let message =
                            format!("{name} has arguments but cannot be invoked as function");
                        return Err(self.value_error(&message));
                    }
                    return Ok(Operand::plain(value));
                }
            }
            Value::Map(map) => {
                if has_args {
                    let message = format!("{name} is not a method but has arguments");
                    return Err(self.value_error(&message));
                }
                if let Some(value) = map.get(name.as_bytes()) {
                    return Ok(Operand::slot(value, *map.elem()));
                }
                return match self.program.missing {
                    MissingKey::Invalid => Ok(Operand::invalid()),
                    MissingKey::Zero => Ok(Operand::slot(Value::zero(*map.elem()), *map.elem())),
                    MissingKey::Error => {
                        let quoted = quote_text(name.as_bytes());
                        let message = format!("map has no entry for key {quoted}");
                        Err(self.fail(ExecErrorKind::MissingKey(name.into()), &message))
                    }
                };
            }
            _ => {}
        }
        let message = format!("can't evaluate field {name} in type {}", type_name());
        Err(self.fail(ExecErrorKind::MissingKey(name.into()), &message))
    }
}
