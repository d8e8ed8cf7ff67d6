//! Pure. The little of HPACK (RFC 7541) that finds `:authority` in a connection's first header
//! block: nothing is in the dynamic table yet, so only literals matter.

/// The symbols of the Huffman code with at most 15 bits, by the length of their code: printable
/// ASCII but the backslash. The code is canonical, so lengths and order say everything.
const SYMBOLS: [(u32, &[u8]); 10] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];

/// The value of `:authority` in a header block; `None` when there is none or the block is not
/// understood, which is then for others to refuse.
pub(crate) fn authority(block: &[u8]) -> Option<Vec<u8>> {
    let mut rest = block;
    while let Some(&first) = rest.first() {
        if first & 0x80 != 0 {
            integer(&mut rest, 7)?;
            continue;
        }
        if first & 0xe0 == 0x20 {
            integer(&mut rest, 5)?;
            continue;
        }
        let prefix = if first & 0x40 != 0 { 6 } else { 4 };
        let index = integer(&mut rest, prefix)?;
        let is_authority = match index {
            0 => string(&mut rest)? == b":authority",
            _ => index == 1,
        };
        let value = string(&mut rest)?;
        if is_authority {
            return Some(value);
        }
    }
    None
}

fn integer(rest: &mut &[u8], prefix: u32) -> Option<usize> {
    let (&first, tail) = rest.split_first()?;
    *rest = tail;
    let mask = (1usize << prefix) - 1;
    let mut value = usize::from(first) & mask;
    if value < mask {
        return Some(value);
    }
    // Three more bytes hold every length that fits a frame.
    for shift in [0, 7, 14] {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let huffman = rest.first()? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (bytes, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    if huffman {
        Some(unpack(bytes))
    } else {
        Some(bytes.to_vec())
    }
}

/// Decodes a string; a symbol with a longer code than 15 bits becomes a question mark and ends it.
fn unpack(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    let (mut code, mut length) = (0u32, 0u32);
    for bit in (0..bytes.len() * 8).map(|at| bytes[at / 8] >> (7 - at % 8) & 1) {
        code = code << 1 | u32::from(bit);
        length += 1;
        if let Some(symbol) = symbol(code, length) {
            text.push(symbol);
            (code, length) = (0, 0);
        } else if length > 15 {
            text.push(b'?');
            return text;
        }
    }
    text
}

fn symbol(code: u32, length: u32) -> Option<u8> {
    let (mut next, mut at) = (0u32, SYMBOLS[0].0);
    for (bits, symbols) in SYMBOLS {
        next <<= bits - at;
        at = bits;
        if bits == length {
            let place = code.checked_sub(next)?;
            return symbols.get(usize::try_from(place).ok()?).copied();
        }
        next += u32::try_from(symbols.len()).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 7541, C.3.1 and C.4.1: the same request, plain and in Huffman code.
        let plain = b"\x82\x86\x84\x41\x0fwww.example.com";
        assert_eq!(
            authority(plain).as_deref(),
            Some(b"www.example.com".as_slice())
        );
        let packed = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        assert_eq!(
            authority(packed).as_deref(),
            Some(b"www.example.com".as_slice())
        );
        // C.6.1: a date, with symbols of most lengths.
        let date = b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff";
        assert_eq!(unpack(date), b"Mon, 21 Oct 2013 20:13:21 GMT");
    }

    #[test]
    fn literals_of_every_sort_are_passed_over() {
        let block = b"\x3f\xe1\x1f\x40\x01a\x01b\x00\x01c\x01d\x10\x01e\x01f\x0f\x2f\x01g\x00\x0a:authority\x01x";
        assert_eq!(authority(block).as_deref(), Some(b"x".as_slice()));
        assert_eq!(authority(b"\x82\x86"), None);
        assert_eq!(authority(b"\x41\x85\xf1"), None, "cut off");
        assert_eq!(
            authority(b"\x41\xff\xff\xff\xff\xff\x00"),
            None,
            "a length beyond reason"
        );
    }
}
