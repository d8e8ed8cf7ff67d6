//! Pure. YAML out, in the style of the Kubernetes tools: sorted keys, lines of some 80 columns.
use super::order::{natural, sorted_by};
use super::reread;
use super::resolve::{is_base60, is_text};
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::limits::Limit;
use crate::strconv::{FloatVerb, format_float, parse_int, parse_uint};
use crate::value::{List, Map, Value};

/// Columns after which a line is broken at the next space.
const BEST_WIDTH: usize = 80;
/// Bytes of a key that may stand in one line with its value.
const SIMPLE_KEY: usize = 128;

/// The YAML of a value, without a newline at the end.
pub(super) fn to_yaml(ctx: &mut Ctx<'_>, value: &Value) -> Result<Value, FuncError> {
    let out = ctx.buf();
    let mut writer = Writer { out, column: 0 };
    writer.value(ctx, value, None, Place::Root)?;
    ctx.finish(writer.out)
}

/// What a value stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    MapValue,
    ListItem,
}

struct Writer {
    out: Buf,
    column: usize,
}

type Written = Result<(), FuncError>;

impl Writer {
    /// `indent` is that of the container; none at the root.
    fn value(
        &mut self,
        ctx: &mut Ctx<'_>,
        value: &Value,
        indent: Option<usize>,
        place: Place,
    ) -> Written {
        ctx.step(1)?;
        if self.out.overflowed() {
            return Err(Limit::Memory.into());
        }
        let depth = ctx.deeper()?;
        match value {
            Value::Object(object) => self.value(ctx, &object.data(), indent, place)?,
            Value::Map(map) if !map.is_empty() => self.map(ctx, map, indent, place)?,
            Value::List(list) if !list.is_empty() => self.list(ctx, list, indent, place)?,
            scalar => {
                if place == Place::MapValue {
                    self.put(" ");
                }
                self.scalar(ctx, scalar, indent.map_or(2, |n| n + 2))?;
            }
        }
        ctx.leave(depth);
        Ok(())
    }

    fn map(
        &mut self,
        ctx: &mut Ctx<'_>,
        map: &Map,
        indent: Option<usize>,
        place: Place,
    ) -> Written {
        let indent = indent.map_or(0, |n| n + 2);
        let entries = map.entries();
        let mut sorted = Vec::with_capacity(entries.len());
        for (key, value) in entries.iter() {
            ctx.work(key.len() * 8)?;
            sorted.push((String::from_utf8_lossy(key.as_bytes()), value));
        }
        let sorted = sorted_by(sorted, |(a, _), (b, _)| natural(a, b));
        for (i, (key, value)) in sorted.into_iter().enumerate() {
            if i > 0 || place == Place::MapValue {
                self.line(indent);
            }
            let text = reread::key(&key)?;
            if text.len() > SIMPLE_KEY || text.contains(is_break) {
                self.put("? ");
                self.string(text, indent + 2, false);
                self.line(indent);
                self.put(":");
            } else {
                self.string(text, indent + 2, true);
                self.put(":");
            }
            self.value(ctx, value, Some(indent), Place::MapValue)?;
        }
        Ok(())
    }

    fn list(
        &mut self,
        ctx: &mut Ctx<'_>,
        list: &List,
        indent: Option<usize>,
        place: Place,
    ) -> Written {
        // In a map, the dashes stand right under the key.
        let indent = match (indent, place) {
            (Some(n), Place::MapValue) => n,
            (Some(n), _) => n + 2,
            (None, _) => 0,
        };
        for (i, item) in list.items().iter().enumerate() {
            if i > 0 || place == Place::MapValue {
                self.line(indent);
            }
            self.put("- ");
            self.value(ctx, item, Some(indent), Place::ListItem)?;
        }
        Ok(())
    }

    fn scalar(&mut self, ctx: &mut Ctx<'_>, value: &Value, indent: usize) -> Written {
        match value {
            Value::Nil => self.put("null"),
            Value::Bool(b) => self.put(if *b { "true" } else { "false" }),
            Value::Int(n, _) => self.put(&n.to_string()),
            Value::Uint(n, _) => self.put(&n.to_string()),
            Value::Float(f) => self.float(*f)?,
            Value::Str(s) => {
                ctx.work(s.len() * 4)?;
                let text = String::from_utf8_lossy(s.as_bytes());
                self.string(&reread::text(&text)?, indent, false);
            }
            Value::List(list) => self.put(if list.is_nil() { "null" } else { "[]" }),
            Value::Map(map) => self.put(if map.is_nil() { "null" } else { "{}" }),
            Value::Complex(..) | Value::Object(_) => {
                return Err(format!("json: unsupported type: {}", value.type_name()).into());
            }
        }
        Ok(())
    }

    /// A float that JSON writes as an integer comes back as one.
    fn float(&mut self, f: f64) -> Written {
        let json = super::super::json::number(f)?;
        if parse_int(&json, 10).is_ok() || parse_uint(&json, 10).is_ok() {
            self.put(if json == "-0" { "0" } else { &json });
        } else {
            self.put(&format_float(f, FloatVerb::General, None));
        }
        Ok(())
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let looks = Looks::of(text);
        if text.contains('\n') {
            if looks.block && !key {
                self.literal(text, indent);
            } else {
                self.double_quoted(text, indent, key);
            }
        } else if !is_text(text) || is_base60(text) {
            self.double_quoted(text, indent, key);
        } else if looks.plain {
            self.folded(text, indent, key, false);
        } else if looks.single_quoted {
            self.folded(text, indent, key, true);
        } else {
            self.double_quoted(text, indent, key);
        }
    }

    /// Plain or single-quoted: long lines are broken at single spaces.
    fn folded(&mut self, text: &str, indent: usize, key: bool, quoted: bool) {
        if quoted {
            self.put("'");
        }
        let (mut after_space, mut after_break) = (false, false);
        for (before, c, next) in neighbours(text) {
            if is_break(c) {
                self.out.char(c);
                self.column = 0;
                after_break = true;
                continue;
            }
            if std::mem::take(&mut after_break) && c != ' ' {
                self.pad(indent);
            }
            let inside = !quoted || (before.is_some() && next.is_some());
            let breaks = c == ' ' && !key && !after_space && self.column > BEST_WIDTH;
            after_space = c == ' ';
            if breaks && inside && next != Some(' ') {
                self.line(indent);
            } else if quoted && c == '\'' {
                self.put("''");
            } else {
                self.char(c);
            }
        }
        if quoted {
            self.put("'");
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, key: bool) {
        self.put("\"");
        let mut after_space = false;
        for (before, c, next) in neighbours(text) {
            if c == ' ' {
                let inside = before.is_some() && next.is_some();
                if !key && !after_space && self.column > BEST_WIDTH && inside {
                    self.line(indent);
                    if next == Some(' ') {
                        self.put("\\");
                    }
                } else {
                    self.char(' ');
                }
                after_space = true;
                continue;
            }
            after_space = false;
            self.escaped(c);
        }
        self.put("\"");
    }

    fn escaped(&mut self, c: char) {
        let short = match c {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            c if is_printable(c) => return self.char(c),
            _ => "",
        };
        if !short.is_empty() {
            return self.put(short);
        }
        let code = c as u32;
        match code {
            0..=0xff => self.put(&format!("\\x{code:02X}")),
            0x100..=0xffff => self.put(&format!("\\u{code:04X}")),
            _ => self.put(&format!("\\U{code:08X}")),
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put("2");
        }
        let body = text.trim_end_matches(is_break);
        match text[body.len()..].chars().count() {
            0 => self.put("-"),
            1 if !body.is_empty() => {}
            _ => self.put("+"),
        }
        // A newline at the end closes the last line rather than opens another.
        let lines = text.strip_suffix('\n').unwrap_or(text);
        for line in lines.split('\n') {
            self.line(0);
            let mut start = true;
            for c in line.chars() {
                if is_break(c) {
                    self.out.char(c);
                    start = true;
                    continue;
                }
                if std::mem::take(&mut start) {
                    self.pad(indent);
                }
                self.char(c);
            }
        }
    }

    fn line(&mut self, indent: usize) {
        self.out.byte(b'\n');
        self.pad(indent);
    }

    fn pad(&mut self, indent: usize) {
        self.out.fill(b" ", indent);
        self.column = indent;
    }

    fn put(&mut self, text: &str) {
        self.out.text(text);
        self.column += text.chars().count();
    }

    fn char(&mut self, c: char) {
        self.out.char(c);
        self.column += 1;
    }
}

/// Each character with those beside it.
fn neighbours(text: &str) -> impl Iterator<Item = (Option<char>, char, Option<char>)> {
    let mut before = None;
    let after = text.chars().skip(1).map(Some).chain([None]);
    text.chars()
        .zip(after)
        .map(move |(c, next)| (before.replace(c), c, next))
}

/// The styles that a text may be written in outside of flow collections.
struct Looks {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Looks {
    fn of(text: &str) -> Self {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\u{85}') || is_break(c);
        let space = |c: Option<char>| c.is_none_or(blank);
        let mut looks = Self {
            plain: true,
            single_quoted: true,
            block: !text.is_empty(),
        };
        if text.starts_with("---") || text.starts_with("...") {
            looks.plain = false;
        }
        for (before, c, next) in neighbours(text) {
            let next_space = space(next);
            let (first, last) = (before.is_none(), next.is_none());
            let indicator = match c {
                '#' => space(before),
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => first,
                '?' | '-' => first && next_space,
                ':' => next_space,
                _ => false,
            };
            looks.plain &= !indicator;
            match c {
                ' ' => {
                    looks.plain &= !first && !last;
                    looks.block &= !last;
                    if before.is_some_and(is_break) {
                        looks.plain = false;
                        looks.single_quoted = false;
                    }
                }
                c if is_break(c) => {
                    looks.plain = false;
                    if before == Some(' ') {
                        looks.single_quoted = false;
                        looks.block = false;
                    }
                }
                c if !is_printable(c) => {
                    looks.plain = false;
                    looks.single_quoted = false;
                    looks.block = false;
                }
                _ => {}
            }
        }
        looks
    }
}

/// What ends a line, of what may stand in a text as it is.
fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{2028}' | '\u{2029}')
}

/// What the emitter writes as it is: nothing past the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}
