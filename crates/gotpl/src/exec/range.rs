//! Pure. `range` over lists, maps and integers.
use super::operand::Operand;
use super::{Done, Exec, Flow};
use crate::ast::{Branch, Located};
use crate::fmt::sprint;
use crate::ty::Ty;
use crate::value::Value;

impl<'t> Exec<'t, '_, '_> {
    pub(super) fn range(
        &mut self,
        dot: &Operand,
        branch: &'t Branch,
        node: &'t dyn Located,
    ) -> Done<Flow> {
        self.at = node;
        let scope = self.vars.len();
        let over = self.pipeline(dot, &branch.pipe)?;
        let ran = self.rounds(branch, &over.value)?;
        let flow = match (&branch.otherwise, ran) {
            (Some(otherwise), false) => self.block(dot, otherwise)?,
            _ => Flow::Next,
        };
        self.vars.truncate(scope);
        Ok(flow)
    }

    /// Runs the rounds; false if there was none.
    fn rounds(&mut self, branch: &'t Branch, over: &Value) -> Done<bool> {
        match over {
            Value::Int(n, kind) => {
                let kind = *kind;
                self.countable(branch, over)?;
                self.each(
                    (0..*n).map(|i| (None, Operand::plain(Value::Int(i, kind)))),
                    branch,
                )
            }
            Value::Uint(n, kind) => {
                let kind = *kind;
                self.countable(branch, over)?;
                self.each(
                    (0..*n).map(|i| (None, Operand::plain(Value::Uint(i, kind)))),
                    branch,
                )
            }
            Value::List(list) => {
                let (list, elem) = (list.clone(), *list.elem());
                let items = (0..list.len()).map_while(move |i| {
                    let item = Operand::slot(list.get(i)?, elem);
                    Some((Some(Value::int(i as i64)), item))
                });
                self.each(items, branch)
            }
            Value::Map(map) => {
                // The body may change the map, so the rounds go over the entries as they were.
                let elem = *map.elem();
                self.ctx
                    .step(map.len() as u64)
                    .map_err(|err| self.limited(&err))?;
                let entries: Vec<_> = map
                    .entries()
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                let entries = entries.into_iter();
                self.each(
                    entries.map(|(k, v)| (Some(Value::Str(k)), slot(v, elem))),
                    branch,
                )
            }
            Value::Nil => Ok(false),
            other => {
                let shown = self.shown_value(other)?;
                Err(self.value_error(&format!("range can't iterate over {shown}")))
            }
        }
    }

    fn shown_value(&mut self, value: &Value) -> Done<String> {
        match sprint(self.ctx, std::slice::from_ref(value)) {
            Ok(text) => Ok(String::from_utf8_lossy(text.bytes()).into_owned()),
            Err(err) => Err(self.limited(&err)),
        }
    }

    /// Integers have no index, so they fill one variable alone.
    fn countable(&mut self, branch: &Branch, over: &Value) -> Done<()> {
        if branch.pipe.decl.len() > 1 {
            let shown = self.shown_value(over)?;
            let message = format!("can't use {shown} to iterate over more than one variable");
            return Err(self.value_error(&message));
        }
        Ok(())
    }

    fn each(
        &mut self,
        rounds: impl Iterator<Item = (Option<Value>, Operand)>,
        branch: &'t Branch,
    ) -> Done<bool> {
        let scope = self.vars.len();
        let mut ran = false;
        for (index, item) in rounds {
            ran = true;
            self.step()?;
            self.bind(branch, index, &item)?;
            let flow = self.block(&item, &branch.then)?;
            self.vars.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    fn bind(&mut self, branch: &'t Branch, index: Option<Value>, item: &Operand) -> Done<()> {
        let pipe = &branch.pipe;
        let index = Operand::plain(index.unwrap_or_default());
        let bound: &[(usize, &Operand)] = match pipe.decl.len() {
            0 => &[],
            1 => &[(0, item)],
            _ => &[(0, &index), (1, item)],
        };
        for (i, value) in bound {
            if pipe.assign {
                self.set_var(&pipe.decl[*i], (*value).clone())?;
            } else {
                // The pipeline has declared its variables last of all.
                let at = self.vars.len() - pipe.decl.len() + i;
                self.vars[at].1 = (*value).clone();
            }
        }
        Ok(())
    }
}

fn slot(value: Value, elem: Ty) -> Operand {
    Operand::slot(value, elem)
}
