//! Pure. Deep equality as Go's `reflect.DeepEqual` has it.
use super::Value;
use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;

/// Whether both have the same type and the same content.
///
/// Fails when a limit of the execution is reached, as with maps that hold themselves.
pub(crate) fn deep_equal(ctx: &mut Ctx<'_>, a: &Value, b: &Value) -> Result<bool, FuncError> {
    let depth = ctx.deeper()?;
    let equal = compare(ctx, a, b);
    ctx.leave(depth);
    equal
}

/// Many bytes are compared at once, so each costs less than other work on it.
fn same_text(ctx: &mut Ctx<'_>, a: &Str, b: &Str) -> Result<bool, FuncError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    ctx.work(a.len() / 8)?;
    Ok(a == b)
}

fn compare(ctx: &mut Ctx<'_>, a: &Value, b: &Value) -> Result<bool, FuncError> {
    ctx.step(1)?;
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Int(x, k), Value::Int(y, l)) => x == y && k == l,
        (Value::Uint(x, k), Value::Uint(y, l)) => x == y && k == l,
        (Value::Float(x), Value::Float(y)) => x == y,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::Str(x), Value::Str(y)) => same_text(ctx, x, y)?,
        (Value::List(x), Value::List(y)) => {
            if x.elem() != y.elem() || x.is_nil() != y.is_nil() || x.len() != y.len() {
                return Ok(false);
            }
            if !x.same(y) {
                for (a, b) in x.items().iter().zip(y.items().iter()) {
                    if !deep_equal(ctx, a, b)? {
                        return Ok(false);
                    }
                }
            }
            true
        }
        (Value::Map(x), Value::Map(y)) => {
            if x.elem() != y.elem() || x.is_nil() != y.is_nil() || x.len() != y.len() {
                return Ok(false);
            }
            if !x.same(y) {
                let (x, y) = (x.entries(), y.entries());
                for ((k, a), (l, b)) in x.iter().zip(y.iter()) {
                    if !same_text(ctx, k, l)? || !deep_equal(ctx, a, b)? {
                        return Ok(false);
                    }
                }
            }
            true
        }
        (Value::Object(x), Value::Object(y)) => x.equals(y.as_ref()),
        _ => false,
    })
}
