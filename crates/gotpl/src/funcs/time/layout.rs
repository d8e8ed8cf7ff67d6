//! Pure. Go's reference layouts: `Mon Jan 2 15:04:05 MST 2006` and its parts.

/// One part of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Pm,
    LowerPm,
    ZoneName,
    Zone(ZoneForm),
    /// Digits of a second, and whether trailing zeros go; the separator is in the layout.
    Fraction(usize, bool),
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ZoneForm {
    /// `Z` for UTC
    pub iso: bool,
    /// `:` between the parts
    pub colon: bool,
    /// Hours alone, or with minutes, or with seconds too.
    pub parts: u8,
}

const fn zone(iso: bool, colon: bool, parts: u8) -> Part {
    Part::Zone(ZoneForm { iso, colon, parts })
}

/// Fixed spellings; longer ones before those that start them.
const WORDS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::ZoneName),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::UnderYearDay),
    ("_2", Part::UnderDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::Pm),
    ("pm", Part::LowerPm),
    ("-07:00:00", zone(false, true, 3)),
    ("-070000", zone(false, false, 3)),
    ("-07:00", zone(false, true, 2)),
    ("-0700", zone(false, false, 2)),
    ("-07", zone(false, false, 1)),
    ("Z07:00:00", zone(true, true, 3)),
    ("Z070000", zone(true, false, 3)),
    ("Z07:00", zone(true, true, 2)),
    ("Z0700", zone(true, false, 2)),
    ("Z07", zone(true, false, 1)),
];

/// The text in front of the next part, the part with its length, and the rest.
pub(super) fn next(layout: &[u8]) -> (&[u8], Option<(Part, usize)>, &[u8]) {
    for at in 0..layout.len() {
        if let Some((part, len)) = part_at(layout, at) {
            return (&layout[..at], Some((part, len)), &layout[at + len..]);
        }
    }
    (layout, None, &[])
}

fn part_at(layout: &[u8], at: usize) -> Option<(Part, usize)> {
    let rest = &layout[at..];
    let small_after = |len: usize| rest.get(len).is_some_and(u8::is_ascii_lowercase);
    match rest[0] {
        b'.' | b',' => fraction(rest),
        // `_2006` is a year after an underscore.
        b'_' if rest.starts_with(b"_2006") => None,
        b'J' if rest.starts_with(b"Jan") && !rest.starts_with(b"January") => {
            (!small_after(3)).then_some((Part::Month, 3))
        }
        b'M' if rest.starts_with(b"Mon") && !rest.starts_with(b"Monday") => {
            (!small_after(3)).then_some((Part::Weekday, 3))
        }
        _ => WORDS
            .iter()
            .find(|(word, _)| rest.starts_with(word.as_bytes()))
            .map(|(word, part)| (*part, word.len())),
    }
}

fn fraction(rest: &[u8]) -> Option<(Part, usize)> {
    let digit = *rest.get(1).filter(|b| matches!(b, b'0' | b'9'))?;
    let count = rest[1..].iter().take_while(|&&b| b == digit).count();
    if rest.get(1 + count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Part::Fraction(count, digit == b'9'), 1 + count))
}
