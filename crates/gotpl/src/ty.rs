//! Pure. Go's types as far as templates can meet them, with Go's names for them.

/// A signed integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntKind {
    /// `int`
    Int,
    /// `int32`, a rune
    Int32,
    /// `int64`
    Int64,
    /// `time.Duration`, nanoseconds
    Duration,
    /// `time.Month`, 1 to 12
    Month,
    /// `time.Weekday`, 0 (Sunday) to 6
    Weekday,
}

/// An unsigned integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UintKind {
    /// `uint`
    Uint,
    /// `uint8`, a byte
    Uint8,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
}

/// A Go type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// `reflect.Value`: a parameter that takes anything, even nothing at all.
    Value,
    /// `interface {}`
    Any,
    /// `bool`
    Bool,
    /// A signed integer.
    Int(IntKind),
    /// An unsigned integer.
    Uint(UintKind),
    /// `float64`
    Float,
    /// `complex128`
    Complex,
    /// `string`
    Str,
    /// `[]T`
    List(&'static Ty),
    /// `map[string]T`
    Map(&'static Ty),
    /// A struct or a pointer to one, by its printed name.
    Object(&'static str),
}

impl Ty {
    /// `int`
    pub const INT: Self = Self::Int(IntKind::Int);
    /// `int64`
    pub const INT64: Self = Self::Int(IntKind::Int64);
    /// `[]interface {}`
    pub const ANYS: Self = Self::List(&Self::Any);
    /// `[]string`
    pub const STRS: Self = Self::List(&Self::Str);
    /// `map[string]interface {}`
    pub const MAP: Self = Self::Map(&Self::Any);

    /// The type as Go's `%T` prints it.
    pub fn name(self) -> String {
        match self {
            Self::Value => "reflect.Value".into(),
            Self::Any => "interface {}".into(),
            Self::Bool => "bool".into(),
            Self::Int(kind) => kind.name().into(),
            Self::Uint(kind) => kind.name().into(),
            Self::Float => "float64".into(),
            Self::Complex => "complex128".into(),
            Self::Str => "string".into(),
            Self::List(elem) => format!("[]{}", elem.name()),
            Self::Map(elem) => format!("map[string]{}", elem.name()),
            Self::Object(name) => name.into(),
        }
    }

    /// The kind as Go's `reflect.Kind` prints it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Value => "struct",
            Self::Any => "interface",
            Self::Bool => "bool",
            Self::Int(IntKind::Int | IntKind::Month | IntKind::Weekday) => "int",
            Self::Int(IntKind::Int32) => "int32",
            Self::Int(IntKind::Int64 | IntKind::Duration) => "int64",
            Self::Uint(kind) => kind.name(),
            Self::Float => "float64",
            Self::Complex => "complex128",
            Self::Str => "string",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(name) if name.starts_with('*') => "ptr",
            Self::Object(_) => "struct",
        }
    }

    /// Whether `nil` is a value of the type.
    pub fn can_be_nil(self) -> bool {
        match self {
            Self::Value | Self::Any | Self::List(_) | Self::Map(_) => true,
            Self::Object(name) => name.starts_with('*'),
            _ => false,
        }
    }
}

impl IntKind {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Duration => "time.Duration",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
        }
    }
}

impl UintKind {
    fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }
}
