//! Pure. Go's time values: moments, durations, months and weekdays, with their methods.
mod duration;
mod format;
mod layout;
mod parse;

use std::any::Any;
use std::rc::Rc;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::{IntKind, Ty};
use crate::value::{Object, Value};

pub(crate) use duration::{parse_duration, text as duration_text};
pub(crate) use format::format;
pub(crate) use parse::parse;

/// The type of [`Time`].
pub(crate) const TYPE: Ty = Ty::Object("time.Time");
const DURATION: Ty = Ty::Int(IntKind::Duration);

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Where a moment's clock is read.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// A zone of the database, or UTC.
    Named(TimeZone),
    /// An offset in seconds with a name, which may be empty.
    Fixed(String, i32),
}

/// A `time.Time`.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    pub at: Timestamp,
    pub zone: Zone,
}

impl Time {
    /// A moment in a zone.
    pub(crate) fn new(at: Timestamp, zone: TimeZone) -> Self {
        Self {
            at,
            zone: Zone::Named(zone),
        }
    }

    /// The first moment of the year 1, which Go takes for no time.
    pub(crate) fn zero() -> Self {
        let at = Timestamp::from_second(ZERO).unwrap_or(Timestamp::UNIX_EPOCH);
        Self::new(at, TimeZone::UTC)
    }

    /// The moment as a value.
    pub(crate) fn value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// The moment in a value.
    pub(crate) fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The clock in the zone.
    pub(crate) fn zoned(&self) -> Zoned {
        let zone = match &self.zone {
            Zone::Named(zone) => zone.clone(),
            Zone::Fixed(_, seconds) => {
                Offset::from_seconds(*seconds).map_or(TimeZone::UTC, TimeZone::fixed)
            }
        };
        self.at.to_zoned(zone)
    }

    /// The short name of the zone and its offset in seconds at the moment.
    pub(crate) fn zone_name(&self) -> (String, i32) {
        match &self.zone {
            Zone::Fixed(name, seconds) => (name.clone(), *seconds),
            Zone::Named(zone) => {
                let info = zone.to_offset_info(self.at);
                (info.abbreviation().to_owned(), info.offset().seconds())
            }
        }
    }

    /// The moment a while later.
    pub(crate) fn plus(&self, nanos: i64) -> Self {
        let later = self.at.checked_add(SignedDuration::from_nanos(nanos));
        Self {
            at: later.unwrap_or(self.at),
            zone: self.zone.clone(),
        }
    }

    fn nanos_since(&self, other: &Self) -> i64 {
        let nanos = self.at.as_nanosecond() - other.at.as_nanosecond();
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }
}

/// Seconds of the zero time since 1970.
const ZERO: i64 = -62_135_596_800;

impl Object for Time {
    fn ty(&self) -> Ty {
        TYPE
    }

    fn display(&self) -> Vec<u8> {
        format(self, b"2006-01-02 15:04:05.999999999 -0700 MST")
    }

    fn data(&self) -> Value {
        Value::str(format(self, b"2006-01-02T15:04:05.999999999Z07:00"))
    }

    fn methods(&self) -> &'static [Function] {
        METHODS
    }

    fn is_stringer(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.at == other.at && self.zone_name() == other.zone_name())
    }
}

type Answer = Result<Value, FuncError>;

fn time(value: &Value) -> Result<&Time, FuncError> {
    Time::of(value).ok_or_else(|| "not a time".into())
}

fn clock(args: &[Value], get: fn(&Zoned) -> i64) -> Answer {
    Ok(Value::int(get(&time(&args[0])?.zoned())))
}

fn unix(args: &[Value], per_second: i128) -> Answer {
    let nanos = time(&args[0])?.at.as_nanosecond();
    Ok(Value::int64(
        nanos.div_euclid(1_000_000_000 / per_second) as i64
    ))
}

fn compared(args: &[Value], holds: fn(std::cmp::Ordering) -> bool) -> Answer {
    Ok(Value::Bool(holds(
        time(&args[0])?.at.cmp(&time(&args[1])?.at),
    )))
}

fn multiple(args: &[Value], half_up: bool) -> Answer {
    let (time, unit) = (time(&args[0])?, i128::from(args[1].as_int()));
    if unit <= 0 {
        return Ok(time.clone().value());
    }
    let since = time.at.as_nanosecond() - i128::from(ZERO) * 1_000_000_000;
    let past = since.rem_euclid(unit);
    let shift = if half_up && past * 2 >= unit {
        unit - past
    } else {
        -past
    };
    Ok(time.plus(shift as i64).value())
}

const METHODS: &[Function] = &[
    Function::new("Year", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.year()))
    }),
    Function::new("Month", &[TYPE], |_, args| {
        Ok(Value::Int(
            i64::from(time(&args[0])?.zoned().month()),
            IntKind::Month,
        ))
    }),
    Function::new("Day", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.day()))
    }),
    Function::new("Hour", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.hour()))
    }),
    Function::new("Minute", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.minute()))
    }),
    Function::new("Second", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.second()))
    }),
    Function::new("Nanosecond", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.subsec_nanosecond()))
    }),
    Function::new("YearDay", &[TYPE], |_, args| {
        clock(args, |z| i64::from(z.day_of_year()))
    }),
    Function::new("Weekday", &[TYPE], |_, args| {
        let day = time(&args[0])?.zoned().weekday().to_sunday_zero_offset();
        Ok(Value::Int(i64::from(day), IntKind::Weekday))
    }),
    Function::new("Unix", &[TYPE], |_, args| unix(args, 1)),
    Function::new("UnixMilli", &[TYPE], |_, args| unix(args, 1_000)),
    Function::new("UnixMicro", &[TYPE], |_, args| unix(args, 1_000_000)),
    Function::new("UnixNano", &[TYPE], |_, args| unix(args, 1_000_000_000)),
    Function::new("Format", &[TYPE, Ty::Str], |ctx, args| {
        ctx.work(args[1].bytes().len() * 8)?;
        ctx.str(format(time(&args[0])?, args[1].bytes()))
    }),
    Function::new("String", &[TYPE], |ctx, args| {
        ctx.str(time(&args[0])?.display())
    }),
    Function::new("UTC", &[TYPE], |_, args| {
        Ok(Time::new(time(&args[0])?.at, TimeZone::UTC).value())
    }),
    Function::new("Local", &[TYPE], |ctx, args| {
        Ok(Time::new(time(&args[0])?.at, ctx.zone.clone()).value())
    }),
    Function::new("IsZero", &[TYPE], |_, args| {
        Ok(Value::Bool(time(&args[0])?.at == Time::zero().at))
    }),
    Function::new("Add", &[TYPE, DURATION], |_, args| {
        Ok(time(&args[0])?.plus(args[1].as_int()).value())
    }),
    Function::new("Sub", &[TYPE, TYPE], |_, args| {
        let nanos = time(&args[0])?.nanos_since(time(&args[1])?);
        Ok(Value::Int(nanos, IntKind::Duration))
    }),
    Function::new("AddDate", &[TYPE, Ty::INT, Ty::INT, Ty::INT], add_date),
    Function::new("Before", &[TYPE, TYPE], |_, args| {
        compared(args, |o| o.is_lt())
    }),
    Function::new("After", &[TYPE, TYPE], |_, args| {
        compared(args, |o| o.is_gt())
    }),
    Function::new("Equal", &[TYPE, TYPE], |_, args| {
        compared(args, |o| o.is_eq())
    }),
    Function::new("Compare", &[TYPE, TYPE], |_, args| {
        Ok(Value::int(
            time(&args[0])?.at.cmp(&time(&args[1])?.at) as i64
        ))
    }),
    Function::new("Truncate", &[TYPE, DURATION], |_, args| {
        multiple(args, false)
    }),
    Function::new("Round", &[TYPE, DURATION], |_, args| multiple(args, true)),
];

/// Adds years, months and days as Go does: a day that a month has not runs into the next.
fn add_date(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let time = time(&args[0])?;
    let zoned = time.zoned();
    let months = i64::from(zoned.year()) * 12
        + i64::from(zoned.month() - 1)
        + args[1]
            .as_int()
            .saturating_mul(12)
            .saturating_add(args[2].as_int());
    let days = i64::from(zoned.day() - 1).saturating_add(args[3].as_int());
    let far = || FuncError::new("time is out of range");
    let year = i16::try_from(months.div_euclid(12)).map_err(|_| far())?;
    let month = (months.rem_euclid(12) + 1) as i8;
    let first = jiff::civil::Date::new(year, month, 1).map_err(|_| far())?;
    let span = jiff::Span::new().try_days(days).map_err(|_| far())?;
    let date = first.checked_add(span).map_err(|_| far())?;
    let there = zoned.with().date(date).build().map_err(|_| far())?;
    Ok(Time {
        at: there.timestamp(),
        zone: time.zone.clone(),
    }
    .value())
}

/// The methods of a named integer type.
pub(crate) fn methods_of(kind: IntKind) -> &'static [Function] {
    match kind {
        IntKind::Duration => duration::METHODS,
        IntKind::Month => MONTH_METHODS,
        IntKind::Weekday => WEEKDAY_METHODS,
        _ => &[],
    }
}

const MONTH_METHODS: &[Function] = &[Function::new("String", &[Ty::Int(IntKind::Month)], named)];
const WEEKDAY_METHODS: &[Function] =
    &[Function::new("String", &[Ty::Int(IntKind::Weekday)], named)];

fn named(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    match args[0] {
        Value::Int(n, kind) => ctx.str(name_of(n, kind).unwrap_or_default()),
        _ => Ok(Value::Nil),
    }
}

/// The text of a value of a named integer type.
pub(crate) fn name_of(n: i64, kind: IntKind) -> Option<String> {
    let name = |names: &[&str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|i| names.get(i))
            .map(|name| (*name).to_owned())
    };
    match kind {
        IntKind::Duration => Some(duration_text(n)),
        IntKind::Month => Some(name(&MONTHS, n - 1).unwrap_or_else(|| format!("%!Month({n})"))),
        IntKind::Weekday => Some(name(&WEEKDAYS, n).unwrap_or_else(|| format!("%!Weekday({n})"))),
        _ => None,
    }
}
