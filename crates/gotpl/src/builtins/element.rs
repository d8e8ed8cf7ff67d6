//! Pure. `index`, `slice` and `len`.
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::ty::{Ty, UintKind};
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) fn index(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (item, indexes) = args.split_first().ok_or("index of untyped nil")?;
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".into());
    }
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::Nil => return Err("index of nil pointer".into()),
            Value::Str(s) => {
                let at = position(index, s.len(), "string")?;
                Value::Uint(u64::from(s.as_bytes()[at]), UintKind::Uint8)
            }
            Value::List(list) => {
                let at = position(index, list.len(), "slice")?;
                list.get(at).unwrap_or_default()
            }
            Value::Map(map) => match index {
                Value::Str(key) => map
                    .get(key.as_bytes())
                    .unwrap_or_else(|| Value::zero(*map.elem())),
                Value::Nil => return Err("value is nil; should be of type string".into()),
                other => {
                    let text = format!("value has type {}; should be string", other.type_name());
                    return Err(text.into());
                }
            },
            other => {
                return Err(format!("can't index item of type {}", other.type_name()).into());
            }
        };
    }
    Ok(item)
}

/// The index of an element. Go finds an index right at the end only when it looks there.
fn position(index: &Value, len: usize, kind: &str) -> Result<usize, FuncError> {
    match bound(index, len)? {
        at if at < len => Ok(at),
        _ => Err(format!("reflect: {kind} index out of range").into()),
    }
}

/// An index of an element, or of the end.
fn bound(index: &Value, len: usize) -> Result<usize, FuncError> {
    let n = match index {
        Value::Int(n, _) => *n,
        Value::Uint(n, _) => i64::try_from(*n).unwrap_or(-1),
        Value::Nil => return Err("cannot index slice/array with nil".into()),
        other => {
            let text = format!("cannot index slice/array with type {}", other.type_name());
            return Err(text.into());
        }
    };
    match usize::try_from(n) {
        Ok(at) if at <= len => Ok(at),
        _ => Err(format!("index out of range: {n}").into()),
    }
}

pub(super) fn slice(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (item, indexes) = args.split_first().ok_or("slice of untyped nil")?;
    if matches!(item, Value::Nil) {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let len = match item {
        Value::Str(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Str(s) => s.len(),
        Value::List(list) => list.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name()).into()),
    };
    let mut bounds = [0, len, len];
    for (slot, index) in bounds.iter_mut().zip(indexes) {
        *slot = bound(index, len)?;
    }
    let [from, to, cap] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    if to > cap {
        return Err(format!("invalid slice index: {to} > {cap}").into());
    }
    match item {
        Value::List(list) => {
            let items = list.items()[from..to].to_vec();
            ctx.list_of(list.elem(), items)
        }
        other => ctx.str(&other.bytes()[from..to]),
    }
}

pub(super) fn len(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let len = match &args[0] {
        Value::Str(s) => s.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil if args.get(1).is_some_and(Value::truth) => {
            return Err("len of nil pointer".into());
        }
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        other => {
            let name = other.ty().map_or_else(String::new, Ty::name);
            // Go looks behind a pointer first.
            let name = name.strip_prefix('*').unwrap_or(&name);
            return Err(format!("len of type {name}").into());
        }
    };
    Ok(Value::int(len as i64))
}
