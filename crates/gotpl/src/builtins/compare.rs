//! Pure. Comparison with Go's typing: a string is never equal to a number, it is an error.
use std::cmp::Ordering;
use std::rc::Rc;

use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::fmt;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) fn eq(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (first, rest) = args
        .split_first()
        .ok_or("missing argument for comparison")?;
    if rest.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in rest {
        if equal(ctx, first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::Bool(!equal(ctx, &args[0], &args[1])?))
}

pub(super) fn lt(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::Bool(order(ctx, args)? == Some(Ordering::Less)))
}

pub(super) fn le(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::Bool(matches!(
        order(ctx, args)?,
        Some(Ordering::Less | Ordering::Equal)
    )))
}

/// `gt` is "not `le`", so it holds for NaN, as in Go.
pub(super) fn gt(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::Bool(!matches!(
        order(ctx, args)?,
        Some(Ordering::Less | Ordering::Equal)
    )))
}

pub(super) fn ge(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::Bool(order(ctx, args)? != Some(Ordering::Less)))
}

/// Takes the work of comparing two texts from the budget.
fn compared(ctx: &mut Ctx<'_>, a: &Value, b: &Value) -> Result<(), FuncError> {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => ctx.work(a.len().min(b.len())),
        _ => Ok(()),
    }
}

fn equal(ctx: &mut Ctx<'_>, a: &Value, b: &Value) -> Result<bool, FuncError> {
    use Value::{Bool, Complex, Float, Int, List, Map, Nil, Object, Str, Uint};
    compared(ctx, a, b)?;
    Ok(match (a, b) {
        (Bool(x), Bool(y)) => x == y,
        (Int(x, _), Int(y, _)) => x == y,
        (Uint(x, _), Uint(y, _)) => x == y,
        (Int(x, _), Uint(y, _)) | (Uint(y, _), Int(x, _)) => u64::try_from(*x) == Ok(*y),
        (Float(x), Float(y)) => x == y,
        (Complex(a, b), Complex(c, d)) => a == c && b == d,
        (Str(x), Str(y)) => x == y,
        (Nil, Nil) => true,
        (Nil, List(list)) | (List(list), Nil) => list.is_nil(),
        (Nil, Map(map)) | (Map(map), Nil) => map.is_nil(),
        (Nil, _) | (_, Nil) => false,
        // Pointers are equal where they point to the same.
        (Object(x), Object(y)) if x.ty() == y.ty() && a.type_name().starts_with('*') => {
            Rc::ptr_eq(x, y)
        }
        (Object(x), Object(y)) if x.ty() == y.ty() => x.equals(y.as_ref()),
        (List(x), List(y)) if x.is_nil() || y.is_nil() => x.is_nil() == y.is_nil(),
        (Map(x), Map(y)) if x.is_nil() || y.is_nil() => x.is_nil() == y.is_nil(),
        (List(_) | Map(_) | Object(_), List(_) | Map(_) | Object(_)) => {
            return Err(not_comparable(ctx, a, b)?);
        }
        _ => return Err(incompatible(a, b)),
    })
}

fn not_comparable(ctx: &mut Ctx<'_>, a: &Value, b: &Value) -> Result<FuncError, FuncError> {
    let shown_as = |ctx: &mut Ctx<'_>, format: &[u8], value: &Value| {
        fmt::sprintf(ctx, format, std::slice::from_ref(value))
    };
    let (first, first_type) = (shown_as(ctx, b"%s", a)?, a.type_name());
    let text = if a.kind() == b.kind() {
        let (second, second_type) = (shown_as(ctx, b"%s", b)?, b.type_name());
        [
            b"non-comparable type ",
            second.bytes(),
            b": ",
            second_type.as_bytes(),
        ]
        .concat()
    } else {
        let (second, second_type) = (shown_as(ctx, b"%v", b)?, b.type_name());
        let types = [
            b": ",
            first_type.as_bytes(),
            b", ",
            second_type.as_bytes(),
            b": ",
        ]
        .concat();
        [
            b"non-comparable types ",
            first.bytes(),
            &types,
            second.bytes(),
        ]
        .concat()
    };
    Ok(FuncError::new(text))
}

fn incompatible(a: &Value, b: &Value) -> FuncError {
    let (a, b) = (a.type_name(), b.type_name());
    FuncError::new(format!("incompatible types for comparison: {a} and {b}"))
}

/// The order of two basic values; none if one is not a number.
fn order(ctx: &mut Ctx<'_>, args: &[Value]) -> Result<Option<Ordering>, FuncError> {
    let (a, b) = (&args[0], &args[1]);
    compared(ctx, a, b)?;
    let basic = |v: &Value| {
        !matches!(
            v,
            Value::Nil | Value::List(_) | Value::Map(_) | Value::Object(_)
        )
    };
    if !basic(a) || !basic(b) {
        return Err("invalid type for comparison".into());
    }
    Ok(match (a, b) {
        (Value::Int(x, _), Value::Int(y, _)) => Some(x.cmp(y)),
        (Value::Uint(x, _), Value::Uint(y, _)) => Some(x.cmp(y)),
        (Value::Int(x, _), Value::Uint(y, _)) => Some(i128::from(*x).cmp(&i128::from(*y))),
        (Value::Uint(x, _), Value::Int(y, _)) => Some(i128::from(*x).cmp(&i128::from(*y))),
        (Value::Float(x), Value::Float(y)) => x.partial_cmp(y),
        (Value::Str(x), Value::Str(y)) => Some(x.cmp(y)),
        (Value::Bool(_), Value::Bool(_)) | (Value::Complex(..), Value::Complex(..)) => {
            return Err("invalid type for comparison".into());
        }
        _ => return Err(incompatible(a, b)),
    })
}
