//! Pure. YAML text to a small tree that remembers its lines and never shows its scalars.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, StrInput};
use zeroize::Zeroizing;

/// Nodes of one document, aliases counted as often as they are used.
const MAX_NODES: usize = 100_000;
/// Nesting of one document.
const MAX_DEPTH: usize = 64;

/// One value, and the line on which it begins (from 1).
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number(Rc<Zeroizing<String>>),
    Text(Rc<Zeroizing<String>>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in line {}", self.name(), self.line)
    }
}

impl Node {
    /// What Go's decoder calls this sort of value.
    pub(crate) const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool => "bool",
            Kind::Number(_) => "number",
            Kind::Text(_) => "string",
            Kind::List(_) => "array",
            Kind::Map(_) => "object",
        }
    }
}

/// Why a text is no YAML document. It quotes nothing, because the text may hold keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("line {0}: not valid YAML")]
    Syntax(usize),
    #[error("line {0}: an alias refers to nothing that is complete")]
    Alias(usize),
    #[error("line {0}: nested more than {MAX_DEPTH} deep")]
    Depth(usize),
    #[error("line {0}: more than {MAX_NODES} values")]
    Size(usize),
    #[error("line {0}: a key must be a string")]
    Key(usize),
    #[error("the file holds no document")]
    Empty,
}

/// Reads the first document, as the API server does.
pub(crate) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    loop {
        match reader.next()? {
            (Event::StreamEnd | Event::DocumentEnd, _) => return Err(YamlError::Empty),
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (event, line) => return reader.node(event, line, 0),
        }
    }
}

/// The line on which a second document begins.
pub(crate) fn second_document(text: &str) -> Option<usize> {
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    while let Some(Ok((event, span))) = parser.next_event() {
        documents += usize::from(matches!(event, Event::DocumentStart(..)));
        if documents == 2 {
            return Some(span.start.line());
        }
    }
    None
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), YamlError> {
        loop {
            match self.events.next_event() {
                None => return Ok((Event::StreamEnd, 0)),
                Some(Err(error)) => return Err(YamlError::Syntax(error.marker().line())),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, span.start.line())),
            }
        }
    }

    fn count(&mut self, nodes: usize, line: usize) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(YamlError::Size(line));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, YamlError> {
        self.count(1, line)?;
        if depth > MAX_DEPTH {
            return Err(YamlError::Depth(line));
        }
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                let node = node.ok_or(YamlError::Alias(line))?;
                self.count(size(&node), line)?;
                return Ok(node);
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(depth)?, anchor),
            _ => return Err(YamlError::Syntax(line)),
        };
        let node = Node { line, kind };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Kind::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut members = Vec::new();
        loop {
            let (event, line) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Kind::Map(members)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(YamlError::Key(line)),
            };
            let (event, line) = self.next()?;
            members.push((key, self.node(event, line, depth + 1)?));
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Kind::Map(members) => members.iter().map(|(_, item)| size(item)).sum::<usize>() + 1,
        _ => 1,
    }
}

/// The kinds of YAML 1.1, as sigs.k8s.io/yaml resolves plain scalars.
fn scalar(text: &str, style: ScalarStyle) -> Kind {
    let owned = || Rc::new(Zeroizing::new(text.to_owned()));
    if style != ScalarStyle::Plain {
        return Kind::Text(owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" | "yes" | "Yes" | "YES" | "no"
        | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => Kind::Bool,
        _ if numeric(text) => Kind::Number(owned()),
        _ => Kind::Text(owned()),
    }
}

fn numeric(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (text.parse::<f64>().is_ok()
            || digits
                .strip_prefix("0x")
                .is_some_and(|hex| u64::from_str_radix(hex, 16).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..12 {
            let prior = format!("*a{}", i - 1);
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![prior; 10].join(",")));
        }
        assert!(matches!(parse(&text), Err(YamlError::Size(_))));
        let deep = "[".repeat(1000);
        assert!(parse(&deep).is_err());
        let closed = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(matches!(parse(&closed), Err(YamlError::Depth(1))));
    }

    #[test]
    fn errors_and_debug_quote_nothing() {
        let error = parse("a: \"hunter2\n b: [").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let node = parse("secret: hunter2").unwrap();
        assert_eq!(format!("{node:?}"), "object in line 1");
    }
}
