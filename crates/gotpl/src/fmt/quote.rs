//! Pure. Quoting as Go's `strconv.Quote` does it.
use crate::bytes::Buf;
use crate::runes;

/// What a quoted string may hold unescaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Every printable character.
    Printable,
    /// Printable ASCII alone.
    Ascii,
}

/// Appends bytes quoted.
pub(crate) fn quote(out: &mut Buf, bytes: &[u8], quote: u8, charset: Charset) {
    out.byte(quote);
    let plain = |b: &u8| matches!(b, b' '..=b'~') && *b != quote && *b != b'\\';
    let mut rest = bytes;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.iter().take_while(|&b| plain(b)).count());
        out.put(run);
        rest = after;
        if let Some(&first) = rest.first() {
            let (c, width) = runes::decode(rest);
            match c {
                Some(c) => escape(out, c, quote, charset),
                None => out.text(&format!("\\x{first:02x}")),
            }
            rest = &rest[width..];
        }
    }
    out.byte(quote);
}

/// Appends a character in single quotes.
pub(crate) fn quote_char(out: &mut Buf, c: char, charset: Charset) {
    out.byte(b'\'');
    escape(out, c, b'\'', charset);
    out.byte(b'\'');
}

/// Bytes in double quotes.
pub(crate) fn quote_text(bytes: &[u8]) -> String {
    let mut out = Buf::new();
    quote(&mut out, bytes, b'"', Charset::Printable);
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

/// Whether Go would print the string in backquotes with `%#q`.
pub(crate) fn can_backquote(bytes: &[u8]) -> bool {
    runes::runes(bytes).all(|rune| match rune.char {
        None | Some('\u{feff}' | '`' | '\u{7f}') => false,
        Some(c) => c >= ' ' || c == '\t',
    })
}

fn escape(out: &mut Buf, c: char, quote: u8, charset: Charset) {
    let code = c as u32;
    match c {
        _ if code == u32::from(quote) || c == '\\' => {
            out.byte(b'\\');
            out.char(c);
        }
        '\u{7}' => out.text("\\a"),
        '\u{8}' => out.text("\\b"),
        '\u{c}' => out.text("\\f"),
        '\n' => out.text("\\n"),
        '\r' => out.text("\\r"),
        '\t' => out.text("\\t"),
        '\u{b}' => out.text("\\v"),
        _ if (c.is_ascii() || charset == Charset::Printable) && runes::is_print(c) => out.char(c),
        _ if code < 0x20 || code == 0x7f => out.text(&format!("\\x{code:02x}")),
        _ if code < 0x10000 => out.text(&format!("\\u{code:04x}")),
        _ => out.text(&format!("\\U{code:08x}")),
    }
}
