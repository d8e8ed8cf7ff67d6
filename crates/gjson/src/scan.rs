//! Pure. Finds where JSON tokens begin and end, without checking that they are valid.
//!
//! A document that isn't valid JSON is read as far as it makes sense, in the way Go reads it:
//! callers rely on it only for being equal, never for being right.

/// What a value is, by the byte it begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Null,
    False,
    True,
    Number,
    String,
    Json,
}

/// Says what value begins at `at`, if one does.
#[inline]
pub(crate) fn token_at(json: &[u8], at: usize) -> Option<Token> {
    match json.get(at)? {
        b'"' => Some(Token::String),
        b'{' | b'[' => Some(Token::Json),
        b't' => Some(Token::True),
        b'f' => Some(Token::False),
        b'n' => match json.get(at + 1) {
            Some(b'u') | None => Some(Token::Null),
            Some(_) => Some(Token::Number),
        },
        b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N' => Some(Token::Number),
        _ => None,
    }
}

/// Returns the next value at or after `from`, passing over every other byte.
#[inline]
pub(crate) fn next_token(json: &[u8], from: usize) -> Option<(Token, usize)> {
    let rest = json.get(from..)?;
    (from..from + rest.len()).find_map(|at| Some((token_at(json, at)?, at)))
}

/// Returns the end of the value that begins at `start`; nothing for a string that never ends.
#[inline]
pub(crate) fn token_end(json: &[u8], start: usize, token: Token) -> Option<usize> {
    match token {
        Token::String => string_end(json, start + 1),
        Token::Json => Some(block_end(json, start)),
        Token::Number => Some(number_end(json, start)),
        Token::Null | Token::False | Token::True => Some(literal_end(json, start)),
    }
}

/// Returns the position after the closing quote of a string whose text begins at `from`.
///
/// Byte by byte at first, since most strings are too short for anything cleverer to pay off.
#[inline]
pub(crate) fn string_end(json: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let short = json.get(..json.len().min(from + SHORT)).unwrap_or_default();
    while at < short.len() {
        let byte = short[at];
        at += 1;
        // Letters come after the backslash, so that one comparison passes over most of them.
        if byte > b'\\' {
            continue;
        }
        if byte == b'"' {
            return Some(at);
        }
        if byte == b'\\' {
            at += 1;
        }
    }
    long_string_end(json, at)
}

/// Bytes of a string that are looked at one by one.
const SHORT: usize = 48;

/// The rest of a long string: certificates, keys, tokens.
#[cold]
#[inline(never)]
fn long_string_end(json: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = json.get(at..)?;
        let found = at + memchr::memchr2(b'"', b'\\', rest)?;
        if json.get(found) == Some(&b'"') {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// Returns the position of the first quote or backslash.
#[inline]
pub(crate) fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let short = &text[..text.len().min(SHORT)];
    let found = short.iter().position(|b| matches!(b, b'"' | b'\\'));
    found.or_else(|| {
        let rest = text.get(SHORT..)?;
        memchr::memchr2(b'"', b'\\', rest).map(|found| SHORT + found)
    })
}

/// Bytes that change the depth of a block, or begin a string.
const STRUCTURE: [bool; 256] = {
    let mut table = [false; 256];
    table[b'"' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table[b'(' as usize] = true;
    table[b')' as usize] = true;
    table
};

/// Returns the end of the object, array or parenthesis that begins at `start`. Any closing
/// byte closes any opening one; a block that never ends reaches to the end of the document.
#[inline]
pub(crate) fn block_end(json: &[u8], start: usize) -> usize {
    block_end_or_beyond(json, start).min(json.len())
}

/// Returns the end of a block like [`block_end`], or a position behind the end of the
/// document if this ends inside a string.
#[inline(never)]
pub(crate) fn block_end_or_beyond(json: &[u8], start: usize) -> usize {
    let mut depth = 1_usize;
    let mut at = start + 1;
    while at < json.len() {
        let byte = json[at];
        at += 1;
        if !STRUCTURE[usize::from(byte)] {
            continue;
        }
        match byte {
            b'"' => {
                let Some(end) = string_end(json, at) else {
                    return json.len() + 1;
                };
                at = end;
            }
            b'{' | b'[' | b'(' => depth += 1,
            _ => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
        }
    }
    json.len()
}

/// Returns the end of what begins with `{`, `[`, `(` or a quote: of a path's argument or
/// literal.
pub(crate) fn quoted_or_block_end(path: &[u8]) -> usize {
    if path.first() == Some(&b'"') {
        string_end(path, 1).unwrap_or(path.len())
    } else {
        block_end(path, 0)
    }
}

#[inline]
fn number_end(json: &[u8], start: usize) -> usize {
    let ends = |b: &u8| *b <= b' ' || matches!(b, b',' | b']' | b'}');
    let rest = json.get(start + 1..).unwrap_or_default();
    start + 1 + rest.iter().position(ends).unwrap_or(rest.len())
}

#[inline]
fn literal_end(json: &[u8], start: usize) -> usize {
    let rest = json.get(start + 1..).unwrap_or_default();
    start
        + 1
        + rest
            .iter()
            .position(|b| !b.is_ascii_lowercase())
            .unwrap_or(rest.len())
}

/// Removes bytes up to and including the space from both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b'\0'..=b' ', rest @ ..] | [rest @ .., b'\0'..=b' '] = bytes {
        bytes = rest;
    }
    bytes
}

/// Removes Unicode white space from both ends.
pub(crate) fn trim_space(mut bytes: &[u8]) -> &[u8] {
    // No white space takes more than three bytes.
    let space = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let mut chars = text.chars();
        chars.next().is_some_and(char::is_whitespace) && chars.next().is_none()
    };
    'trimming: loop {
        for length in 1..=bytes.len().min(3) {
            let (head, rest) = bytes.split_at(length);
            if space(head) {
                bytes = rest;
                continue 'trimming;
            }
            let (rest, tail) = bytes.split_at(bytes.len() - length);
            if space(tail) {
                bytes = rest;
                continue 'trimming;
            }
        }
        return bytes;
    }
}
