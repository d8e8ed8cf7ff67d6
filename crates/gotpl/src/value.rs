//! Pure. The values that templates work on: Go's kinds, with shared mutable maps.
mod containers;
mod convert;
mod equal;

use std::any::Any;
use std::fmt;
use std::rc::Rc;

pub use containers::{List, Map};
pub(crate) use equal::deep_equal;

use crate::bytes::Str;
use crate::registry::Function;
use crate::ty::{IntKind, Ty, UintKind};

/// A value.
///
/// Maps and lists are shared, as in Go: a clone is another name for the same one.
/// `Debug` shows the type alone.
#[derive(Clone, Default)]
pub enum Value {
    /// Go's `nil` without a type.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// A signed integer of the given type.
    Int(i64, IntKind),
    /// An unsigned integer of the given type.
    Uint(u64, UintKind),
    /// A `float64`.
    Float(f64),
    /// A `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// A `string`.
    Str(Str),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A struct or a pointer to one.
    Object(Rc<dyn Object>),
}

/// A value with fields or methods of its own.
pub trait Object: fmt::Debug {
    /// The type, an [`Ty::Object`].
    fn ty(&self) -> Ty;
    /// What `%v` prints.
    fn display(&self) -> Vec<u8>;
    /// The methods a template may call; the receiver is the first argument.
    fn methods(&self) -> &'static [Function] {
        &[]
    }
    /// A field.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }
    /// What JSON and YAML show: text, or a map of the fields.
    fn data(&self) -> Value {
        Value::str(self.display())
    }
    /// What a deep copy is, where that is another value: Go copies no unexported field.
    fn copied(&self) -> Option<Value> {
        None
    }
    /// Whether `display` comes from a `String` method, which `%s` and `%q` use too.
    fn is_stringer(&self) -> bool {
        false
    }
    /// The concrete type behind the trait.
    fn as_any(&self) -> &dyn Any;
    /// Whether Go's `==` or `reflect.DeepEqual` finds both equal.
    fn equals(&self, other: &dyn Object) -> bool;
}

impl Value {
    /// An `int`.
    pub const fn int(n: i64) -> Self {
        Self::Int(n, IntKind::Int)
    }

    /// An `int64`.
    pub const fn int64(n: i64) -> Self {
        Self::Int(n, IntKind::Int64)
    }

    /// A `string`.
    pub fn str(bytes: impl Into<Str>) -> Self {
        Self::Str(bytes.into())
    }

    /// The type; `None` for nil.
    pub fn ty(&self) -> Option<Ty> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Ty::Bool,
            Self::Int(_, kind) => Ty::Int(*kind),
            Self::Uint(_, kind) => Ty::Uint(*kind),
            Self::Float(_) => Ty::Float,
            Self::Complex(..) => Ty::Complex,
            Self::Str(_) => Ty::Str,
            Self::List(list) => Ty::List(list.elem()),
            Self::Map(map) => Ty::Map(map.elem()),
            Self::Object(object) => object.ty(),
        })
    }

    /// The type as Go's `%T` prints it, `<nil>` for nil.
    pub fn type_name(&self) -> String {
        self.ty().map_or_else(|| "<nil>".into(), Ty::name)
    }

    /// The kind as Go's `reflect.Kind` prints it, `invalid` for nil.
    pub fn kind(&self) -> &'static str {
        self.ty().map_or("invalid", Ty::kind)
    }

    /// Whether it is nil, typed or not.
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            _ => false,
        }
    }

    /// Whether a template's `if` takes it for true.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(n, _) => *n != 0,
            Self::Uint(n, _) => *n != 0,
            Self::Float(f) => *f != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(_) => true,
        }
    }

    /// Go's zero value of a type.
    pub fn zero(ty: Ty) -> Self {
        match ty {
            Ty::Bool => Self::Bool(false),
            Ty::Int(kind) => Self::Int(0, kind),
            Ty::Uint(kind) => Self::Uint(0, kind),
            Ty::Float => Self::Float(0.0),
            Ty::Complex => Self::Complex(0.0, 0.0),
            Ty::Str => Self::str(Vec::new()),
            Ty::List(elem) => Self::List(List::nil(elem)),
            Ty::Map(elem) => Self::Map(Map::nil(elem)),
            Ty::Value | Ty::Any | Ty::Object(_) => Self::Nil,
        }
    }

    /// The methods a template may call on the value.
    pub fn methods(&self) -> &'static [Function] {
        match self {
            Self::Object(object) => object.methods(),
            Self::Int(_, kind) => crate::funcs::time::methods_of(*kind),
            _ => &[],
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.type_name())
    }
}
