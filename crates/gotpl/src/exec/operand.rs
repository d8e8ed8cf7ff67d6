//! Pure. A value on its way through a pipeline, with what Go's reflection knows about it.
use crate::ty::Ty;
use crate::value::Value;

/// A value, and whether it came out of a slot of type `interface {}`.
///
/// Go tells a nil interface from no value at all, and names the type of a boxed value
/// `interface {}` in its errors.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub value: Value,
    pub boxed: bool,
}

impl Operand {
    pub(super) fn plain(value: Value) -> Self {
        Self {
            value,
            boxed: false,
        }
    }

    /// No value at all.
    pub(super) fn invalid() -> Self {
        Self::plain(Value::Nil)
    }

    /// A value out of a container whose slots are of the type.
    pub(super) fn slot(value: Value, ty: Ty) -> Self {
        Self {
            value,
            boxed: ty == Ty::Any,
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.boxed || !matches!(self.value, Value::Nil)
    }

    /// The value out of its interface.
    pub(super) fn unboxed(mut self) -> Self {
        self.boxed = false;
        self
    }

    /// The name of the static type.
    pub(super) fn type_name(&self) -> String {
        if self.boxed {
            Ty::Any.name()
        } else {
            self.value.type_name()
        }
    }
}
