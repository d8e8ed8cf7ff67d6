//! Pure. Text to moments by a layout.
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::layout::{Part, ZoneForm, next};
use super::{MONTHS, Time, WEEKDAYS, Zone};
use crate::error::FuncError;
use crate::fmt::quote::quote_text;

/// The moment that a text shows by a layout; without a zone in it, in the given one.
pub(crate) fn parse(layout: &[u8], text: &[u8], local: &TimeZone) -> Result<Time, FuncError> {
    let mut fields = Fields::default();
    fields
        .read(layout, text)
        .and_then(|()| fields.time(local))
        .ok_or_else(|| {
            let (text, layout) = (quote_text(text), quote_text(layout));
            FuncError::new(format!("parsing time {text} as {layout}: cannot parse"))
        })
}

#[derive(Default)]
struct Fields {
    year: i32,
    month: Option<i32>,
    day: Option<i32>,
    yday: Option<i32>,
    hour: i32,
    minute: i32,
    second: i32,
    nanos: i32,
    pm: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: Option<String>,
}

/// A number of one to `max` digits; of exactly as many if `fixed`.
fn number(text: &[u8], max: usize, fixed: bool) -> Option<(i32, &[u8])> {
    let count = text
        .iter()
        .take(max)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if count == 0 || (fixed && count < max) {
        return None;
    }
    let value = std::str::from_utf8(&text[..count]).ok()?.parse().ok()?;
    Some((value, &text[count..]))
}

fn name<'t>(text: &'t [u8], names: &[&str], len: Option<usize>) -> Option<(i32, &'t [u8])> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = &name.as_bytes()[..len.unwrap_or(name.len())];
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name)
            .then(|| (i as i32, &text[name.len()..]))
    })
}

impl Fields {
    fn read(&mut self, layout: &[u8], text: &[u8]) -> Option<()> {
        let (mut layout, mut text) = (layout, text);
        loop {
            let (prefix, part, after) = next(layout);
            text = skip(text, prefix)?;
            let Some((part, _)) = part else {
                return text.is_empty().then_some(());
            };
            let fraction_next = matches!(next(after), (b"", Some((Part::Fraction(..), _)), _));
            text = self.part(part, text, fraction_next)?;
            layout = after;
        }
    }

    fn part<'t>(&mut self, part: Part, text: &'t [u8], fraction_next: bool) -> Option<&'t [u8]> {
        let space = |text: &'t [u8]| text.strip_prefix(b" ").unwrap_or(text);
        let (value, rest) = match part {
            Part::LongMonth => name(text, &MONTHS, None)?,
            Part::Month => name(text, &MONTHS, Some(3))?,
            Part::NumMonth => number(text, 2, false)?,
            Part::ZeroMonth => number(text, 2, true)?,
            Part::LongWeekday => name(text, &WEEKDAYS, None)?,
            Part::Weekday => name(text, &WEEKDAYS, Some(3))?,
            Part::Day => number(text, 2, false)?,
            Part::UnderDay => number(space(text), 2, false)?,
            Part::ZeroDay => number(text, 2, true)?,
            Part::UnderYearDay => number(space(space(text)), 3, false)?,
            Part::ZeroYearDay => number(text, 3, true)?,
            Part::Hour | Part::Hour12 | Part::Minute | Part::Second => number(text, 2, false)?,
            Part::ZeroHour12 | Part::ZeroMinute | Part::ZeroSecond => number(text, 2, true)?,
            Part::LongYear => number(text, 4, true)?,
            Part::Year => number(text, 2, true)?,
            Part::Pm | Part::LowerPm => {
                let upper = part == Part::Pm;
                let (head, rest) = text.split_at_checked(2)?;
                match head {
                    b"PM" if upper => (1, rest),
                    b"AM" if upper => (0, rest),
                    b"pm" if !upper => (1, rest),
                    b"am" if !upper => (0, rest),
                    _ => return None,
                }
            }
            Part::ZoneName => return self.zone_name(text),
            Part::Zone(form) => return self.offset(form, text),
            Part::Fraction(digits, trim) => return self.fraction(text, digits, trim),
        };
        match part {
            Part::LongMonth | Part::Month => self.month = Some(value + 1),
            Part::NumMonth | Part::ZeroMonth => self.month = Some(value),
            Part::Day | Part::UnderDay | Part::ZeroDay => self.day = Some(value),
            Part::UnderYearDay | Part::ZeroYearDay => self.yday = Some(value),
            Part::Hour => self.hour = in_range(value, 23)?,
            Part::Hour12 | Part::ZeroHour12 => self.hour = in_range(value, 12)?,
            Part::Minute | Part::ZeroMinute => self.minute = in_range(value, 59)?,
            Part::Second | Part::ZeroSecond => {
                self.second = in_range(value, 59)?;
                // A fraction may follow the seconds even if the layout has none.
                if !fraction_next && matches!(rest, [b'.' | b',', b'0'..=b'9', ..]) {
                    return self.fraction(rest, 0, true);
                }
            }
            Part::LongYear => self.year = value,
            Part::Year => {
                self.year = if value >= 69 {
                    1900 + value
                } else {
                    2000 + value
                }
            }
            Part::Pm | Part::LowerPm => self.pm = Some(value == 1),
            _ => {}
        }
        Some(rest)
    }

    /// Digits of a second: as many as the layout has, or any number.
    fn fraction<'t>(&mut self, text: &'t [u8], digits: usize, any: bool) -> Option<&'t [u8]> {
        if any && !matches!(text, [b'.' | b',', b'0'..=b'9', ..]) {
            return Some(text);
        }
        if !matches!(text.first(), Some(b'.' | b',')) {
            return None;
        }
        let found = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let count = if any { found } else { digits };
        if found < count {
            return None;
        }
        let shown = std::str::from_utf8(&text[1..1 + count.min(9)]).ok()?;
        self.nanos = format!("{shown:0<9}").parse().ok()?;
        Some(&text[1 + count..])
    }

    fn offset<'t>(&mut self, form: ZoneForm, text: &'t [u8]) -> Option<&'t [u8]> {
        if form.iso && text.first() == Some(&b'Z') {
            self.utc = true;
            return Some(&text[1..]);
        }
        let sign = match text.first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut rest = &text[1..];
        let mut seconds = 0;
        for (i, (unit, max)) in [(3600, 24), (60, 60), (1, 60)].into_iter().enumerate() {
            if i >= usize::from(form.parts) {
                break;
            }
            if i > 0 && form.colon {
                rest = rest.strip_prefix(b":")?;
            }
            let (value, after) = number(rest, 2, true)?;
            seconds += in_range(value, max)? * unit;
            rest = after;
        }
        self.offset = Some(sign * seconds);
        Some(rest)
    }

    /// Three or four capitals, or an offset.
    fn zone_name<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.utc = true;
            return Some(rest);
        }
        let capitals = text
            .iter()
            .take(6)
            .take_while(|b| b.is_ascii_uppercase())
            .count();
        let len = match capitals {
            _ if text.starts_with(b"ChST") || text.starts_with(b"MeST") => 4,
            3 if text.starts_with(b"GMT") => 3 + signed_hours(&text[3..]),
            0 if matches!(text.first(), Some(b'+' | b'-')) => match signed_hours(text) {
                0 => return None,
                len => len,
            },
            5 if text[4] == b'T' => 5,
            4 if text[3] == b'T' || text.starts_with(b"WITA") => 4,
            3 => 3,
            _ => return None,
        };
        self.zone = Some(String::from_utf8_lossy(&text[..len]).into_owned());
        Some(&text[len..])
    }

    fn time(&self, local: &TimeZone) -> Option<Time> {
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let year = i16::try_from(self.year).ok()?;
        let date = match self.yday {
            Some(yday) => {
                let date = Date::new(year, 1, 1).ok()?;
                let date = date
                    .checked_add(jiff::Span::new().try_days(yday - 1).ok()?)
                    .ok()?;
                let agrees = |given: Option<i32>, is: i8| given.is_none_or(|n| n == is.into());
                if yday < 1
                    || date.year() != year
                    || !agrees(self.month, date.month())
                    || !agrees(self.day, date.day())
                {
                    return None;
                }
                date
            }
            None => {
                let month = i8::try_from(self.month.unwrap_or(1)).ok()?;
                Date::new(year, month, i8::try_from(self.day.unwrap_or(1)).ok()?).ok()?
            }
        };
        let clock: DateTime = date.at(
            i8::try_from(hour).ok()?,
            i8::try_from(self.minute).ok()?,
            i8::try_from(self.second).ok()?,
            self.nanos,
        );
        self.in_zone(clock, local)
    }

    fn in_zone(&self, clock: DateTime, local: &TimeZone) -> Option<Time> {
        let utc = clock.to_zoned(TimeZone::UTC).ok()?.timestamp();
        if self.utc {
            return Some(Time::new(utc, TimeZone::UTC));
        }
        if let Some(offset) = self.offset {
            let at = Time::new(utc, local.clone()).plus(-i64::from(offset) * 1_000_000_000);
            let (name, seconds) = at.zone_name();
            let known = self.zone.as_ref().is_none_or(|zone| *zone == name);
            if seconds == offset && known {
                return Some(at);
            }
            let zone = Zone::Fixed(self.zone.clone().unwrap_or_default(), offset);
            return Some(Time { at: at.at, zone });
        }
        let here = Time::new(
            clock.to_zoned(local.clone()).ok()?.timestamp(),
            local.clone(),
        );
        match &self.zone {
            None => Some(here),
            Some(name) if here.zone_name().0 == *name => Some(here),
            Some(name) => {
                // An unknown name is kept, with no offset but the one that it may spell.
                let hours = name
                    .strip_prefix("GMT")
                    .and_then(|hours| hours.parse::<i32>().ok());
                let offset = hours.unwrap_or(0) * 3600;
                let at = Time::new(utc, TimeZone::UTC).plus(-i64::from(offset) * 1_000_000_000);
                Some(Time {
                    at: at.at,
                    zone: Zone::Fixed(name.clone(), offset),
                })
            }
        }
    }
}

fn in_range(value: i32, max: i32) -> Option<i32> {
    (0..=max).contains(&value).then_some(value)
}

/// The length of a sign and hours up to 23; 0 if there are none.
fn signed_hours(text: &[u8]) -> usize {
    match text.first() {
        Some(b'+' | b'-') => match number(&text[1..], 2, false) {
            Some((hours, rest)) if hours < 24 => text.len() - rest.len(),
            _ => 0,
        },
        _ => 0,
    }
}

/// Skips the text of a layout; a space there stands for any number of spaces.
fn skip<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (mut text, mut prefix) = (text, prefix);
    while let Some(&b) = prefix.first() {
        if b == b' ' {
            if !text.is_empty() && text[0] != b' ' {
                return None;
            }
            let trim = |s: &mut &[u8]| {
                while s.first() == Some(&b' ') {
                    *s = &s[1..];
                }
            };
            let mut t = text;
            while t.first() == Some(&b' ') {
                t = &t[1..];
            }
            text = t;
            trim(&mut prefix);
            continue;
        }
        if text.first() != Some(&b) {
            return None;
        }
        text = &text[1..];
        prefix = &prefix[1..];
    }
    Some(text)
}
