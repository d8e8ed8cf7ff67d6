//! Pure. The parser: tokens to trees, with the mistakes that Go reports and as it words them.
mod control;
mod lex;
mod number;
mod pipeline;
mod token;
mod unquote;

use std::collections::HashMap;

use crate::ast::{Block, Node};
use crate::bytes::Str;
use crate::error::ParseError;
use crate::limits::{Limit, Limits};
use crate::registry::Registry;
use token::{Kind, Token};

/// What [`parse`] needs besides the source.
pub(crate) struct Syntax<'a> {
    pub name: &'a str,
    pub left: &'a [u8],
    pub right: &'a [u8],
    pub registry: &'a Registry,
    pub limits: &'a Limits,
}

/// The templates of one source by name.
pub(crate) type Templates = HashMap<Str, Block>;

/// Parses a source: the template itself under its name, and all that it defines.
pub(crate) fn parse(source: &[u8], syntax: &Syntax<'_>) -> Result<Templates, ParseError> {
    let mut parser = Parser {
        source,
        tokens: Vec::new(),
        at: 0,
        syntax,
        templates: Templates::new(),
        tree: Tree::default(),
        depth: 0,
    };
    if source.len() > syntax.limits.source_bytes {
        return Err(parser.limit(Limit::Source));
    }
    parser.tokens = lex::lex(source, syntax.left, syntax.right, syntax.limits.tokens)
        .ok_or_else(|| parser.limit(Limit::Tokens))?;
    let root = parser.root()?;
    parser.define(Str::from(syntax.name), root)?;
    Ok(parser.templates)
}

/// The state of the parser for one tree: the source's own, or that of a definition.
struct Tree {
    /// Tokens looked at and put back; the last one first.
    ahead: [Token; 3],
    peeked: usize,
    vars: Vec<Box<str>>,
    range_depth: usize,
    action_line: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            ahead: [Token::NONE, Token::NONE, Token::NONE],
            peeked: 0,
            vars: vec!["$".into()],
            range_depth: 0,
            action_line: 0,
        }
    }
}

struct Parser<'a> {
    source: &'a [u8],
    tokens: Vec<Token>,
    at: usize,
    syntax: &'a Syntax<'a>,
    templates: Templates,
    tree: Tree,
    depth: usize,
}

type Parsed<T> = Result<T, ParseError>;

/// What ends a list of nodes.
enum End {
    /// `{{end}}`
    End,
    /// `{{else}}`, or the `{{else` of `{{else if`.
    Else,
}

impl End {
    fn text(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// A node, or what ends a list of them.
enum Item {
    Node(Node),
    End(End),
}

impl<'a> Parser<'a> {
    fn root(&mut self) -> Parsed<Block> {
        let mut root = Block::default();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    let outer = std::mem::take(&mut self.tree);
                    self.definition()?;
                    self.tree = outer;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Item::End(end) => return Err(self.error(&format!("unexpected {}", end.text()))),
                Item::Node(node) => root.nodes.push(node),
            }
        }
        Ok(root)
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (list, end) = self.item_list()?;
        self.ended(&end, CONTEXT)?;
        self.define(name, list)
    }

    fn ended(&self, end: &End, context: &str) -> Parsed<()> {
        match end {
            End::End => Ok(()),
            End::Else => Err(self.error(&format!("unexpected {} in {context}", end.text()))),
        }
    }

    /// Adds a template; one that is empty never replaces one that is not.
    fn define(&mut self, name: Str, tree: Block) -> Parsed<()> {
        let empty = self.is_empty(&tree);
        match self.templates.get(&name) {
            Some(old) if !self.is_empty(old) => {
                if empty {
                    return Ok(());
                }
                let name = crate::fmt::quote::quote_text(name.as_bytes());
                Err(self.error(&format!("template: multiple definition of template {name}")))
            }
            _ => {
                self.templates.insert(name, tree);
                Ok(())
            }
        }
    }

    fn is_empty(&self, tree: &Block) -> bool {
        tree.nodes.iter().all(|node| match node {
            Node::Text(range) => crate::runes::runes(&self.source[range.clone()])
                .all(|rune| crate::runes::is_space(rune.value())),
            _ => false,
        })
    }

    /// Nodes up to the `end` or `else` that belongs to them.
    fn item_list(&mut self) -> Parsed<(Block, End)> {
        let mut list = Block::default();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::End(end) => return Ok((list, end)),
                Item::Node(node) => list.nodes.push(node),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.start..token.end))),
            Kind::LeftDelim => {
                self.tree.action_line = token.line;
                let item = self.nested(Self::action)?;
                self.tree.action_line = 0;
                Ok(item)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    /// Parses something that may hold itself, within the limit of nesting.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= self.syntax.limits.nesting {
            return Err(self.limit(Limit::Nesting));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn next(&mut self) -> Token {
        if self.tree.peeked > 0 {
            self.tree.peeked -= 1;
        } else {
            self.tree.ahead[0] = self.read();
        }
        self.tree.ahead[self.tree.peeked].clone()
    }

    fn read(&mut self) -> Token {
        let token = self
            .tokens
            .get(self.at.min(self.tokens.len().saturating_sub(1)));
        self.at += 1;
        token.cloned().unwrap_or(Token::NONE)
    }

    fn backup(&mut self) {
        self.tree.peeked += 1;
    }

    fn backup2(&mut self, token: Token) {
        self.tree.ahead[1] = token;
        self.tree.peeked = 2;
    }

    /// Puts three tokens back: the current one, and before it `second` and `first`.
    fn backup3(&mut self, first: Token, second: Token) {
        self.tree.ahead[1] = second;
        self.tree.ahead[2] = first;
        self.tree.peeked = 3;
    }

    fn peek(&mut self) -> Token {
        if self.tree.peeked == 0 {
            self.tree.peeked = 1;
            self.tree.ahead[0] = self.read();
        }
        self.tree.ahead[self.tree.peeked - 1].clone()
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind {
            Ok(token)
        } else {
            Err(self.unexpected(&token, context))
        }
    }

    fn text(&self, token: &Token) -> &'a str {
        std::str::from_utf8(token.val(self.source)).unwrap_or_default()
    }

    fn error(&self, message: &str) -> ParseError {
        ParseError {
            template: self.syntax.name.into(),
            line: self.tree.ahead[0].line,
            column: self.column(self.tree.ahead[0].start),
            limit: None,
            function: None,
            message: message.into(),
        }
    }

    /// A mistake at a token that need not be the one read last, which Go names the line of.
    fn error_at(&self, token: &Token, message: &str) -> ParseError {
        ParseError {
            column: self.column(token.start),
            ..self.error(message)
        }
    }

    /// Bytes between a position and the line break before it.
    fn column(&self, at: usize) -> usize {
        let before = &self.source[..at.min(self.source.len())];
        before.iter().rev().take_while(|b| **b != b'\n').count()
    }

    fn limit(&self, limit: Limit) -> ParseError {
        ParseError {
            limit: Some(limit),
            ..self.error(&limit.to_string())
        }
    }

    fn unexpected(&self, token: &Token, context: &str) -> ParseError {
        let shown = token.describe(self.source);
        if token.kind != Kind::Error {
            return self.error_at(token, &format!("unexpected {shown} in {context}"));
        }
        let start = self.tree.action_line;
        if start == 0 || start == token.line {
            return self.error(&shown);
        }
        let within = if shown.ends_with(" action") {
            ""
        } else {
            " in action"
        };
        self.error(&format!(
            "{shown}{within} started at {}:{start}",
            self.syntax.name
        ))
    }
}
