//! Pure. The printing of one operand under a verb, nested values included.
use super::Spec;
use super::number::Integer;
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::limits::Limit;
use crate::ty::{IntKind, Ty};
use crate::value::{List, Map, Value};

/// A buffer that values are printed to.
pub(crate) struct Printer<'c, 'e> {
    pub(super) ctx: &'c mut Ctx<'e>,
    pub(crate) out: Buf,
    pub(super) spec: Spec,
    /// Whether a mistake is being printed, so that no `String` method is called.
    erroring: bool,
}

type Printed = Result<(), FuncError>;

impl<'c, 'e> Printer<'c, 'e> {
    /// A printer with a buffer of its own.
    pub(crate) fn new(ctx: &'c mut Ctx<'e>) -> Self {
        let out = ctx.buf();
        Self {
            ctx,
            out,
            spec: Spec::default(),
            erroring: false,
        }
    }

    /// A printer that appends to a buffer.
    pub(crate) fn onto(ctx: &'c mut Ctx<'e>, out: Buf) -> Self {
        Self {
            ctx,
            out,
            spec: Spec::default(),
            erroring: false,
        }
    }

    /// What was printed.
    pub(crate) fn finish(self) -> Result<Value, FuncError> {
        let Self { ctx, out, .. } = self;
        ctx.finish(out)
    }

    /// Prints an operand.
    pub(crate) fn arg(&mut self, arg: &Value, verb: char) -> Printed {
        match (arg, verb) {
            (Value::Nil, 'T' | 'v') => {
                self.pad(b"<nil>");
                Ok(())
            }
            (_, 'T') => {
                let name = arg.type_name();
                // A string verb cannot fail.
                let _ = self.string(name.as_bytes(), 's');
                Ok(())
            }
            (Value::Nil, _) => self.bad_verb(arg, verb),
            _ => self.value(arg, verb),
        }
    }

    fn value(&mut self, value: &Value, verb: char) -> Printed {
        self.ctx.step(1)?;
        if self.out.overflowed() {
            return Err(Limit::Memory.into());
        }
        let printed = match value {
            Value::Nil => {
                self.out.text(if self.spec.sharp_v {
                    "interface {}(nil)"
                } else {
                    "<nil>"
                });
                Ok(())
            }
            Value::Bool(b) => self.boolean(*b, verb),
            Value::Int(n, kind) => match self.stringer(value, *kind, verb) {
                Some(text) => self.string(text.as_bytes(), verb),
                None => {
                    let (negative, magnitude) = (*n < 0, n.unsigned_abs());
                    self.integer(
                        Integer {
                            negative,
                            magnitude,
                            signed: true,
                        },
                        verb,
                    )
                }
            },
            Value::Uint(n, _) => self.integer(
                Integer {
                    negative: false,
                    magnitude: *n,
                    signed: false,
                },
                verb,
            ),
            Value::Float(f) => self.float(*f, verb),
            Value::Complex(re, im) => self.complex(*re, *im, verb),
            Value::Str(s) => self.string(s.as_bytes(), verb),
            // `%w` is for errors, and no value is one.
            Value::List(_) | Value::Map(_) | Value::Object(_) if verb == 'w' => Err(()),
            Value::Object(object) => {
                let text = object.display();
                if object.is_stringer() && !self.spec.sharp_v {
                    self.string(&text, verb)
                } else {
                    self.out.put(&text);
                    Ok(())
                }
            }
            Value::List(list) => return self.nested(|printer| printer.list(list, verb)),
            Value::Map(map) => return self.nested(|printer| printer.map(map, verb)),
        };
        printed.or_else(|()| self.bad_verb(value, verb))
    }

    fn nested(&mut self, print: impl FnOnce(&mut Self) -> Printed) -> Printed {
        let depth = self.ctx.deeper()?;
        let printed = print(self);
        self.ctx.leave(depth);
        printed
    }

    /// The text of a named integer type, where the verb asks for text.
    fn stringer(&self, value: &Value, kind: IntKind, verb: char) -> Option<String> {
        let asks = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.spec.sharp_v;
        if self.erroring || !asks {
            return None;
        }
        crate::funcs::time::name_of(value.as_int(), kind)
    }

    fn list(&mut self, list: &List, verb: char) -> Printed {
        let sharp = self.spec.sharp_v;
        let (open, close) = if sharp { ("{", "}") } else { ("[", "]") };
        if sharp {
            self.out.text(&Ty::List(list.elem()).name());
            if list.is_nil() {
                self.out.text("(nil)");
                return Ok(());
            }
        }
        self.out.text(open);
        for (i, item) in list.items().iter().enumerate() {
            if i > 0 {
                self.out.text(if sharp { ", " } else { " " });
            }
            self.value(item, verb)?;
        }
        self.out.text(close);
        Ok(())
    }

    fn map(&mut self, map: &Map, verb: char) -> Printed {
        let sharp = self.spec.sharp_v;
        if sharp {
            self.out.text(&Ty::Map(map.elem()).name());
            if map.is_nil() {
                self.out.text("(nil)");
                return Ok(());
            }
        }
        self.out.text(if sharp { "{" } else { "map[" });
        for (i, (key, value)) in map.entries().iter().enumerate() {
            if i > 0 {
                self.out.text(if sharp { ", " } else { " " });
            }
            self.value(&Value::Str(key.clone()), verb)?;
            self.out.byte(b':');
            self.value(value, verb)?;
        }
        self.out.text(if sharp { "}" } else { "]" });
        Ok(())
    }

    /// `%!d(string=x)`
    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) -> Printed {
        self.erroring = true;
        self.out.text("%!");
        self.out.char(verb);
        self.out.byte(b'(');
        let printed = match value {
            Value::Nil => {
                self.out.text("<nil>");
                Ok(())
            }
            _ => {
                self.out.text(&value.type_name());
                self.out.byte(b'=');
                self.value(value, 'v')
            }
        };
        self.out.byte(b')');
        self.erroring = false;
        printed
    }
}
