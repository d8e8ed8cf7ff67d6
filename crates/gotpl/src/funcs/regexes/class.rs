//! Pure. Classes of characters and escapes in Go's regular expressions.
use std::fmt::Write as _;

use super::syntax::{Mistake, mistake};

/// A class in the engine's syntax, what it costs to compile, and what follows it.
pub(super) struct Class<'p> {
    pub(super) source: String,
    pub(super) cost: u64,
    pub(super) rest: &'p str,
}

type Parsed<'p, T> = Result<T, Mistake<'p>>;

/// Steps of compiling a class of a few ranges.
const NARROW: u64 = 3;
/// Steps of compiling one that is all but a few ranges.
pub(super) const WIDE: u64 = 12;
/// Steps of compiling one of Unicode's hundreds of ranges.
const UNICODE: u64 = 600;

const RANGE: &str = "invalid character class range";
const ESCAPE: &str = "invalid escape sequence";
const BRACKET: &str = "missing closing ]";

/// Appends one character, which may be in both cases.
pub(super) fn quoted(c: char, out: &mut String, fold: bool) {
    let _ = if fold && (!c.is_ascii() || c.is_ascii_alphabetic()) {
        write!(out, r"(?i:\x{{{:x}}})", c as u32)
    } else {
        write!(out, r"\x{{{:x}}}", c as u32)
    };
}

/// A class that a backslash and a letter make: Perl's, or Unicode's.
pub(super) fn escaped(text: &str) -> Parsed<'_, Option<Class<'_>>> {
    let Some(letter) = text[1..].chars().next() else {
        return Ok(None);
    };
    let source = match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' if text.len() > 2 => return unicode(text, letter == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some(Class {
        source: source.to_owned(),
        cost: if letter.is_lowercase() { NARROW } else { WIDE },
        rest: &text[2..],
    }))
}

/// `\pL`, `\p{Greek}`, `\P{^Lu}`.
fn unicode(text: &str, negated: bool) -> Parsed<'_, Class<'_>> {
    let inner = &text[2..];
    let (name, end) = match inner.strip_prefix('{') {
        Some(braced) => match braced.find('}') {
            Some(end) => (&braced[..end], end + 4),
            None => return mistake(RANGE, text),
        },
        None => {
            let width = inner.chars().next().map_or(0, char::len_utf8);
            (&inner[..width], width + 2)
        }
    };
    let (name, negated) = match name.strip_prefix('^') {
        Some(name) => (name, !negated),
        None => (name, negated),
    };
    let Some(property) = property(name) else {
        return mistake(RANGE, &text[..end]);
    };
    Ok(Class {
        source: format!(r"\{}{{{property}}}", if negated { 'P' } else { 'p' }),
        cost: UNICODE,
        rest: &text[end..],
    })
}

/// General categories, short and long, as names are compared: small letters alone.
const CATEGORIES: &str = " c cc cf cn co cs l lc ll lm lo lt lu m mc me mn n nd nl no p pc pd pe pf \
    pi po ps s sc sk sm so z zl zp zs other control cntrl format unassigned privateuse surrogate \
    letter casedletter lowercaseletter modifierletter otherletter titlecaseletter uppercaseletter \
    mark combiningmark spacingmark enclosingmark nonspacingmark number decimalnumber digit \
    letternumber othernumber punctuation punct connectorpunctuation dashpunctuation \
    closepunctuation finalpunctuation initialpunctuation otherpunctuation openpunctuation symbol \
    currencysymbol modifiersymbol mathsymbol othersymbol separator lineseparator \
    paragraphseparator spaceseparator ";

/// Scripts whose whole name has four letters; all other names of four are abbreviations, which
/// Go does not know.
const SHORT_SCRIPTS: [&str; 7] = ["ahom", "cham", "lisu", "modi", "newa", "thai", "toto"];

/// What the engine calls a category or a script.
fn property(name: &str) -> Option<String> {
    let ignored = |c: &char| !matches!(c, ' ' | '-' | '_');
    let name: String = name.chars().filter(ignored).collect();
    let name = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    if matches!(name.as_str(), "any" | "ascii" | "assigned") {
        return Some(name);
    }
    if CATEGORIES.contains(&format!(" {name} ")) {
        return Some(format!("gc={name}"));
    }
    let script = name.len() != 4 || SHORT_SCRIPTS.contains(&name.as_str());
    let known = |name: &str| regex::Regex::new(&format!(r"\p{{sc={name}}}")).is_ok();
    (script && known(&name)).then(|| format!("sc={name}"))
}

/// One escaped character, and what follows.
pub(super) fn escape(text: &str) -> Parsed<'_, (char, &str)> {
    let mut rest = text[1..].chars();
    let Some(c) = rest.next() else {
        return mistake("trailing backslash at end of expression", "");
    };
    let simple = match c {
        'a' => Some('\u{7}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    };
    if let Some(c) = simple {
        return Ok((c, rest.as_str()));
    }
    match c {
        '0'..='7' => octal(text),
        'x' => hexadecimal(rest.as_str()),
        _ => None,
    }
    .map_or_else(
        || {
            let len = text.len() - rest.as_str().len();
            mistake(ESCAPE, &text[..len])
        },
        Ok,
    )
}

/// Up to three digits; one alone would be a reference, unless it is 0.
fn octal(text: &str) -> Option<(char, &str)> {
    let digits = text[1..].bytes().take(3);
    let len = digits.take_while(|b| (b'0'..=b'7').contains(b)).count();
    if len == 1 && !text[1..].starts_with('0') {
        return None;
    }
    let code = u32::from_str_radix(&text[1..=len], 8).ok()?;
    Some((char::from_u32(code)?, &text[1 + len..]))
}

/// `\x7f` and `\x{10ffff}`; what is no character stands for one that text cannot have.
fn hexadecimal(rest: &str) -> Option<(char, &str)> {
    let (digits, rest) = match rest.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => (rest.get(..2)?, rest.get(2..)?),
    };
    let hex = |b: u8| b.is_ascii_hexdigit();
    if digits.is_empty() || !digits.bytes().all(hex) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let code = u32::from_str_radix(digits, 16).ok()?;
    let surrogate = (0xd800..0xe000).contains(&code).then_some('\u{10ffff}');
    Some((char::from_u32(code).or(surrogate)?, rest))
}

/// `[a-z]` with all that may stand in it.
pub(super) fn bracketed(whole: &str) -> Parsed<'_, Class<'_>> {
    let mut source = String::from("[");
    let mut rest = &whole[1..];
    let mut cost = NARROW;
    if let Some(inner) = rest.strip_prefix('^') {
        (rest, cost) = (inner, WIDE);
        source.push('^');
    }
    let mut first = true;
    loop {
        match rest.chars().next() {
            None => return mistake(BRACKET, whole),
            Some(']') if !first => break,
            Some(_) => {}
        }
        first = false;
        if let Some((inner, after)) = posix(rest)? {
            source.push_str(inner);
            (rest, cost) = (after, cost + NARROW);
            continue;
        }
        if rest.starts_with('\\')
            && let Some(class) = escaped(rest)?
        {
            source.push_str(&class.source);
            (rest, cost) = (class.rest, cost + class.cost);
            continue;
        }
        let start = rest;
        let (low, after) = member(rest, whole)?;
        rest = after;
        quoted(low, &mut source, false);
        let range = rest
            .strip_prefix('-')
            .filter(|after| !after.starts_with(']'));
        if let Some(after) = range {
            let (high, after) = member(after, whole)?;
            if high < low {
                return mistake(RANGE, &start[..start.len() - after.len()]);
            }
            source.push('-');
            quoted(high, &mut source, false);
            rest = after;
        }
        cost += 1;
    }
    source.push(']');
    let rest = &rest[1..];
    Ok(Class { source, cost, rest })
}

/// One character of a class.
fn member<'p>(text: &'p str, whole: &'p str) -> Parsed<'p, (char, &'p str)> {
    match text.chars().next() {
        None => mistake(BRACKET, whole),
        Some('\\') => escape(text),
        Some(c) => Ok((c, &text[c.len_utf8()..])),
    }
}

/// `[:alpha:]` and `[:^alpha:]`.
fn posix(text: &str) -> Parsed<'_, Option<(&str, &str)>> {
    let named = text.strip_prefix("[:");
    let Some((name, rest)) = named.and_then(|named| named.split_once(":]")) else {
        return Ok(None);
    };
    let written = &text[..text.len() - rest.len()];
    let known = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    if known.contains(&name.strip_prefix('^').unwrap_or(name)) {
        Ok(Some((written, rest)))
    } else {
        mistake(RANGE, written)
    }
}
