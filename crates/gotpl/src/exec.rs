//! Pure. The evaluator: walks the tree of a template and writes its output.
mod args;
mod call;
mod field;
mod operand;
mod pipeline;
mod range;

use crate::ast::{Block, Branch, Invocation, Located, Node};
use crate::bytes::{Buf, Str};
use crate::ctx::Ctx;
use crate::error::{ExecError, ExecErrorKind, FuncError};
use crate::fmt::{Printer, quote};
use crate::limits::Limit;
use crate::parse::Templates;
use crate::value::Value;
use operand::Operand;

/// What a field that a map has not is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissingKey {
    /// `missingkey=error`: an error, as the External Secrets Operator sets it.
    #[default]
    Error,
    /// `missingkey=zero`: the zero value of the map's values.
    Zero,
    /// `missingkey=default` or `invalid`: nothing, printed as `<no value>`.
    Invalid,
}

/// What one execution reads.
pub(crate) struct Program<'t> {
    pub name: &'t str,
    pub source: &'t [u8],
    pub templates: &'t Templates,
    pub missing: MissingKey,
}

/// Executes the template of the program's own name.
pub(crate) fn execute<'t>(
    program: &'t Program<'t>,
    ctx: &mut Ctx<'_>,
    data: &Value,
    out: &mut Buf,
) -> Result<(), ExecError> {
    let Some((name, root)) = program.templates.get_key_value(program.name.as_bytes()) else {
        return Ok(());
    };
    let dot = Operand::plain(data.clone());
    let mut exec = Exec {
        program,
        ctx,
        out,
        template: name.clone(),
        vars: vec![("$", dot.clone())],
        args: Vec::new(),
        at: &Start,
        depth: 0,
    };
    exec.block(&dot, root).map(|_| ()).map_err(|err| *err)
}

/// Where the evaluator stands before it has met a node.
struct Start;

impl Located for Start {
    fn pos(&self) -> usize {
        0
    }

    fn write(&self, _: &[u8], _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

struct Exec<'t, 'c, 'e> {
    program: &'t Program<'t>,
    ctx: &'c mut Ctx<'e>,
    out: &'c mut Buf,
    /// The template that is being executed.
    template: Str,
    vars: Vec<(&'t str, Operand)>,
    /// The arguments of all calls under way, the innermost last.
    args: Vec<Value>,
    /// The node that an error points at.
    at: &'t dyn Located,
    depth: usize,
}

type Done<T> = Result<T, Box<ExecError>>;

/// What follows a node: the next one, or a jump.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t> Exec<'t, '_, '_> {
    fn block(&mut self, dot: &Operand, block: &'t Block) -> Done<Flow> {
        for node in &block.nodes {
            match self.node(dot, node)? {
                Flow::Next => {}
                jump => return Ok(jump),
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Operand, node: &'t Node) -> Done<Flow> {
        self.at = node;
        self.step()?;
        match node {
            Node::Text(range) => {
                self.out.put(&self.program.source[range.clone()]);
                self.check_output()?;
            }
            Node::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.decl.is_empty() {
                    self.at = node;
                    self.print(&value)?;
                }
            }
            Node::If(branch) => return self.branch(dot, branch, false),
            Node::With(branch) => return self.branch(dot, branch, true),
            Node::Range(branch) => return self.nested(|exec| exec.range(dot, branch, node)),
            Node::Template(invocation) => {
                return self.nested(|exec| exec.invoke(dot, invocation));
            }
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// `if` and `with`.
    fn branch(&mut self, dot: &Operand, branch: &'t Branch, with: bool) -> Done<Flow> {
        let scope = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = self.nested(|exec| match (value.value.truth(), &branch.otherwise) {
            (true, _) => exec.block(if with { &value } else { dot }, &branch.then),
            (false, Some(otherwise)) => exec.block(dot, otherwise),
            (false, None) => Ok(Flow::Next),
        });
        self.vars.truncate(scope);
        flow
    }

    /// `{{template}}`: a tree with variables of its own.
    fn invoke(&mut self, dot: &Operand, invocation: &'t Invocation) -> Done<Flow> {
        let Some((name, tree)) = self.program.templates.get_key_value(&invocation.name) else {
            let name = quote::quote_text(invocation.name.as_bytes());
            let message = format!("template {name} not defined");
            return Err(self.fail(ExecErrorKind::MissingTemplate, &message));
        };
        let dot = match &invocation.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Operand::invalid(),
        };
        let vars = std::mem::replace(&mut self.vars, vec![("$", dot.clone())]);
        let template = std::mem::replace(&mut self.template, name.clone());
        let flow = self.block(&dot, tree);
        self.vars = vars;
        self.template = template;
        flow.map(|_| Flow::Next)
    }

    fn print(&mut self, value: &Operand) -> Done<()> {
        match &value.value {
            Value::Str(s) => self.out.put(s.as_bytes()),
            Value::Nil => self.out.text("<no value>"),
            value => {
                let out = std::mem::take(self.out);
                let mut printer = Printer::onto(self.ctx, out);
                let printed = printer.arg(value, 'v');
                *self.out = printer.out;
                printed.map_err(|err| self.limited(&err))?;
            }
        }
        self.check_output()
    }

    fn check_output(&mut self) -> Done<()> {
        if self.out.overflowed() {
            Err(self.stop(Limit::Output))
        } else {
            Ok(())
        }
    }

    fn step(&mut self) -> Done<()> {
        self.ctx.step(1).map_err(|err| self.limited(&err))
    }

    /// Goes one level deeper, within the limit of depth.
    fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth >= self.ctx.limits().depth {
            return Err(self.stop(Limit::Depth));
        }
        self.depth += 1;
        let done = run(self);
        self.depth -= 1;
        done
    }

    fn limited(&self, err: &FuncError) -> Box<ExecError> {
        let kind = err
            .limit()
            .map_or(ExecErrorKind::Value, ExecErrorKind::Limit);
        self.fail_bytes(kind, err.full().as_bytes())
    }

    fn stop(&self, limit: Limit) -> Box<ExecError> {
        self.fail(ExecErrorKind::Limit(limit), &limit.to_string())
    }

    fn value_error(&self, message: &str) -> Box<ExecError> {
        self.fail(ExecErrorKind::Value, message)
    }

    fn fail(&self, kind: ExecErrorKind, message: &str) -> Box<ExecError> {
        self.fail_bytes(kind, message.as_bytes())
    }

    /// An error at the current node, with Go's text around the message.
    fn fail_bytes(&self, kind: ExecErrorKind, message: &[u8]) -> Box<ExecError> {
        let Program { name, source, .. } = self.program;
        let before = &source[..self.at.pos().min(source.len())];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let line_start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        let column = before.len() - line_start;
        let context = self.at.text(source);
        let executing = quote::quote_text(self.template.as_bytes());
        let mut full = Buf::new();
        full.text(&format!("template: {name}:{line}:{column}: "));
        full.text(&format!("executing {executing} at <{context}>: "));
        full.put(message);
        let full = Str::from(full);
        Box::new(ExecError {
            template: (*name).into(),
            line,
            column,
            kind,
            full,
        })
    }
}
