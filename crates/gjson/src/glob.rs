//! Pure. Patterns with `*` and `?`, matched without going back more than one star.

use crate::budget::{Budget, LimitError};

/// What comparing one character costs, in bytes scanned.
const STEP_COST: usize = 3;

/// Says whether `text` matches `pattern`: `*` is any text, `?` one character, a backslash
/// takes the next character as it is.
pub(crate) fn matches(
    text: &[u8],
    pattern: &[u8],
    budget: &mut Budget,
) -> Result<bool, LimitError> {
    let (mut t, mut p) = (0, 0);
    // Where the last star stands, and how much text it has taken.
    let mut star: Option<(usize, usize)> = None;
    let mut cost = 0;
    let matched = loop {
        cost += STEP_COST;
        let (seen, wanted) = (text.get(t), pattern.get(p));
        // Most characters are letters that are the same.
        if seen.is_some() && seen == wanted && seen.is_some_and(u8::is_ascii_alphanumeric) {
            t += 1;
            p += 1;
            continue;
        }
        if wanted == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                // It takes whatever is left.
                break true;
            }
            star = Some((p, t));
            continue;
        }
        if t >= text.len() && p >= pattern.len() {
            break true;
        }
        if let Some((next_t, next_p)) = step(text, t, pattern, p) {
            (t, p) = (next_t, next_p);
            continue;
        }
        let Some((after, taken)) = star.filter(|(_, taken)| *taken < text.len()) else {
            break false;
        };
        let taken = taken + char_at(text, taken).1;
        star = Some((after, taken));
        (t, p) = (taken, after);
        if cost > 1024 {
            budget.scan(cost)?;
            cost = 0;
        }
    };
    budget.scan(cost)?;
    Ok(matched)
}

/// Matches one character that isn't a star.
fn step(text: &[u8], t: usize, pattern: &[u8], p: usize) -> Option<(usize, usize)> {
    if t >= text.len() {
        return None;
    }
    let (seen, seen_len) = char_at(text, t);
    let from = match pattern.get(p)? {
        b'?' => return Some((t + seen_len, p + 1)),
        // The last backslash of a pattern has nothing to escape and stands for itself.
        b'\\' if p + 1 < pattern.len() => p + 1,
        _ => p,
    };
    let (wanted, wanted_len) = char_at(pattern, from);
    (seen == wanted).then_some((t + seen_len, from + wanted_len))
}

/// Decodes the character at `at`; a byte that isn't UTF-8 is a replacement character.
fn char_at(bytes: &[u8], at: usize) -> (char, usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first() {
        Some(byte) if byte.is_ascii() => return (char::from(*byte), 1),
        None => return (char::REPLACEMENT_CHARACTER, 1),
        Some(_) => {}
    }
    let head = rest.get(..rest.len().min(4)).unwrap_or_default();
    let valid = head
        .utf8_chunks()
        .next()
        .map(|chunk| chunk.valid())
        .unwrap_or_default();
    match valid.chars().next() {
        Some(c) => (c, c.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}
