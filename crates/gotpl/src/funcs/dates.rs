//! Pure. Dates: the functions of sprig over Go's times and layouts.
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::numbers::atoi;
use super::time::{TYPE, Time, duration_text, format, parse, parse_duration};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::{IntKind, Ty};
use crate::value::Value;

type Answer = Result<Value, FuncError>;

const ZONED: &[Ty] = &[Ty::Str, Ty::Any, Ty::Str];
const MODIFY: &[Ty] = &[Ty::Str, TYPE];

pub(super) const TABLE: &[Function] = &[
    Function::new("now", &[], |ctx, _| {
        Ok(Time::new(ctx.now, ctx.zone.clone()).value())
    })
    .volatile(),
    Function::new("ago", &[Ty::Any], |ctx, args| {
        let nanos = since(ctx, &moment(ctx, &args[0]).unwrap_or_else(|| now(ctx)));
        let seconds = (i128::from(nanos) + 500_000_000).div_euclid(1_000_000_000);
        ctx.str(duration_text((seconds * 1_000_000_000) as i64))
    })
    .volatile(),
    Function::new("date", &[Ty::Str, Ty::Any], |ctx, args| {
        formatted(ctx, args[0].bytes(), &args[1], None)
    })
    .volatile(),
    Function::new("date_in_zone", ZONED, date_in_zone).volatile(),
    Function::new("dateInZone", ZONED, date_in_zone).volatile(),
    Function::new("htmlDate", &[Ty::Any], |ctx, args| {
        formatted(ctx, b"2006-01-02", &args[0], None)
    })
    .volatile(),
    Function::new("htmlDateInZone", &[Ty::Any, Ty::Str], |ctx, args| {
        formatted(ctx, b"2006-01-02", &args[0], Some(args[1].bytes()))
    })
    .volatile(),
    Function::new("date_modify", MODIFY, date_modify),
    Function::new("dateModify", MODIFY, date_modify),
    Function::new("must_date_modify", MODIFY, must_date_modify),
    Function::new("mustDateModify", MODIFY, must_date_modify),
    Function::new("duration", &[Ty::Any], duration),
    Function::new("durationRound", &[Ty::Any], duration_round).volatile(),
    Function::new("toDate", &[Ty::Str, Ty::Str], |ctx, args| {
        match to_date(ctx, args) {
            Err(err) if err.limit().is_none() => Ok(Time::zero().value()),
            answer => answer,
        }
    }),
    Function::new("mustToDate", &[Ty::Str, Ty::Str], to_date),
    Function::new("unixEpoch", &[TYPE], |ctx, args| {
        let seconds = Time::of(&args[0]).map(|time| time.at.as_nanosecond());
        ctx.str(seconds.unwrap_or(0).div_euclid(1_000_000_000).to_string())
    }),
];

fn now(ctx: &Ctx<'_>) -> Time {
    Time::new(ctx.now, ctx.zone.clone())
}

fn since(ctx: &Ctx<'_>, time: &Time) -> i64 {
    let nanos = ctx.now.as_nanosecond() - time.at.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The moment that a time or a number of seconds is; none for anything else.
fn moment(ctx: &Ctx<'_>, value: &Value) -> Option<Time> {
    match value {
        Value::Int(n, IntKind::Int | IntKind::Int64 | IntKind::Int32) => {
            let edge = if *n < 0 {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            };
            let at = Timestamp::from_second(*n).unwrap_or(edge);
            Some(Time::new(at, ctx.zone.clone()))
        }
        other => Time::of(other).cloned(),
    }
}

/// A zone of the bundled database; unknown names are UTC.
fn zone(ctx: &Ctx<'_>, name: &[u8]) -> TimeZone {
    match name {
        b"Local" => ctx.zone.clone(),
        b"" | b"UTC" => TimeZone::UTC,
        name => std::str::from_utf8(name)
            .ok()
            .and_then(|name| TimeZoneDatabase::bundled().get(name).ok())
            .unwrap_or(TimeZone::UTC),
    }
}

fn formatted(ctx: &mut Ctx<'_>, layout: &[u8], date: &Value, zone_name: Option<&[u8]>) -> Answer {
    ctx.work(layout.len() * 16)?;
    let time = moment(ctx, date).unwrap_or_else(|| now(ctx));
    let zone = zone(ctx, zone_name.unwrap_or(b"Local"));
    ctx.str(format(&Time::new(time.at, zone), layout))
}

fn date_in_zone(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    formatted(ctx, args[0].bytes(), &args[1], Some(args[2].bytes()))
}

fn must_date_modify(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let nanos = parse_duration(args[0].bytes())?;
    Ok(Time::of(&args[1]).map_or(Value::Nil, |time| time.plus(nanos).value()))
}

fn date_modify(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(must_date_modify(ctx, args).unwrap_or_else(|_| args[1].clone()))
}

/// Seconds, as text or as `int64`, as a duration.
fn duration(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    ctx.work(args[0].bytes().len())?;
    let seconds = match &args[0] {
        Value::Str(_) => atoi(args[0].bytes()),
        Value::Int(n, IntKind::Int64) => *n,
        _ => 0,
    };
    ctx.str(duration_text(seconds.wrapping_mul(1_000_000_000)))
}

/// A duration, or the time since a moment, in its largest unit alone.
fn duration_round(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    ctx.work(args[0].bytes().len() * 2)?;
    let nanos = match &args[0] {
        Value::Str(_) => parse_duration(args[0].bytes()).unwrap_or(0),
        Value::Int(n, IntKind::Int64) => *n,
        other => Time::of(other).map_or(0, |time| since(ctx, time)),
    };
    let seconds = |n: u64| n * 1_000_000_000;
    let units = [
        (seconds(365 * 86_400), "y"),
        (seconds(30 * 86_400), "mo"),
        (seconds(86_400), "d"),
        (seconds(3600), "h"),
        (seconds(60), "m"),
        (seconds(1), "s"),
    ];
    let size = nanos.unsigned_abs();
    let text = units.iter().find(|(unit, _)| size > *unit).map_or_else(
        || "0s".into(),
        |(unit, name)| format!("{}{name}", size / unit),
    );
    ctx.str(text)
}

fn to_date(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    ctx.work((args[0].bytes().len() + args[1].bytes().len()) * 16)?;
    parse(args[0].bytes(), args[1].bytes(), &ctx.zone).map(Time::value)
}
