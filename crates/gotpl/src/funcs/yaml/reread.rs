//! Pure. What becomes of text that goes through JSON into YAML, as the Kubernetes tools send it.
use std::borrow::Cow;

use crate::error::FuncError;

/// Characters between the quotes of a key, with its quotes, that a reader looks back for.
const LONGEST_KEY: usize = 1024;

/// The next line: a break in YAML that JSON does not escape.
const NEL: char = '\u{85}';

/// A text as it is read back; an error where YAML refuses a character that JSON lets through.
pub(super) fn text(text: &str) -> Result<Cow<'_, str>, FuncError> {
    if text.is_ascii() && !text.contains('\u{7f}') {
        return Ok(text.into());
    }
    if text.chars().any(refused) {
        return Err("yaml: control characters are not allowed".into());
    }
    if !text.contains(NEL) {
        return Ok(text.into());
    }
    folded(text).map(Cow::Owned)
}

/// A key, which may neither be too long nor take two lines.
pub(super) fn key(text: &str) -> Result<&str, FuncError> {
    let len = 2 + text.chars().map(json_len).sum::<usize>();
    if len > LONGEST_KEY || text.contains(NEL) {
        return Err("yaml: did not find expected ',' or '}'".into());
    }
    self::text(text).map(|_| text)
}

fn refused(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// Characters that JSON takes for one.
fn json_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        _ => 1,
    }
}

/// Breaks with the spaces around them: one is a space, each further one a new line.
fn folded(text: &str) -> Result<String, FuncError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([' ', NEL]) {
        out.push_str(&rest[..at]);
        let blank = |c: char| c == ' ' || c == NEL;
        let after = rest[at..].trim_start_matches(blank);
        let run = &rest[at..rest.len() - after.len()];
        match run.matches(NEL).count() {
            0 => out.push_str(run),
            1 => out.push(' '),
            more => out.extend(std::iter::repeat_n('\n', more - 1)),
        }
        let marker = after.starts_with("---") || after.starts_with("...");
        if marker && run.ends_with(NEL) && after[3..].starts_with(blank) {
            return Err("yaml: found unexpected document indicator".into());
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
