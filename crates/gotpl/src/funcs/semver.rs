//! Pure. Semantic versions and constraints on them.
mod constraint;
mod version;

use std::any::Any;
use std::rc::Rc;

use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::{Ty, UintKind};
use crate::value::{Object, Value};
use version::Version;

type Answer = Result<Value, FuncError>;

const TYPE: Ty = Ty::Object("*semver.Version");

pub(super) const TABLE: &[Function] = &[
    Function::new("semver", &[Ty::Str], |ctx, args| {
        ctx.alloc(HELD + 4 * args[0].bytes().len())?;
        Version::parse(&args[0].to_text()).map(object)
    }),
    Function::new("semverCompare", &[Ty::Str, Ty::Str], |ctx, args| {
        ctx.alloc(CONSTRAINT * args[0].bytes().len())?;
        ctx.alloc(4 * args[1].bytes().len())?;
        let constraints = constraint::parse(&args[0].to_text())?;
        let version = Version::parse(&args[1].to_text())?;
        Ok(Value::Bool(constraint::holds(&constraints, &version)))
    }),
];

/// Bytes of a version beside its text.
const HELD: usize = 128;
/// Bytes of conditions that each byte of a constraint may come to.
const CONSTRAINT: usize = 100;

const METHODS: &[Function] = &[
    Function::new("Major", &[TYPE], |_, args| part(args, |v| v.major)),
    Function::new("Minor", &[TYPE], |_, args| part(args, |v| v.minor)),
    Function::new("Patch", &[TYPE], |_, args| part(args, |v| v.patch)),
    Function::new("Prerelease", &[TYPE], |ctx, args| {
        text(ctx, args, |v| v.prerelease.clone())
    }),
    Function::new("Metadata", &[TYPE], |ctx, args| {
        text(ctx, args, |v| v.metadata.clone())
    }),
    Function::new("Original", &[TYPE], |ctx, args| {
        text(ctx, args, |v| v.original.clone())
    }),
    Function::new("String", &[TYPE], |ctx, args| {
        text(ctx, args, Version::to_string)
    }),
    Function::new("Compare", &[TYPE, TYPE], |_, args| {
        let (a, b) = (of(&args[0])?, of(&args[1])?);
        Ok(Value::int(a.cmp(b) as i64))
    }),
    Function::new("Equal", &[TYPE, TYPE], |_, args| {
        Ok(Value::Bool(of(&args[0])?.cmp(of(&args[1])?).is_eq()))
    }),
    Function::new("LessThan", &[TYPE, TYPE], |_, args| {
        Ok(Value::Bool(of(&args[0])?.cmp(of(&args[1])?).is_lt()))
    }),
    Function::new("LessThanEqual", &[TYPE, TYPE], |_, args| {
        Ok(Value::Bool(of(&args[0])?.cmp(of(&args[1])?).is_le()))
    }),
    Function::new("GreaterThan", &[TYPE, TYPE], |_, args| {
        Ok(Value::Bool(of(&args[0])?.cmp(of(&args[1])?).is_gt()))
    }),
    Function::new("GreaterThanEqual", &[TYPE, TYPE], |_, args| {
        Ok(Value::Bool(of(&args[0])?.cmp(of(&args[1])?).is_ge()))
    }),
    Function::new("IncMajor", &[TYPE], |ctx, args| {
        next(ctx, args, Version::next_major)
    }),
    Function::new("IncMinor", &[TYPE], |ctx, args| {
        next(ctx, args, Version::next_minor)
    }),
    Function::new("IncPatch", &[TYPE], |ctx, args| {
        next(ctx, args, Version::next_patch)
    }),
];

fn object(version: Version) -> Value {
    Value::Object(Rc::new(version))
}

fn of(value: &Value) -> Result<&Version, FuncError> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
    .ok_or_else(|| "not a version".into())
}

fn part(args: &[Value], get: fn(&Version) -> u64) -> Answer {
    Ok(Value::Uint(get(of(&args[0])?), UintKind::Uint64))
}

fn text(ctx: &mut Ctx<'_>, args: &[Value], get: fn(&Version) -> String) -> Answer {
    ctx.str(get(of(&args[0])?))
}

fn next(ctx: &mut Ctx<'_>, args: &[Value], get: fn(&Version) -> Version) -> Answer {
    let version = of(&args[0])?;
    ctx.alloc(HELD + 4 * version.original.len())?;
    Ok(object(get(version)))
}

impl Object for Version {
    fn ty(&self) -> Ty {
        TYPE
    }

    fn display(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    fn methods(&self) -> &'static [Function] {
        METHODS
    }

    /// All of a version's fields are unexported.
    fn copied(&self) -> Option<Value> {
        Some(object(Self::default()))
    }

    fn is_stringer(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    /// Versions are pointers, and `==` on pointers asks for the same one; `reflect.DeepEqual`
    /// compares what they point to, which is what this does.
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.same(other))
    }
}
