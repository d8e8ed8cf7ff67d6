//! Pure. Dictionaries. `set`, `unset` and `merge` change the one they are given.
use std::collections::BTreeMap;

use super::cast::{is_empty, strs, to_str};
use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{List, Map, Value};

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::variadic("dict", &[Ty::Any], dict),
    Function::new("get", &[Ty::MAP, Ty::Str], |_, args| {
        let found = args[0].as_map().and_then(|map| map.get(args[1].bytes()));
        Ok(found.unwrap_or_else(|| "".into()))
    }),
    Function::new("set", &[Ty::MAP, Ty::Str, Ty::Any], set),
    Function::new("unset", &[Ty::MAP, Ty::Str], |_, args| {
        if let Some(map) = args[0].as_map() {
            map.remove(args[1].bytes());
        }
        Ok(args[0].clone())
    }),
    Function::new("hasKey", &[Ty::MAP, Ty::Str], |_, args| {
        Ok(Value::Bool(
            args[0]
                .as_map()
                .is_some_and(|map| map.get(args[1].bytes()).is_some()),
        ))
    }),
    Function::variadic("pluck", &[Ty::Str, Ty::MAP], |ctx, args| {
        let maps = args[1..].iter().filter_map(Value::as_map);
        let found = maps.filter_map(|map| map.get(args[0].bytes())).collect();
        ctx.list(found)
    }),
    Function::variadic("keys", &[Ty::MAP], keys),
    Function::variadic("pick", &[Ty::MAP, Ty::Str], pick),
    Function::variadic("omit", &[Ty::MAP, Ty::Str], omit),
    Function::new("values", &[Ty::MAP], |ctx, args| {
        let values = args[0]
            .as_map()
            .map(|map| map.entries().values().cloned().collect());
        ctx.list(values.unwrap_or_default())
    }),
    Function::variadic("dig", &[Ty::Any], dig),
    Function::variadic("merge", &[Ty::MAP, Ty::MAP], |ctx, args| {
        merge_all(ctx, args, false)
    }),
    Function::variadic("mustMerge", &[Ty::MAP, Ty::MAP], |ctx, args| {
        merge_all(ctx, args, false)
    }),
    Function::variadic("mergeOverwrite", &[Ty::MAP, Ty::MAP], |ctx, args| {
        merge_all(ctx, args, true)
    }),
    Function::variadic("mustMergeOverwrite", &[Ty::MAP, Ty::MAP], |ctx, args| {
        merge_all(ctx, args, true)
    }),
    Function::new("deepCopy", &[Ty::Any], copy),
    Function::new("mustDeepCopy", &[Ty::Any], copy),
];

fn dict(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut entries = BTreeMap::new();
    for pair in args.chunks(2) {
        let key = to_str(ctx, &pair[0])?;
        entries.insert(key, pair.get(1).cloned().unwrap_or_else(|| "".into()));
    }
    ctx.map(entries)
}

fn set(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if let (Some(map), Value::Str(key)) = (args[0].as_map(), &args[1]) {
        ctx.alloc(key.len() + 64)?;
        if !map.set(key.clone(), args[2].clone()) {
            return Err("assignment to entry in nil map".into());
        }
    }
    Ok(args[0].clone())
}

fn keys(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let maps = args.iter().filter_map(Value::as_map);
    let keys: Vec<Str> = maps
        .flat_map(|map| map.entries().keys().cloned().collect::<Vec<_>>())
        .collect();
    if keys.is_empty() {
        return Ok(Value::List(List::nil(&Ty::Str)));
    }
    strs(ctx, keys)
}

fn pick(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut kept = BTreeMap::new();
    for key in &args[1..] {
        let found = args[0].as_map().and_then(|map| map.get(key.bytes()));
        if let (Value::Str(key), Some(value)) = (key, found) {
            kept.insert(key.clone(), value);
        }
    }
    ctx.map(kept)
}

fn omit(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut kept = args[0]
        .as_map()
        .map(|map| map.entries().clone())
        .unwrap_or_default();
    for key in &args[1..] {
        kept.remove(key.bytes());
    }
    ctx.map(kept)
}

/// Keys, a default, and the dictionary to dig in.
fn dig(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let [path @ .., default, dict] = args else {
        return Err("dig needs at least three arguments".into());
    };
    if path.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut value = dict.clone();
    for (i, key) in path.iter().enumerate() {
        let not = |value: &Value, wanted: &str| {
            let got = if matches!(value, Value::Nil) {
                "nil".into()
            } else {
                value.type_name()
            };
            FuncError::new(format!(
                "interface conversion: interface {{}} is {got}, not {wanted}"
            ))
        };
        let found = match &value {
            Value::Map(map) if *map.elem() == Ty::Any => {
                let Value::Str(key) = key else {
                    return Err(not(key, "string"));
                };
                map.get(key.as_bytes())
            }
            other => return Err(not(other, "map[string]interface {}")),
        };
        match found {
            None => return Ok(default.clone()),
            Some(found) if i + 1 == path.len() => return Ok(found),
            Some(found) => value = found,
        }
    }
    Ok(default.clone())
}

fn merge_all(ctx: &mut Ctx<'_>, args: &[Value], overwrite: bool) -> Answer {
    let target = match &args[0] {
        Value::Map(map) if map.is_nil() => {
            let nil = |arg: &Value| arg.as_map().is_none_or(Map::is_nil);
            if args[1..].iter().all(nil) {
                return Ok(args[0].clone());
            }
            ctx.map(BTreeMap::new())?
        }
        target => target.clone(),
    };
    if let Some(target) = target.as_map() {
        for source in args[1..].iter().filter_map(Value::as_map) {
            merge(ctx, target, source, overwrite)?;
        }
    }
    Ok(target)
}

/// Takes what the target has not, or has empty; with `overwrite` what the source has.
/// Dictionaries in both are merged in turn.
fn merge(ctx: &mut Ctx<'_>, target: &Map, source: &Map, overwrite: bool) -> Result<(), FuncError> {
    if target.same(source) {
        return Ok(());
    }
    let depth = ctx.deeper()?;
    let entries: Vec<_> = source
        .entries()
        .iter()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    for (key, theirs) in entries {
        ctx.alloc(key.len() + 64)?;
        let ours = target.get(key.as_bytes());
        match (&ours, &theirs) {
            (Some(Value::Map(ours)), Value::Map(theirs)) if !ours.is_nil() => {
                merge(ctx, ours, theirs, overwrite)?;
            }
            (_, Value::Nil) if !overwrite => {}
            (Some(ours), _) if !overwrite && !is_empty(ours) => {}
            _ if *target.elem() != Ty::Any && target.elem() != source.elem() => {
                let name = match &theirs {
                    Value::List(_) => theirs.type_name(),
                    _ => source.elem().name(),
                };
                let wanted = target.elem().name();
                let text = format!(
                    "reflect.Value.SetMapIndex: value of type {name} is not assignable to type \
                     {wanted}"
                );
                return Err(text.into());
            }
            _ => {
                target.set(key, theirs);
            }
        }
    }
    ctx.leave(depth);
    Ok(())
}

fn copy(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if matches!(args[0], Value::Nil) {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    deep_copy(ctx, &args[0])
}

pub(super) fn deep_copy(ctx: &mut Ctx<'_>, value: &Value) -> Answer {
    ctx.step(1)?;
    match value {
        Value::List(list) if !list.is_nil() => {
            let depth = ctx.deeper()?;
            let mut items = Vec::with_capacity(list.len());
            for item in list.items().iter() {
                items.push(deep_copy(ctx, item)?);
            }
            ctx.leave(depth);
            ctx.list_of(list.elem(), items)
        }
        Value::Map(map) if !map.is_nil() => {
            let depth = ctx.deeper()?;
            let mut entries = BTreeMap::new();
            for (key, value) in map.entries().iter() {
                entries.insert(key.clone(), deep_copy(ctx, value)?);
            }
            ctx.leave(depth);
            ctx.map_of(map.elem(), entries)
        }
        Value::Object(object) => Ok(object.copied().unwrap_or_else(|| value.clone())),
        other => Ok(other.clone()),
    }
}
