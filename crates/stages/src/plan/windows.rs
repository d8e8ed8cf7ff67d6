//! Pure. Sync windows: cron schedules in UTC with a duration, as ESO reads them.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use tidegate_api::{GoDuration, SyncWindowKind, SyncWindows};

/// Whether a periodic refresh may run at `now`.
///
/// A window is open from each firing for its duration, both ends included; one whose schedule
/// cannot be read is never open.
pub(super) fn open(windows: &SyncWindows, now: Timestamp) -> bool {
    let active = (windows.windows.iter()).any(|window| {
        Schedule::parse(&window.schedule)
            .is_some_and(|schedule| schedule.active(window.duration.0, now))
    });
    match windows.kind {
        SyncWindowKind::Allow => active,
        SyncWindowKind::Deny => !active,
    }
}

/// When a window opens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Schedule {
    /// `@every`: counted from the moment of asking, so it depends on the duration alone.
    Every(Duration),
    Cron(Cron),
}

/// Five fields as bit sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether one of the two day fields is `*`: then both must match, else either.
    either_day_is_any: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Windows longer than this count as this long: it bounds the search for a firing.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

impl Schedule {
    fn parse(text: &str) -> Option<Self> {
        if let Some(every) = text.strip_prefix("@every ") {
            let every = GoDuration::parse(every).ok()?.0;
            // The field's library rounds to whole seconds, one at least.
            return Some(Self::Every(Duration::from_secs(every.as_secs().max(1))));
        }
        let fields = match text {
            "@annually" | "@yearly" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return None;
        };
        let any = |field: &str| field.starts_with(['*', '?']);
        Some(Self::Cron(Cron {
            minutes: set(minutes, 0, 59, &[])?,
            hours: set(hours, 0, 23, &[])?,
            days: set(days, 1, 31, &[])?,
            months: set(months, 1, 12, &MONTHS)?,
            weekdays: set(weekdays, 0, 6, &WEEKDAYS)?,
            either_day_is_any: any(days) || any(weekdays),
        }))
    }

    fn active(&self, duration: Duration, now: Timestamp) -> bool {
        match self {
            Self::Every(every) => *every <= duration.saturating_add(Duration::from_secs(1)),
            Self::Cron(cron) => cron.fired_within(duration.min(LONGEST), now),
        }
    }
}

impl Cron {
    /// Whether it fired in `now - duration ..= now`.
    fn fired_within(&self, duration: Duration, now: Timestamp) -> bool {
        let Ok(earliest) =
            now.checked_sub(jiff::SignedDuration::try_from(duration).unwrap_or_default())
        else {
            return false;
        };
        let latest = now.to_zoned(TimeZone::UTC);
        let mut day = Ok(latest.clone());
        while let Ok(at) = day {
            let Ok(midnight) = at.start_of_day() else {
                return false;
            };
            if self.matches_day(&at) && self.fires(&midnight, earliest, now) {
                return true;
            }
            if midnight.timestamp() <= earliest {
                return false;
            }
            day = at.checked_sub(1.day());
        }
        false
    }

    /// Whether a minute of this day within the span matches.
    fn fires(&self, midnight: &Zoned, earliest: Timestamp, now: Timestamp) -> bool {
        let start = midnight.timestamp().as_second();
        (0..24 * 60i64).any(|minute| {
            let at = start + minute * 60;
            self.hours >> (minute / 60) & 1 == 1
                && self.minutes >> (minute % 60) & 1 == 1
                && at >= earliest.as_second()
                && at <= now.as_second()
        })
    }

    fn matches_day(&self, at: &Zoned) -> bool {
        let has = |set: u64, value: i8| set >> value & 1 == 1;
        let day = has(self.days, at.day());
        let weekday = has(self.weekdays, at.weekday().to_sunday_zero_offset());
        has(self.months, at.month())
            && if self.either_day_is_any {
                day && weekday
            } else {
                day || weekday
            }
    }
}

/// Reads one field: a list of `*`, `n`, `a-b`, each with `/step`.
fn set(field: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    field.split(',').try_fold(0, |bits, part| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                Some(step.parse::<u32>().ok().filter(|step| *step > 0)?),
            ),
            None => (part, None),
        };
        let (from, to) = match range {
            "*" | "?" => (low, high),
            _ => match range.split_once('-') {
                Some((from, to)) => (number(from, low, names)?, number(to, low, names)?),
                None => {
                    let from = number(range, low, names)?;
                    (from, if step.is_some() { high } else { from })
                }
            },
        };
        (low <= from && from <= to && to <= high).then(|| {
            (from..=to)
                .step_by(step.unwrap_or(1) as usize)
                .fold(bits, |bits, value| bits | 1u64 << value)
        })
    })
}

fn number(text: &str, low: u32, names: &[&str]) -> Option<u32> {
    let named = (names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text)))
    .and_then(|at| u32::try_from(at).ok());
    named.map(|at| at + low).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_api::SyncWindow;

    fn check(kind: SyncWindowKind, schedule: &str, minutes: u64, now: &str, expected: bool) {
        let windows = SyncWindows {
            kind,
            windows: vec![SyncWindow {
                schedule: schedule.to_owned(),
                duration: GoDuration(Duration::from_secs(minutes * 60)),
            }],
        };
        let now = now.parse().unwrap();
        assert_eq!(open(&windows, now), expected, "{schedule} {minutes}m {now}");
    }

    #[test]
    fn windows_open_at_each_firing_and_stay_open_for_their_duration() {
        use SyncWindowKind::{Allow, Deny};
        // 2026-11-23 is a Monday.
        for (schedule, minutes, now, open) in [
            ("0 2 * * *", 60, "2026-11-23T02:00:00Z", true),
            ("0 2 * * *", 60, "2026-11-23T03:00:00Z", true),
            ("0 2 * * *", 60, "2026-11-23T03:00:01Z", false),
            ("0 2 * * *", 60, "2026-11-23T01:59:59Z", false),
            ("0 23 * * *", 180, "2026-11-23T01:30:00Z", true),
            ("*/15 9-17 * * MON-FRI", 5, "2026-11-23T17:48:00Z", true),
            ("*/15 9-17 * * MON-FRI", 5, "2026-11-22T17:48:00Z", false),
            ("0 0 1 * SUN", 60, "2026-11-01T00:30:00Z", true),
            ("0 0 13 * SUN", 60, "2026-11-22T00:30:00Z", true),
            ("0 0 13 * *", 60, "2026-11-22T00:30:00Z", false),
            ("@weekly", 7 * 24 * 60, "2026-11-27T12:00:00Z", true),
            ("@yearly", 366 * 24 * 60, "2026-11-27T12:00:00Z", true),
            ("5/20 * * * *", 1, "2026-11-23T10:46:00Z", true),
            ("@every 1h", 60, "2026-11-23T10:46:00Z", true),
            ("@every 2h", 60, "2026-11-23T10:46:00Z", false),
            ("60 * * * *", 600, "2026-11-23T10:46:00Z", false),
            ("* * * * 7", 600, "2026-11-23T10:46:00Z", false),
            ("nonsense", 600, "2026-11-23T10:46:00Z", false),
        ] {
            check(Allow, schedule, minutes, now, open);
            check(Deny, schedule, minutes, now, !open);
        }
    }
}
