//! Pure. Lists. They are never changed in place: every function answers a new one.
use super::cast::{is_empty, list, to_i64};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::{Function, Run};
use crate::ty::Ty;
use crate::value::{List, Value, deep_equal};

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::variadic("list", &[Ty::Any], |ctx, args| ctx.list(args.to_vec())),
    Function::variadic("tuple", &[Ty::Any], |ctx, args| ctx.list(args.to_vec())),
    both("append", PUSH, push),
    both("mustAppend", PUSH, push),
    both("push", PUSH, push),
    both("mustPush", PUSH, push),
    both("prepend", PUSH, prepend),
    both("mustPrepend", PUSH, prepend),
    both("first", ONE, first),
    both("mustFirst", ONE, first),
    both("rest", ONE, rest),
    both("mustRest", ONE, rest),
    both("last", ONE, last),
    both("mustLast", ONE, last),
    both("initial", ONE, initial),
    both("mustInitial", ONE, initial),
    both("reverse", ONE, reverse),
    both("mustReverse", ONE, reverse),
    both("compact", ONE, compact),
    both("mustCompact", ONE, compact),
    both("uniq", ONE, uniq),
    both("mustUniq", ONE, uniq),
    Function::variadic("without", PUSH, without),
    Function::variadic("mustWithout", PUSH, without),
    both("has", PUSH, has),
    both("mustHas", PUSH, has),
    Function::variadic("slice", PUSH, slice),
    Function::variadic("mustSlice", PUSH, slice),
    Function::variadic("concat", ONE, concat),
    both("chunk", &[Ty::INT, Ty::Any], chunk),
    both("mustChunk", &[Ty::INT, Ty::Any], chunk),
];

const ONE: &[Ty] = &[Ty::Any];
const PUSH: &[Ty] = &[Ty::Any, Ty::Any];

/// A function with a form that panics and a form that fails, which is the same here.
const fn both(name: &'static str, params: &'static [Ty], run: Run) -> Function {
    Function::new(name, params, run)
}

fn new(ctx: &mut Ctx<'_>, len: usize, items: impl Iterator<Item = Value>) -> Answer {
    ctx.step(len as u64 / 4)?;
    ctx.alloc(len * size_of::<Value>())?;
    ctx.list(items.collect())
}

fn push(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot push on type")?.items();
    new(
        ctx,
        items.len() + 1,
        items.iter().chain(&args[1..2]).cloned(),
    )
}

fn prepend(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot prepend on type")?.items();
    new(
        ctx,
        items.len() + 1,
        args[1..2].iter().chain(items.iter()).cloned(),
    )
}

fn first(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(list(&args[0], "Cannot find first on type")?
        .get(0)
        .unwrap_or_default())
}

fn last(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(list(&args[0], "Cannot find last on type")?
        .items()
        .last()
        .cloned()
        .unwrap_or_default())
}

fn rest(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot find rest on type")?.items();
    if items.is_empty() {
        return Ok(Value::List(List::nil(&Ty::Any)));
    }
    new(ctx, items.len(), items.iter().skip(1).cloned())
}

fn initial(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot find initial on type")?.items();
    if items.is_empty() {
        return Ok(Value::List(List::nil(&Ty::Any)));
    }
    new(ctx, items.len(), items[..items.len() - 1].iter().cloned())
}

fn reverse(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot find reverse on type")?.items();
    new(ctx, items.len(), items.iter().rev().cloned())
}

fn compact(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot compact on type")?.items();
    new(
        ctx,
        items.len(),
        items.iter().filter(|item| !is_empty(item)).cloned(),
    )
}

fn contains(ctx: &mut Ctx<'_>, items: &[Value], wanted: &Value) -> Result<bool, FuncError> {
    for item in items {
        if deep_equal(ctx, item, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot find uniq on type")?.items();
    let mut kept: Vec<Value> = Vec::new();
    for item in items.iter() {
        if !contains(ctx, &kept, item)? {
            kept.push(item.clone());
        }
    }
    ctx.list(kept)
}

fn without(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[0], "Cannot find without on type")?.items();
    let mut kept = Vec::new();
    for item in items.iter() {
        if !contains(ctx, &args[1..], item)? {
            kept.push(item.clone());
        }
    }
    ctx.list(kept)
}

fn has(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if matches!(args[1], Value::Nil) {
        return Ok(Value::Bool(false));
    }
    let items = list(&args[1], "Cannot find has on type")?.items();
    contains(ctx, &items, &args[0]).map(Value::Bool)
}

fn slice(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let list = list(&args[0], "list should be type of slice or array but")?;
    if list.is_empty() {
        return Ok(Value::Nil);
    }
    let len = list.len() as i64;
    let from = args.get(1).map_or(0, to_i64);
    let to = args.get(2).map_or(len, to_i64);
    if from < 0 || from > to || to > len {
        return Err("reflect.Value.Slice: slice index out of bounds".into());
    }
    let items = list.items()[from as usize..to as usize].to_vec();
    ctx.list_of(list.elem(), items)
}

fn concat(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut all = Vec::new();
    for arg in args {
        let items = list_to_concat(arg)?.items();
        ctx.alloc(items.len() * size_of::<Value>())?;
        all.extend(items.iter().cloned());
    }
    if all.is_empty() {
        return Ok(Value::List(List::nil(&Ty::Any)));
    }
    ctx.list(all)
}

fn list_to_concat(value: &Value) -> Result<&List, FuncError> {
    value
        .as_list()
        .ok_or_else(|| FuncError::new(format!("Cannot concat type {} as list", value.kind())))
}

fn chunk(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = list(&args[1], "Cannot chunk type")?.items();
    let size = usize::try_from(args[0].as_int()).unwrap_or(0);
    if size == 0 {
        // Go makes room for as many chunks as the sizes say before it looks at the sign.
        let count = ((items.len() as f64 - 1.0) / args[0].as_int() as f64).floor() + 1.0;
        if count == 0.0 {
            return ctx.list_of(&Ty::ANYS, Vec::new());
        }
        if items.len() == 1 && args[0].as_int() < -1 {
            let only = ctx.list(items.to_vec())?;
            return ctx.list_of(&Ty::ANYS, vec![only]);
        }
        return Err("runtime error: makeslice: len out of range".into());
    }
    let mut chunks = Vec::new();
    for chunk in items.chunks(size) {
        chunks.push(ctx.list(chunk.to_vec())?);
    }
    ctx.list_of(&Ty::ANYS, chunks)
}
