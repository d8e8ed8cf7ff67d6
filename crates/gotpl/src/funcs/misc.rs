//! Pure. Types, equality, and other functions of no topic.
use super::cast;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{Value, deep_equal};

pub(super) const TABLE: &[Function] = &[
    Function::new("hello", &[], |ctx, _| ctx.str("Hello!")),
    Function::new("fail", &[Ty::Str], |_, args| {
        Err(FuncError::new(args[0].bytes()))
    }),
    Function::new("uuidv4", &[], uuid).volatile(),
    Function::new("typeOf", &[Ty::Any], |ctx, args| {
        ctx.str(args[0].type_name())
    }),
    Function::new("typeIs", &[Ty::Str, Ty::Any], |_, args| {
        Ok(Value::Bool(
            args[1].type_name().as_bytes() == args[0].bytes(),
        ))
    }),
    Function::new("typeIsLike", &[Ty::Str, Ty::Any], type_is_like),
    Function::new("kindOf", &[Ty::Any], |ctx, args| ctx.str(args[0].kind())),
    Function::new("kindIs", &[Ty::Str, Ty::Any], |_, args| {
        Ok(Value::Bool(args[1].kind().as_bytes() == args[0].bytes()))
    }),
    Function::new("deepEqual", &[Ty::Any, Ty::Any], |ctx, args| {
        deep_equal(ctx, &args[0], &args[1]).map(Value::Bool)
    }),
    Function::variadic("default", &[Ty::Any, Ty::Any], |_, args| {
        match args.get(1) {
            Some(given) if !cast::is_empty(given) => Ok(given.clone()),
            _ => Ok(args[0].clone()),
        }
    }),
    Function::new("empty", &[Ty::Any], |_, args| {
        Ok(Value::Bool(cast::is_empty(&args[0])))
    }),
    Function::variadic("coalesce", &[Ty::Any], |_, args| {
        Ok(args
            .iter()
            .find(|arg| !cast::is_empty(arg))
            .cloned()
            .unwrap_or_default())
    }),
    Function::variadic("all", &[Ty::Any], |_, args| {
        Ok(Value::Bool(!args.iter().any(cast::is_empty)))
    }),
    Function::variadic("any", &[Ty::Any], |_, args| {
        Ok(Value::Bool(!args.iter().all(cast::is_empty)))
    }),
    Function::new("ternary", &[Ty::Any, Ty::Any, Ty::Bool], |_, args| {
        Ok(if args[2].truth() {
            args[0].clone()
        } else {
            args[1].clone()
        })
    }),
];

fn uuid(ctx: &mut Ctx<'_>, _: &[Value]) -> Result<Value, FuncError> {
    let mut b: [u8; 16] = ctx.random();
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex: String = b.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    ctx.str(parts.join("-"))
}

fn type_is_like(_: &mut Ctx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let name = args[1].type_name();
    let target = args[0].bytes();
    let pointed = name
        .strip_prefix('*')
        .is_some_and(|name| name.as_bytes() == target);
    Ok(Value::Bool(name.as_bytes() == target || pointed))
}
