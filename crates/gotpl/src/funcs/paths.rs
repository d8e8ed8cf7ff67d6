//! Pure. Slash-separated paths, lexically; `os` forms are the same on Unix.
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("base", &[Ty::Str], base),
    Function::new("dir", &[Ty::Str], dir),
    Function::new("clean", &[Ty::Str], |ctx, args| {
        ctx.str(clean(args[0].bytes()))
    }),
    Function::new("ext", &[Ty::Str], ext),
    Function::new("isAbs", &[Ty::Str], is_abs),
    Function::new("osBase", &[Ty::Str], base),
    Function::new("osDir", &[Ty::Str], dir),
    Function::new("osClean", &[Ty::Str], |ctx, args| {
        ctx.str(clean(args[0].bytes()))
    }),
    Function::new("osExt", &[Ty::Str], ext),
    Function::new("osIsAbs", &[Ty::Str], is_abs),
];

fn base(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let path = args[0].bytes();
    let Some(end) = path.iter().rposition(|&b| b != b'/') else {
        return ctx.str(if path.is_empty() { "." } else { "/" });
    };
    let path = &path[..=end];
    let start = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    ctx.str(&path[start..])
}

fn dir(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let path = args[0].bytes();
    let end = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    ctx.str(clean(&path[..end]))
}

fn ext(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let path = args[0].bytes();
    let start = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    let name = &path[start..];
    ctx.str(
        name.iter()
            .rposition(|&b| b == b'.')
            .map_or(&name[..0], |at| &name[at..]),
    )
}

fn is_abs(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::Bool(args[0].bytes().starts_with(b"/")))
}

/// The shortest path that means the same, without a look at any file system.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => {
                kept.pop();
            }
            b".." if rooted => {}
            part => kept.push(part),
        }
    }
    let mut out = if rooted { b"/".to_vec() } else { Vec::new() };
    out.extend_from_slice(&kept.join(&b'/'));
    if out.is_empty() { b".".to_vec() } else { out }
}
