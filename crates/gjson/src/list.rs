//! Pure. A JSON array that a look-up makes.

use crate::{budget::LimitError, eval::Eval, text::Buf, value::Value};

/// A JSON array in the making.
pub(crate) struct List(Buf);

impl List {
    pub(crate) fn new() -> Self {
        let mut buf = Buf::new();
        buf.append(b"[");
        Self(buf)
    }

    pub(crate) fn push(&mut self, raw: &[u8], eval: &mut Eval) -> Result<(), LimitError> {
        if self.0.len() > 1 {
            self.0.put(b",", &mut eval.budget)?;
        }
        self.0.put(raw, &mut eval.budget)
    }

    pub(crate) fn close(mut self, eval: &mut Eval) -> Result<Value<'static>, LimitError> {
        self.0.put(b"]", &mut eval.budget)?;
        Ok(Value::json(self.0))
    }
}
