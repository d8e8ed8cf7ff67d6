//! Pure. YAML to a map of strings, as ESO reads rendered texts: version 1.1 scalars, coerced.

#[cfg(test)]
mod fuzz;
mod scalar;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use tidegate_contract::SecretValue;

use scalar::Scalar;

/// Collections in each other, at most; it bounds the stack.
const MAX_DEPTH: usize = 64;
/// Nodes read and entries merged, at most: far above what fits a Secret.
const MAX_WORK: usize = 1 << 20;
/// Anchors of a document, at most: aliases nest what no depth of the text shows.
const MAX_ANCHORS: usize = 1000;
/// The namespace of YAML's own tags.
const TAGS: &str = "tag:yaml.org,2002:";

/// Reads a map of strings; an empty document is an empty map.
///
/// # Errors
/// When it is not YAML, no map, or has a nested value; no text has anything of the input.
pub(super) fn strings(text: &[u8]) -> Result<BTreeMap<String, SecretValue>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the result is not UTF-8".to_owned())?;
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        line: 1,
        work: 0,
    };
    match reader.document()? {
        Node::Value(None) => Ok(BTreeMap::new()),
        Node::Map(entries) => (entries.into_iter())
            .map(|(key, node)| match &*node {
                Node::Value(value) => {
                    let value = value.clone().unwrap_or_else(|| SecretValue::from(""));
                    Ok((key, value))
                }
                Node::List(_) | Node::Map(_) => {
                    Err("the result has a map or list where a string is needed".to_owned())
                }
            })
            .collect(),
        Node::Value(_) | Node::List(_) => Err("the result is no YAML map".to_owned()),
    }
}

/// What was read. `None` is null; strings stand as they are stored.
enum Node {
    Value(Option<SecretValue>),
    List(Vec<Rc<Self>>),
    Map(BTreeMap<String, Rc<Self>>),
}

/// One document under way.
struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    /// By number; an alias is another name for the node, so it costs nothing.
    anchors: HashMap<usize, Rc<Node>>,
    line: usize,
    work: usize,
}

impl<'t> Reader<'t> {
    /// The first document; those behind it are not read, as for ESO.
    fn document(&mut self) -> Result<Node, String> {
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(Node::Value(None)),
                Event::StreamStart | Event::DocumentStart(..) => {}
                event => {
                    let node = self.node(event, MAX_DEPTH)?;
                    // The anchors may share it.
                    self.anchors.clear();
                    return Rc::try_unwrap(node).map_err(|_| self.fault("anchor is shared"));
                }
            }
        }
    }

    fn next(&mut self) -> Result<Event<'t>, String> {
        loop {
            match self.events.next_event() {
                None => return Ok(Event::StreamEnd),
                // The parser's own words may quote the text.
                Some(Err(error)) => {
                    self.line = error.marker().line();
                    return Err(self.fault("syntax error"));
                }
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    self.line = span.start.line();
                    return Ok(event);
                }
            }
        }
    }

    fn fault(&self, cause: &str) -> String {
        format!("the result is not YAML: line {}: {cause}", self.line)
    }

    fn spend(&mut self, work: usize) -> Result<(), String> {
        self.work += work;
        if self.work > MAX_WORK {
            return Err("the result is too large a YAML document".to_owned());
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, depth: usize) -> Result<Rc<Node>, String> {
        self.spend(1)?;
        let Some(depth) = depth.checked_sub(1) else {
            return Err("the result is nested too deeply".to_owned());
        };
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = self.scalar(&text, style, tag.as_ref())?;
                (Node::Value(scalar.stored()), anchor)
            }
            Event::Alias(id) => {
                let found = self.anchors.get(&id).map(Rc::clone);
                return found.ok_or_else(|| self.fault("anchor contains itself"));
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event, depth)?),
                    }
                }
                (Node::List(items), anchor)
            }
            Event::MappingStart(_, anchor, _) => (Node::Map(self.mapping(depth)?), anchor),
            _ => return Err(self.fault("no value")),
        };
        let node = Rc::new(node);
        self.remember(anchor, &node)?;
        Ok(node)
    }

    fn remember(&mut self, anchor: usize, node: &Rc<Node>) -> Result<(), String> {
        if anchor == 0 {
            return Ok(());
        }
        if self.anchors.len() >= MAX_ANCHORS {
            return Err(self.fault("too many anchors"));
        }
        self.anchors.insert(anchor, Rc::clone(node));
        Ok(())
    }

    /// The rest of a mapping. A later key wins over an earlier one, and any over a merged one.
    fn mapping(&mut self, depth: usize) -> Result<BTreeMap<String, Rc<Node>>, String> {
        let mut entries = BTreeMap::new();
        let mut merged = BTreeMap::new();
        loop {
            let (key, merge) = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, style, anchor, tag) => {
                    let scalar = self.scalar(&text, style, tag.as_ref())?;
                    self.remember(anchor, &Rc::new(Node::Value(scalar.stored())))?;
                    let merge = style == ScalarStyle::Plain && text == "<<";
                    let key = scalar.key();
                    (key.ok_or_else(|| self.fault("key is null"))?, merge)
                }
                Event::Alias(id) => match self.anchors.get(&id).map(|node| &**node) {
                    Some(Node::Value(Some(key))) => {
                        (String::from_utf8_lossy(key.expose()).into_owned(), false)
                    }
                    _ => return Err(self.fault("key is no scalar")),
                },
                _ => return Err(self.fault("key is no scalar")),
            };
            let event = self.next()?;
            let value = self.node(event, depth)?;
            if merge {
                self.merge(&mut merged, &value, MAX_DEPTH)?;
            } else {
                entries.insert(key, value);
            }
        }
        for (key, value) in merged {
            entries.entry(key).or_insert(value);
        }
        Ok(entries)
    }

    /// `<<`: a map, or a list of maps of which the first wins.
    fn merge(
        &mut self,
        merged: &mut BTreeMap<String, Rc<Node>>,
        value: &Node,
        depth: usize,
    ) -> Result<(), String> {
        match value {
            Node::Map(map) => {
                self.spend(map.len())?;
                for (key, value) in map {
                    (merged.entry(key.clone())).or_insert_with(|| Rc::clone(value));
                }
                Ok(())
            }
            Node::List(list) if depth == MAX_DEPTH => {
                (list.iter()).try_for_each(|item| self.merge(merged, item, depth - 1))
            }
            Node::List(_) | Node::Value(_) => Err(self.fault("<< needs a map or a list of maps")),
        }
    }

    fn scalar<'s>(
        &self,
        text: &'s str,
        style: ScalarStyle,
        tag: Option<&Cow<'_, Tag>>,
    ) -> Result<Scalar<'s>, String> {
        let tag = tag.and_then(|tag| tag.suffix_in_namespace(TAGS));
        let plain = style == ScalarStyle::Plain;
        scalar::resolve(text, plain, tag.as_deref()).map_err(|cause| self.fault(cause))
    }
}
