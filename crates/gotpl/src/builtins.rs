//! Pure. The functions that Go's text/template has by itself.
mod compare;
mod element;
mod escape;

use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::fmt;
use crate::registry::{Function, Logic};
use crate::ty::Ty;
use crate::value::Value;

/// Go's predefined functions.
pub(crate) const TABLE: &[Function] = &[
    Function::variadic("and", &[Ty::Value, Ty::Value], last).logic(Logic::And),
    Function::variadic("or", &[Ty::Value, Ty::Value], last).logic(Logic::Or),
    Function::variadic("call", &[Ty::Value, Ty::Value], call).logic(Logic::Call),
    Function::new("not", &[Ty::Value], |_, args| {
        Ok(Value::Bool(!args[0].truth()))
    }),
    Function::variadic("eq", &[Ty::Value, Ty::Value], compare::eq),
    Function::new("ne", &[Ty::Value, Ty::Value], compare::ne),
    Function::new("lt", &[Ty::Value, Ty::Value], compare::lt),
    Function::new("le", &[Ty::Value, Ty::Value], compare::le),
    Function::new("gt", &[Ty::Value, Ty::Value], compare::gt),
    Function::new("ge", &[Ty::Value, Ty::Value], compare::ge),
    Function::variadic("index", &[Ty::Value, Ty::Value], element::index),
    Function::variadic("slice", &[Ty::Value, Ty::Value], element::slice),
    Function::new("len", &[Ty::Value], element::len).logic(Logic::Len),
    Function::variadic("print", &[Ty::Any], fmt::sprint),
    Function::variadic("println", &[Ty::Any], fmt::sprintln),
    Function::variadic("printf", &[Ty::Str, Ty::Any], |ctx, args| {
        fmt::sprintf(ctx, args[0].bytes(), &args[1..])
    }),
    Function::variadic("html", &[Ty::Any], escape::html),
    Function::variadic("js", &[Ty::Any], escape::js),
    Function::variadic("urlquery", &[Ty::Any], escape::urlquery),
];

/// The evaluator decides `and` and `or` itself, argument by argument.
fn last(_: &mut Ctx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    Ok(args.last().cloned().unwrap_or_default())
}

/// No value of a template is a function, so there is nothing to call.
fn call(_: &mut Ctx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let written = args[0].bytes();
    match args.get(1) {
        None | Some(Value::Nil) => Err(FuncError::new("call of nil")),
        Some(value) => {
            let mut text = b"non-function ".to_vec();
            text.extend_from_slice(written);
            text.extend_from_slice(format!(" of type {}", value.type_name()).as_bytes());
            Err(FuncError::new(text))
        }
    }
}
