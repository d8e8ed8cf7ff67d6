//! Pure. UTF-8 and Unicode as Go sees them: invalid bytes are runes of their own.
use std::sync::LazyLock;

use regex::Regex;

use crate::bytes::Buf;

/// The rune that stands for an invalid byte.
pub(crate) const RUNE_ERROR: char = '\u{fffd}';

/// Decodes the first rune of non-empty bytes: its width, and `None` if it is an invalid byte.
pub(crate) fn decode(bytes: &[u8]) -> (Option<char>, usize) {
    if bytes.first().is_some_and(u8::is_ascii) {
        return (Some(bytes[0] as char), 1);
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(err) => std::str::from_utf8(&head[..err.valid_up_to()]).unwrap_or(""),
    };
    valid
        .chars()
        .next()
        .map_or((None, 1), |c| (Some(c), c.len_utf8()))
}

/// Decodes the last rune of non-empty bytes.
pub(crate) fn decode_last(bytes: &[u8]) -> (Option<char>, usize) {
    for width in 1..=bytes.len().min(4) {
        if let (Some(c), w) = decode(&bytes[bytes.len() - width..])
            && w == width
        {
            return (Some(c), w);
        }
    }
    (None, 1)
}

/// The runes of a byte string with their offsets and widths.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = Rune> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let (char, width) = decode(rest);
        let rune = Rune { at, width, char };
        at += width;
        Some(rune)
    })
}

/// One rune of a byte string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rune {
    /// Offset of its first byte.
    pub(crate) at: usize,
    /// Number of its bytes.
    pub(crate) width: usize,
    /// The character, or `None` for an invalid byte.
    pub(crate) char: Option<char>,
}

impl Rune {
    /// The character, U+FFFD for an invalid byte.
    pub(crate) fn value(self) -> char {
        self.char.unwrap_or(RUNE_ERROR)
    }
}

/// The number of runes.
pub(crate) fn count(bytes: &[u8]) -> usize {
    runes(bytes).count()
}

fn matches(class: &LazyLock<Option<Regex>>, c: char) -> bool {
    class
        .as_ref()
        .is_some_and(|re| re.is_match(c.encode_utf8(&mut [0; 4])))
}

/// Whether Go's `unicode.IsLetter` holds.
pub(crate) fn is_letter(c: char) -> bool {
    static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{L}$").ok());
    if c.is_ascii() {
        c.is_ascii_alphabetic()
    } else {
        matches(&CLASS, c)
    }
}

/// Whether Go's `unicode.IsDigit` holds.
pub(crate) fn is_digit(c: char) -> bool {
    static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").ok());
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        matches(&CLASS, c)
    }
}

/// Whether Go's `unicode.IsNumber` holds.
pub(crate) fn is_number(c: char) -> bool {
    static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{N}$").ok());
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        matches(&CLASS, c)
    }
}

/// Whether Go's `unicode.IsUpper` holds.
pub(crate) fn is_upper(c: char) -> bool {
    static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Lu}$").ok());
    if c.is_ascii() {
        c.is_ascii_uppercase()
    } else {
        matches(&CLASS, c)
    }
}

/// Whether Go's `unicode.IsPunct` holds.
pub(crate) fn is_punct(c: char) -> bool {
    static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{P}$").ok());
    matches(&CLASS, c)
}

/// Whether Go's `strconv.IsPrint` holds: letters, marks, numbers, punctuation, symbols, space.
pub(crate) fn is_print(c: char) -> bool {
    static CLASS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());
    if c.is_ascii() {
        matches!(c, ' '..='~')
    } else {
        matches(&CLASS, c)
    }
}

/// Whether Go's `unicode.IsSpace` holds.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// Go's `unicode.ToUpper`: one character for one character.
pub(crate) fn to_upper(c: char) -> char {
    match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shift(c, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shift(c, 9),
        _ => single(c, c.to_uppercase()),
    }
}

/// Go's `unicode.ToLower`: one character for one character.
pub(crate) fn to_lower(c: char) -> char {
    if c == '\u{130}' {
        'i'
    } else {
        single(c, c.to_lowercase())
    }
}

/// Go's `unicode.ToTitle`.
pub(crate) fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჺ' | 'ჽ'..='ჿ' => c,
        _ => to_upper(c),
    }
}

fn shift(c: char, by: u32) -> char {
    char::from_u32(c as u32 + by).unwrap_or(c)
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Maps every rune as Go's `strings.Map` does: invalid bytes become U+FFFD.
pub(crate) fn map(bytes: &[u8], mut f: impl FnMut(char) -> char) -> Buf {
    // What is mapped may be longer than it was, and must leave no copy behind when it grows.
    let mut out = Buf::new();
    out.make_room(bytes.len());
    for rune in runes(bytes) {
        out.char(f(rune.value()));
    }
    out
}

/// Appends a character in UTF-8.
pub(crate) fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
