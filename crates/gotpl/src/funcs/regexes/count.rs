//! Pure. Counts of repetitions in Go's regular expressions.

/// The bounds of `{n}`, `{n,}` or `{n,m}` and what follows; a bound that is far too large is
/// none, and text of another form no count.
pub(super) type Counts<'p> = (Option<u32>, Option<Option<u32>>, &'p str);

/// Reads such a count at the start of a text.
pub(super) fn counts(text: &str) -> Option<Counts<'_>> {
    let (min, rest) = number(text.strip_prefix('{')?)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, Some(min), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, None, rest));
    }
    let (max, rest) = number(rest)?;
    Some((min, Some(max), rest.strip_prefix('}')?))
}

/// Digits without a leading zero.
fn number(text: &str) -> Option<(Option<u32>, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits = &text[..end];
    if end == 0 || (end > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().ok(), &text[end..]))
}
