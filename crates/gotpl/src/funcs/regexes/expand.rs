//! Pure. What stands in for a match: `$1`, `${name}`, `$$`.
use crate::bytes::Buf;
use crate::runes;

/// A part of a replacement.
pub(super) enum Part<'t> {
    Text(&'t [u8]),
    Group(usize),
}

/// Takes a replacement apart; what names no group stands for nothing.
pub(super) fn parts<'t>(mut rest: &'t [u8], names: &[Option<String>]) -> Vec<Part<'t>> {
    let mut all = Vec::new();
    while let Some(at) = memchr::memchr(b'$', rest) {
        all.push(Part::Text(&rest[..at]));
        let after = &rest[at + 1..];
        if after.first() == Some(&b'$') {
            all.push(Part::Text(b"$"));
            rest = &after[1..];
        } else if let Some((name, after)) = reference(after) {
            let known = |known: &Option<String>| known.as_deref().map(str::as_bytes) == Some(name);
            let by_name = || names.iter().position(known);
            all.extend(number(name).or_else(by_name).map(Part::Group));
            rest = after;
        } else {
            // Malformed: the sign stands for itself.
            all.push(Part::Text(b"$"));
            rest = after;
        }
    }
    all.push(Part::Text(rest));
    all
}

/// Writes the parts, with what the groups hold.
pub(super) fn write<'g>(out: &mut Buf, parts: &[Part<'_>], group: impl Fn(usize) -> &'g [u8]) {
    for part in parts {
        match part {
            Part::Text(text) => out.put(text),
            Part::Group(number) => out.put(group(*number)),
        }
        if out.overflowed() {
            return;
        }
    }
}

/// The name behind a `$`, in braces or as long as it goes, and what follows it.
fn reference(after: &[u8]) -> Option<(&[u8], &[u8])> {
    let braced = after.first() == Some(&b'{');
    let text = &after[usize::from(braced)..];
    let word = |c: char| c == '_' || runes::is_letter(c) || runes::is_digit(c);
    let end = runes::runes(text).find(|rune| !word(rune.value()));
    let end = end.map_or(text.len(), |rune| rune.at);
    let (name, rest) = text.split_at(end);
    match (name.is_empty(), braced, rest.first()) {
        (false, false, _) => Some((name, rest)),
        (false, true, Some(b'}')) => Some((name, &rest[1..])),
        _ => None,
    }
}

/// A group's number: digits without a leading zero.
fn number(name: &[u8]) -> Option<usize> {
    if name.len() > 1 && name[0] == b'0' || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    text.parse().ok().filter(|_| name.len() <= 9)
}
