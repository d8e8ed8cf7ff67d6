//! Pure. Sorts the printed members of an object by key, then by value.

use std::cmp::Ordering;

use crate::{
    budget::{Budget, LimitError},
    number,
    scan::trim_space,
    string,
    text::{Buf, Text},
    valid,
    value::decoded,
};

/// A printed member: its key, and where it stands in the output.
pub(super) struct Pair {
    key: Text<'static>,
    key_length: usize,
    start: usize,
    pub(super) end: usize,
}

impl Pair {
    pub(super) fn new(key: &[u8], start: usize) -> Self {
        let key_length = key.len();
        Self {
            key: text_of(key).into_owned(),
            key_length,
            start,
            end: start,
        }
    }
}

/// Sorts the members of the object printed last, which are the end of `out`.
pub(super) fn sort(out: &mut Buf, pairs: Vec<Pair>, budget: &mut Budget) -> Result<(), LimitError> {
    let Some(first) = pairs.first().map(|pair| pair.start) else {
        return Ok(());
    };
    let members = Buf::copy_of(out.get(first..).unwrap_or_default());
    let rounds = pairs.len().ilog2() as usize + 1;
    budget.scan(members.len().saturating_mul(rounds))?;
    let printed = |pair: &Pair| {
        members
            .get(pair.start - first..pair.end - first)
            .unwrap_or(b"")
    };
    let pairs = sorted(pairs, &|a, b| {
        let values = || compare(value(printed(a), a), value(printed(b), b));
        a.key.cmp(&b.key).then_with(values).is_lt()
    });
    out.truncate(first);
    for (i, pair) in pairs.iter().enumerate() {
        if i > 0 {
            out.append(b",\n");
        }
        out.append(printed(pair));
    }
    Ok(())
}

/// Sorts by an order that need not be total: no number comes before or after NaN. The
/// standard library's sort may panic then. Small objects are sorted by insertion, as Go does,
/// so that NaN ends up where Go puts it.
fn sorted(mut pairs: Vec<Pair>, less: &impl Fn(&Pair, &Pair) -> bool) -> Vec<Pair> {
    const SMALL: usize = 20;
    if pairs.len() <= SMALL {
        for end in 1..pairs.len() {
            let mut at = end;
            while at > 0 && less(&pairs[at], &pairs[at - 1]) {
                pairs.swap(at, at - 1);
                at -= 1;
            }
        }
        return pairs;
    }
    let upper = pairs.split_off(pairs.len() / 2);
    let mut merged = Vec::with_capacity(pairs.len() + upper.len());
    let mut lower = sorted(pairs, less).into_iter().peekable();
    let mut upper = sorted(upper, less).into_iter().peekable();
    while let (Some(low), Some(up)) = (lower.peek(), upper.peek()) {
        let next = if less(up, low) {
            upper.next()
        } else {
            lower.next()
        };
        merged.extend(next);
    }
    merged.extend(lower);
    merged.extend(upper);
    merged
}

/// Returns the value of a printed member, without indentation, key and colon.
fn value<'o>(printed: &'o [u8], pair: &Pair) -> &'o [u8] {
    trim_space(
        trim_space(printed)
            .get(pair.key_length + 1..)
            .unwrap_or_default(),
    )
}

/// Orders values by type, then by what they are.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    rank(a).cmp(&rank(b)).then_with(|| match rank(a) {
        NUMBER => number::parse(a)
            .partial_cmp(&number::parse(b))
            .unwrap_or(Ordering::Equal),
        STRING => text_of(a).cmp(&text_of(b)),
        _ => a.cmp(b),
    })
}

const NUMBER: u8 = 2;
const STRING: u8 = 3;

fn rank(value: &[u8]) -> u8 {
    match value.first() {
        None | Some(b'n') => 0,
        Some(b'f') => 1,
        Some(b'"') => STRING,
        Some(b't') => 4,
        Some(b'{' | b'[') => 5,
        Some(_) => NUMBER,
    }
}

/// Returns the text of a string; one with escapes that aren't valid counts as empty.
fn text_of(string: &[u8]) -> Text<'_> {
    match string {
        _ if !string.contains(&b'\\') => decoded(string),
        [b'"', inner @ .., b'"'] if valid::is_valid(string) => {
            Text::owned(string::unescaped_strictly(inner))
        }
        _ => Text::default(),
    }
}
