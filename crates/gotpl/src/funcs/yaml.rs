//! Pure. YAML as sigs.k8s.io/yaml reads it: version 1.1 scalars, by way of JSON's kinds.
mod order;
mod reread;
mod resolve;
mod write;

use std::collections::{BTreeMap, HashMap};

use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::dicts::deep_copy;
use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::Value;
use resolve::Scalar;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("toYaml", &[Ty::Any], |ctx, args| {
        write::to_yaml(ctx, &args[0]).or_else(|err| match err.limit() {
            Some(_) => Err(err),
            None => Ok("".into()),
        })
    }),
    Function::new("fromYaml", &[Ty::Str], from_yaml),
];

/// A dictionary; what is wrong with the text stands under the key `Error`.
fn from_yaml(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    match decode(ctx, args[0].bytes()) {
        Ok(map @ Value::Map(_)) => Ok(map),
        Ok(Value::Nil) => ctx.map(BTreeMap::new()),
        Ok(other) => {
            let kind = match other {
                Value::List(_) => "array",
                Value::Str(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            let context = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal";
            let text = format!("{context} {kind} into Go value of type map[string]interface {{}}");
            failed(ctx, text.into())
        }
        Err(err) if err.limit().is_none() => failed(ctx, err.full().clone()),
        Err(err) => Err(err),
    }
}

fn failed(ctx: &mut Ctx<'_>, text: Str) -> Answer {
    ctx.map(BTreeMap::from([("Error".into(), Value::Str(text))]))
}

/// The namespace of YAML's own tags.
const TAGS: &str = "tag:yaml.org,2002:";

fn malformed(what: &str) -> FuncError {
    FuncError::new(format!("error converting YAML to JSON: yaml: {what}"))
}

/// The value of the first document.
pub(super) fn decode(ctx: &mut Ctx<'_>, text: &[u8]) -> Answer {
    ctx.step(text.len() as u64 / 16)?;
    let text =
        std::str::from_utf8(text).map_err(|_| malformed("control characters are not allowed"))?;
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
    };
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(Value::Nil),
            Event::StreamStart | Event::DocumentStart(..) => {}
            event => return reader.node(ctx, event),
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Value>,
}

impl<'t> Reader<'t> {
    /// The next event that is part of the data.
    fn next(&mut self) -> Result<Event<'t>, FuncError> {
        loop {
            match self.events.next_event() {
                None => return Ok(Event::StreamEnd),
                // The scanner's own words may quote the text, so only the line is told.
                Some(Err(err)) => {
                    return Err(malformed(&format!(
                        "line {}: syntax error",
                        err.marker().line()
                    )));
                }
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, _))) => return Ok(event),
            }
        }
    }

    fn node(&mut self, ctx: &mut Ctx<'_>, event: Event<'t>) -> Answer {
        ctx.step(1)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())?.into_value(ctx)?;
                self.anchors.insert(anchor, value.clone());
                Ok(value)
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                // As JSON has no references, each use is a copy of its own.
                Some(value) => deep_copy(ctx, &value.clone()),
                None => Err(malformed("anchor contains itself")),
            },
            Event::SequenceStart(_, anchor, _) => {
                let depth = ctx.deeper()?;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(ctx, event)?),
                    }
                }
                ctx.leave(depth);
                let value = ctx.list(items)?;
                self.anchors.insert(anchor, value.clone());
                Ok(value)
            }
            Event::MappingStart(_, anchor, _) => {
                let depth = ctx.deeper()?;
                let value = self.mapping(ctx)?;
                ctx.leave(depth);
                self.anchors.insert(anchor, value.clone());
                Ok(value)
            }
            _ => Err(malformed("did not find expected node content")),
        }
    }

    /// The rest of a mapping. A later key wins over an earlier one, and any over a merged one.
    fn mapping(&mut self, ctx: &mut Ctx<'_>) -> Answer {
        let mut entries = BTreeMap::new();
        let mut merged = BTreeMap::new();
        loop {
            let (key, merge) = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, style, anchor, tag) => {
                    let key = key_text(&scalar(&text, style, tag.as_deref())?)?;
                    self.anchors.insert(anchor, Value::Str(key.clone()));
                    (key, style == ScalarStyle::Plain && text == "<<")
                }
                Event::Alias(id) => match self.anchors.get(&id) {
                    Some(Value::Str(key)) => (key.clone(), false),
                    _ => return Err(malformed("invalid map key")),
                },
                _ => return Err(malformed("invalid map key")),
            };
            let event = self.next()?;
            let value = self.node(ctx, event)?;
            ctx.alloc(key.len() + 64)?;
            if merge {
                merge_into(&mut merged, &value)?;
            } else {
                entries.insert(key, value);
            }
        }
        for (key, value) in merged {
            entries.entry(key).or_insert(value);
        }
        ctx.map(entries)
    }
}

/// What a scalar means, of a value or of a key.
fn scalar<'s>(
    text: &'s str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Scalar<'s>, FuncError> {
    let tag = tag.and_then(|tag| tag.suffix_in_namespace(TAGS));
    let plain = style == ScalarStyle::Plain;
    resolve::resolve(text, plain, tag.as_deref()).map_err(malformed)
}

/// `<<`: a map, or a list of maps of which the first wins.
fn merge_into(merged: &mut BTreeMap<Str, Value>, value: &Value) -> Result<(), FuncError> {
    match value {
        Value::Map(map) => {
            for (key, value) in map.entries().iter() {
                merged.entry(key.clone()).or_insert_with(|| value.clone());
            }
            Ok(())
        }
        Value::List(list) if list.items().iter().all(|item| item.as_map().is_some()) => list
            .items()
            .iter()
            .try_for_each(|item| merge_into(merged, item)),
        _ => Err(malformed(
            "map merge requires map or sequence of maps as the value",
        )),
    }
}

fn key_text(scalar: &Scalar<'_>) -> Result<Str, FuncError> {
    Ok(match scalar {
        Scalar::Str(text) => Str::from(&**text),
        Scalar::Bytes(bytes) => Str::from(bytes.clone()),
        Scalar::Bool(b) => Str::from(if *b { "true" } else { "false" }),
        Scalar::Int(n) => Str::from(n.to_string()),
        Scalar::Uint(n) => Str::from(n.to_string()),
        Scalar::Float(f) => Str::from(crate::strconv::shortest32(*f as f32)),
        Scalar::Null => return Err(malformed("unsupported map key")),
    })
}
