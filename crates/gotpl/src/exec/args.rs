//! Pure. Arguments of functions: their values, and whether they fit the parameters.
use super::operand::Operand;
use super::{Done, Exec};
use crate::ast::{Arg, ArgKind};
use crate::ty::Ty;
use crate::value::Value;

impl<'t> Exec<'t, '_, '_> {
    /// The value of an argument for a parameter of a type.
    pub(super) fn arg(&mut self, dot: &Operand, ty: Ty, arg: &'t Arg) -> Done<Operand> {
        self.at = arg;
        if let Some(value) = self.computed(dot, arg)? {
            return self.validate(value, ty);
        }
        match (&arg.kind, ty) {
            (ArgKind::Nil, ty) if ty.can_be_nil() => Ok(Operand::plain(Value::zero(ty))),
            (ArgKind::Nil, ty) => {
                Err(self.value_error(&format!("cannot assign nil to {}", ty.name())))
            }
            _ => self.literal(arg, ty),
        }
    }

    /// The value of an argument whatever its type.
    pub(super) fn arg_untyped(&mut self, dot: &Operand, arg: &'t Arg) -> Done<Operand> {
        self.at = arg;
        match self.computed(dot, arg)? {
            Some(value) => Ok(value),
            None => self.literal(arg, Ty::Any),
        }
    }

    /// The value of an argument that is no literal.
    fn computed(&mut self, dot: &Operand, arg: &'t Arg) -> Done<Option<Operand>> {
        Ok(Some(match &arg.kind {
            ArgKind::Dot => dot.clone(),
            ArgKind::Field(path) => {
                let only = std::slice::from_ref(arg);
                self.field_chain(dot, dot, arg, path, only, None)?
            }
            ArgKind::Variable(path) => self.variable(dot, arg, path, &[], None)?,
            ArgKind::Pipe(pipe) => self.pipeline(dot, pipe)?,
            ArgKind::Identifier(function) => {
                self.nested(|exec| exec.call(dot, function, arg, &[], None, None))?
            }
            ArgKind::Chain(inner, path) => self.chain(dot, arg, inner, path, &[], None)?,
            ArgKind::Bool(_) | ArgKind::Nil | ArgKind::Number(_) | ArgKind::Str(..) => {
                return Ok(None);
            }
        }))
    }

    fn literal(&mut self, arg: &'t Arg, ty: Ty) -> Done<Operand> {
        let value = match (ty, &arg.kind) {
            (Ty::Any | Ty::Value | Ty::Bool, ArgKind::Bool(b)) => Some(Value::Bool(*b)),
            (Ty::Any | Ty::Value | Ty::Str, ArgKind::Str(_, s)) => Some(Value::Str(s.clone())),
            (Ty::Any | Ty::Value, ArgKind::Number(number)) => Some(self.constant(number)?),
            (Ty::Int(kind), ArgKind::Number(n)) => n.int.map(|n| Value::Int(n, kind)),
            (Ty::Uint(kind), ArgKind::Number(n)) => n.uint.map(|n| Value::Uint(n, kind)),
            (Ty::Float, ArgKind::Number(n)) => n.float.map(Value::Float),
            _ => None,
        };
        if let Some(value) = value {
            return Ok(Operand::plain(value));
        }
        let shown = self.shown(arg);
        let expected = match ty {
            Ty::Bool => "bool",
            Ty::Str => "string",
            Ty::Int(_) => "integer",
            Ty::Uint(_) => "unsigned integer",
            Ty::Float => "float",
            Ty::Complex => "complex",
            _ => {
                let name = ty.name();
                let message = format!("can't handle {shown} for arg of type {name}");
                return Err(self.value_error(&message));
            }
        };
        Err(self.value_error(&format!("expected {expected}; found {shown}")))
    }

    /// The value if it fits a parameter of the type.
    pub(super) fn validate(&mut self, value: Operand, ty: Ty) -> Done<Operand> {
        if !value.is_valid() {
            if ty.can_be_nil() {
                return Ok(Operand::plain(Value::zero(ty)));
            }
            let message = format!("invalid value; expected {}", ty.name());
            return Err(self.value_error(&message));
        }
        if matches!(ty, Ty::Value | Ty::Any) || value.value.ty() == Some(ty) {
            return Ok(value);
        }
        // A boxed value that does not fit is named by what is in the box.
        let got = match &value.value {
            Value::Nil => value.type_name(),
            inside => inside.type_name(),
        };
        let message = format!("wrong type for value; expected {}; got {got}", ty.name());
        Err(self.value_error(&message))
    }
}
