//! Pure. The order of keys in YAML: numbers inside them count as numbers, signs before letters.
use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::runes::{is_digit, is_letter};

/// Sorts by an order that may go round in a circle, as [`natural`] can (`01A` < `2` < `010` <
/// `01A`), for which the standard library's sorts may panic.
pub(super) fn sorted_by<T>(mut items: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        let mut rest = items.into_iter().peekable();
        while rest.peek().is_some() {
            let mut left: VecDeque<T> = rest.by_ref().take(width).collect();
            let mut right: VecDeque<T> = rest.by_ref().take(width).collect();
            while let (Some(l), Some(r)) = (left.front(), right.front()) {
                let from = if compare(l, r).is_gt() {
                    &mut right
                } else {
                    &mut left
                };
                merged.extend(from.pop_front());
            }
            merged.extend(left);
            merged.extend(right);
        }
        items = merged;
        width *= 2;
    }
    items
}

/// Compares two keys.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let mut before = Digits::default();
    let (mut a_rest, mut b_rest) = (a.chars(), b.chars());
    loop {
        let (a_here, b_here) = (a_rest.clone(), b_rest.clone());
        let (a, b) = match (a_rest.next(), b_rest.next()) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        if a == b {
            before.push(a);
            continue;
        }
        return match (is_letter(a), is_letter(b)) {
            (true, true) => a.cmp(&b),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                // A zero inside a number is one more digit of it; in front it is none.
                let lead = i64::from((a == '0' || b == '0') && before.significant);
                let (a_number, b_number) = (number(a_here, lead), number(b_here, lead));
                a_number.cmp(&b_number).then(a.cmp(&b))
            }
        };
    }
}

/// The run of digits right before a place.
#[derive(Default)]
struct Digits {
    /// Whether one of them is not 0.
    significant: bool,
}

impl Digits {
    fn push(&mut self, c: char) {
        self.significant = is_digit(c) && (self.significant || c != '0');
    }
}

/// The number that starts here, and how many digits it has.
fn number(text: std::str::Chars<'_>, lead: i64) -> (i64, usize) {
    let mut all = (lead, 0);
    for c in text.take_while(|&c| is_digit(c)) {
        let digit = i64::from(u32::from(c)) - i64::from(u32::from('0'));
        all = (all.0.wrapping_mul(10).wrapping_add(digit), all.1 + 1);
    }
    all
}
