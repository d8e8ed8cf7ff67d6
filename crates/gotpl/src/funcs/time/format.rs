//! Pure. Moments to text by a layout.
use super::layout::{Part, ZoneForm, next};
use super::{MONTHS, Time, WEEKDAYS};

/// The moment as the layout shows it.
pub(crate) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = layout;
    let clock = time.zoned();
    let (zone, offset) = time.zone_name();
    while !rest.is_empty() {
        let (text, part, after) = next(rest);
        out.extend_from_slice(text);
        if let Some((part, _)) = part {
            let separator = rest[text.len()];
            out.extend(one(&clock, part, separator, &zone, offset).into_bytes());
        }
        rest = after;
    }
    out
}

fn one(clock: &jiff::Zoned, part: Part, separator: u8, zone: &str, offset: i32) -> String {
    let month = MONTHS[usize::from(clock.month().unsigned_abs()).clamp(1, 12) - 1];
    let weekday = WEEKDAYS[usize::from(clock.weekday().to_sunday_zero_offset().unsigned_abs())];
    let (year, day, yday) = (clock.year(), clock.day(), clock.day_of_year());
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    match part {
        Part::LongMonth => month.into(),
        Part::Month => month[..3].into(),
        Part::NumMonth => clock.month().to_string(),
        Part::ZeroMonth => format!("{:02}", clock.month()),
        Part::LongWeekday => weekday.into(),
        Part::Weekday => weekday[..3].into(),
        Part::Day => day.to_string(),
        Part::UnderDay => format!("{day:2}"),
        Part::ZeroDay => format!("{day:02}"),
        Part::UnderYearDay => format!("{yday:3}"),
        Part::ZeroYearDay => format!("{yday:03}"),
        Part::Hour => format!("{hour:02}"),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => minute.to_string(),
        Part::ZeroMinute => format!("{minute:02}"),
        Part::Second => second.to_string(),
        Part::ZeroSecond => format!("{second:02}"),
        Part::LongYear if year < 0 => format!("-{:04}", year.unsigned_abs()),
        Part::LongYear => format!("{year:04}"),
        Part::Year => format!("{:02}", year.rem_euclid(100)),
        Part::Pm => if hour >= 12 { "PM" } else { "AM" }.into(),
        Part::LowerPm => if hour >= 12 { "pm" } else { "am" }.into(),
        Part::ZoneName if zone.is_empty() || zone.starts_with(['+', '-']) && zone.len() != 3 => {
            offset_text(
                offset,
                ZoneForm {
                    iso: false,
                    colon: false,
                    parts: 2,
                },
            )
        }
        Part::ZoneName => zone.into(),
        Part::Zone(form) => offset_text(offset, form),
        Part::Fraction(digits, trim) => {
            let nanos = format!("{:09}", clock.subsec_nanosecond());
            let shown = nanos[..digits.min(9)].to_owned() + &"0".repeat(digits.saturating_sub(9));
            let shown = if trim {
                shown.trim_end_matches('0')
            } else {
                shown.as_str()
            };
            let separator = char::from(separator);
            if shown.is_empty() {
                String::new()
            } else {
                format!("{separator}{shown}")
            }
        }
    }
}

fn offset_text(offset: i32, form: ZoneForm) -> String {
    if form.iso && offset == 0 {
        return "Z".into();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let size = offset.unsigned_abs();
    let colon = if form.colon { ":" } else { "" };
    let mut out = format!("{sign}{:02}", size / 3600);
    if form.parts >= 2 {
        out += &format!("{colon}{:02}", size / 60 % 60);
    }
    if form.parts >= 3 {
        out += &format!("{colon}{:02}", size % 60);
    }
    out
}
