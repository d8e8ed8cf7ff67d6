//! Pure. The parser's control structures: if, range, with, template, block, break, continue.
use super::token::{Kind, Token};
use super::unquote::unquote;
use super::{End, Item, Parsed, Parser};
use crate::ast::{Block, Branch, Invocation, Node};
use crate::bytes::Str;

impl Parser<'_> {
    /// What stands in delimiters; the left one has been read.
    pub(super) fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => Node::Template(self.block()?),
            Kind::Break => Node::Break(self.loop_control(&token, "break")?),
            Kind::Continue => Node::Continue(self.loop_control(&token, "continue")?),
            Kind::Else => return self.else_control(),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End(End::End));
            }
            Kind::If => Node::If(self.branch("if")?),
            Kind::Range => Node::Range(self.branch("range")?),
            Kind::With => Node::With(self.branch("with")?),
            Kind::Template => Node::Template(self.template()?),
            _ => {
                self.backup();
                // Variables of an action live on until the `end` of what encloses it.
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn loop_control(&mut self, token: &Token, name: &str) -> Parsed<usize> {
        let next = self.next_non_space();
        if next.kind != Kind::RightDelim {
            return Err(self.unexpected(&next, &format!("{{{{{name}}}}}")));
        }
        if self.tree.range_depth == 0 {
            return Err(self.error(&format!("{{{{{name}}}}} outside {{{{range}}}}")));
        }
        Ok(token.start)
    }

    fn else_control(&mut self) -> Parsed<Item> {
        // `{{else if` and `{{else with`: the keyword stays for the structure that continues.
        if !matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Item::End(End::Else))
    }

    fn branch(&mut self, context: &str) -> Parsed<Branch> {
        let scope = self.tree.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let ranges = usize::from(context == "range");
        self.tree.range_depth += ranges;
        let (then, end) = self.item_list()?;
        self.tree.range_depth -= ranges;
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.otherwise(context)?),
        };
        self.tree.vars.truncate(scope);
        Ok(Branch {
            pos: pipe.pos,
            pipe,
            then,
            otherwise,
        })
    }

    fn otherwise(&mut self, context: &str) -> Parsed<Block> {
        let next = self.peek().kind;
        let chained = match (context, next) {
            ("if", Kind::If) | ("with", Kind::With) => {
                self.next();
                // One `end` closes the chain, so the inner branch reads it for all.
                let inner = self.nested(|parser| parser.branch(context))?;
                if context == "if" {
                    Node::If(inner)
                } else {
                    Node::With(inner)
                }
            }
            _ => {
                let (block, end) = self.item_list()?;
                return match end {
                    End::End => Ok(block),
                    End::Else => Err(self.error(&format!("expected end; found {}", end.text()))),
                };
            }
        };
        Ok(Block {
            nodes: vec![chained],
        })
    }

    fn block(&mut self) -> Parsed<Invocation> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        let outer = std::mem::take(&mut self.tree);
        let (body, end) = self.item_list()?;
        // Go blames the line that the outer template has read up to.
        let inner = std::mem::replace(&mut self.tree, outer);
        self.ended(&end, CONTEXT)?;
        let outer = std::mem::replace(&mut self.tree, inner);
        self.define(name.clone(), body)?;
        self.tree = outer;
        Ok(Invocation {
            pos: token.start,
            name,
            pipe,
        })
    }

    fn template(&mut self) -> Parsed<Invocation> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = if self.next_non_space().kind == Kind::RightDelim {
            None
        } else {
            self.backup();
            Some(self.pipeline(CONTEXT, Kind::RightDelim)?)
        };
        Ok(Invocation {
            pos: token.start,
            name,
            pipe,
        })
    }

    pub(super) fn template_name(&mut self, token: &Token, context: &str) -> Parsed<Str> {
        match token.kind {
            Kind::Str | Kind::RawString => unquote(token.val(self.source))
                .map(Str::from)
                .ok_or_else(|| self.error("invalid syntax")),
            _ => Err(self.unexpected(token, context)),
        }
    }
}
