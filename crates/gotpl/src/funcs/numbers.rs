//! Pure. Arithmetic and number conversions.
use super::cast::{to_f64, to_i64};
use super::decimal::Decimal;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::fmt;
use crate::registry::Function;
use crate::strconv::parse_int;
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("atoi", &[Ty::Str], |_, args| {
        Ok(Value::int(atoi(args[0].bytes())))
    }),
    Function::new("int", &[Ty::Any], |_, args| {
        Ok(Value::int(to_i64(&args[0])))
    }),
    Function::new("int64", &[Ty::Any], |_, args| {
        Ok(Value::int64(to_i64(&args[0])))
    }),
    Function::new("float64", &[Ty::Any], |_, args| {
        Ok(Value::Float(to_f64(&args[0])))
    }),
    Function::new("toDecimal", &[Ty::Any], to_decimal),
    Function::variadic("seq", &[Ty::INT], seq),
    Function::new("until", &[Ty::INT], |ctx, args| {
        let count = args[0].as_int();
        steps(ctx, 0, count, if count < 0 { -1 } else { 1 })
    }),
    Function::new("untilStep", &[Ty::INT, Ty::INT, Ty::INT], |ctx, args| {
        steps(ctx, args[0].as_int(), args[1].as_int(), args[2].as_int())
    }),
    Function::new("add1", &[Ty::Any], |_, args| {
        Ok(Value::int64(to_i64(&args[0]).wrapping_add(1)))
    }),
    Function::variadic("add", &[Ty::Any], |_, args| {
        Ok(Value::int64(
            args.iter().map(to_i64).fold(0, i64::wrapping_add),
        ))
    }),
    Function::new("sub", &[Ty::Any, Ty::Any], |_, args| {
        Ok(Value::int64(
            to_i64(&args[0]).wrapping_sub(to_i64(&args[1])),
        ))
    }),
    Function::new("div", &[Ty::Any, Ty::Any], |_, args| {
        divide(to_i64(&args[0]), to_i64(&args[1]), i64::wrapping_div)
    }),
    Function::new("mod", &[Ty::Any, Ty::Any], |_, args| {
        divide(to_i64(&args[0]), to_i64(&args[1]), i64::wrapping_rem)
    }),
    Function::variadic("mul", &[Ty::Any, Ty::Any], |_, args| {
        Ok(Value::int64(
            args.iter().map(to_i64).fold(1, i64::wrapping_mul),
        ))
    }),
    Function::new("randInt", &[Ty::INT, Ty::INT], rand_int).volatile(),
    Function::new("add1f", &[Ty::Any], |_, args| {
        Decimal::from_f64(to_f64(&args[0]))
            .map(|d| d.add(&Decimal::from_int(1)))
            .and_then(float)
    }),
    Function::variadic("addf", &[Ty::Any], |_, args| {
        let mut sum = Decimal::from_int(0);
        for arg in args {
            sum = sum.add(&Decimal::from_f64(to_f64(arg))?);
        }
        float(sum)
    }),
    Function::variadic("subf", &[Ty::Any, Ty::Any], |_, args| {
        fold(args, |a, b| Ok(a.sub(&b)))
    }),
    Function::variadic("divf", &[Ty::Any, Ty::Any], |_, args| {
        fold(args, |a, b| a.div(&b))
    }),
    Function::variadic("mulf", &[Ty::Any, Ty::Any], |_, args| {
        fold(args, |a, b| Ok(a.mul(&b)))
    }),
    Function::variadic("biggest", &[Ty::Any, Ty::Any], |_, args| {
        int_of(args, i64::max)
    }),
    Function::variadic("max", &[Ty::Any, Ty::Any], |_, args| int_of(args, i64::max)),
    Function::variadic("min", &[Ty::Any, Ty::Any], |_, args| int_of(args, i64::min)),
    Function::variadic("maxf", &[Ty::Any, Ty::Any], |_, args| {
        float_of(args, |a, b| extreme(a, b, f64::INFINITY, false))
    }),
    Function::variadic("minf", &[Ty::Any, Ty::Any], |_, args| {
        float_of(args, |a, b| extreme(a, b, f64::NEG_INFINITY, true))
    }),
    Function::new("ceil", &[Ty::Any], |_, args| {
        Ok(Value::Float(to_f64(&args[0]).ceil()))
    }),
    Function::new("floor", &[Ty::Any], |_, args| {
        Ok(Value::Float(to_f64(&args[0]).floor()))
    }),
    Function::variadic("round", &[Ty::Any, Ty::INT, Ty::Float], round),
];

/// Go's `strconv.Atoi` without its error: 0, or the nearest integer that there is.
pub(super) fn atoi(text: &[u8]) -> i64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    parse_int(text, 10).unwrap_or_else(|err| match err {
        crate::strconv::NumError::Syntax => 0,
        crate::strconv::NumError::Range if text.starts_with('-') => i64::MIN,
        crate::strconv::NumError::Range => i64::MAX,
    })
}

/// Text as an octal number; 0 if it is none.
fn to_decimal(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let text = fmt::to_str(ctx, &args[0])?;
    Ok(Value::int64(parse_int(&text.to_text(), 8).unwrap_or(0)))
}

fn steps(ctx: &mut Ctx<'_>, start: i64, stop: i64, step: i64) -> Answer {
    let numbers = numbers(ctx, start, stop, step)?;
    ctx.list_of(
        &const { Ty::INT },
        numbers.into_iter().map(Value::int).collect(),
    )
}

fn numbers(ctx: &mut Ctx<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let forward = stop >= start;
    if step == 0 || forward != (step > 0) {
        return Ok(Vec::new());
    }
    let span = stop.abs_diff(start);
    let count = usize::try_from(span.div_ceil(step.unsigned_abs())).unwrap_or(usize::MAX);
    ctx.alloc(count.saturating_mul(size_of::<Value>()))?;
    Ok((0..count as i64)
        .map(|i| start.wrapping_add(i.wrapping_mul(step)))
        .collect())
}

/// One number: from 1 to it. Two: from one to the other. Three: start, step, end.
fn seq(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let n = |i: usize| args.get(i).map_or(0, Value::as_int);
    let numbers = match args.len() {
        1 => {
            let (start, end) = (1, n(0));
            let step = if end < start { -1 } else { 1 };
            numbers(ctx, start, end.wrapping_add(step), step)?
        }
        2 => {
            let step = if n(1) < n(0) { -1 } else { 1 };
            numbers(ctx, n(0), n(1).wrapping_add(step), step)?
        }
        3 => {
            let (start, step, end) = (n(0), n(1), n(2));
            let past = if end < start { -1 } else { 1 };
            if end < start && step > 0 {
                Vec::new()
            } else {
                numbers(ctx, start, end.wrapping_add(past), step)?
            }
        }
        _ => Vec::new(),
    };
    let mut out = ctx.buf();
    for (i, n) in numbers.iter().enumerate() {
        if i > 0 {
            out.byte(b' ');
        }
        out.text(&n.to_string());
    }
    ctx.finish(out)
}

fn divide(a: i64, b: i64, op: fn(i64, i64) -> i64) -> Answer {
    if b == 0 {
        return Err("runtime error: integer divide by zero".into());
    }
    Ok(Value::int64(op(a, b)))
}

fn rand_int(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (low, high) = (args[0].as_int(), args[1].as_int());
    if high <= low {
        return Err("invalid argument to Intn".into());
    }
    let below = ctx.random_below(high.abs_diff(low));
    Ok(Value::int(low.wrapping_add_unsigned(below)))
}

fn float(decimal: Decimal) -> Answer {
    Ok(Value::Float(decimal.to_f64()))
}

fn fold(args: &[Value], op: fn(Decimal, Decimal) -> Result<Decimal, FuncError>) -> Answer {
    let mut result = Decimal::from_f64(to_f64(&args[0]))?;
    for arg in &args[1..] {
        result = op(result, Decimal::from_f64(to_f64(arg))?)?;
    }
    float(result)
}

fn int_of(args: &[Value], op: fn(i64, i64) -> i64) -> Answer {
    Ok(Value::int64(
        args[1..].iter().map(to_i64).fold(to_i64(&args[0]), op),
    ))
}

fn float_of(args: &[Value], op: fn(f64, f64) -> f64) -> Answer {
    Ok(Value::Float(
        args[1..].iter().map(to_f64).fold(to_f64(&args[0]), op),
    ))
}

/// Go's `math.Max` and `math.Min`: the infinity outdoes NaN, NaN all else, and zeros have a sign.
fn extreme(a: f64, b: f64, infinity: f64, least: bool) -> f64 {
    if a == infinity || b == infinity {
        infinity
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == b {
        if a.is_sign_negative() == least { a } else { b }
    } else if (a < b) == least {
        a
    } else {
        b
    }
}

/// Go's `math.Pow` of ten: squares of the mantissa alone, each rounded.
fn power_of_ten(exponent: i64) -> f64 {
    let (mut power, mut power_exponent) = (1.0, 0i64);
    // 10 = 0.625 * 2^4
    let (mut square, mut square_exponent) = (0.625, 4i64);
    let mut rest = exponent.unsigned_abs();
    while rest != 0 {
        if square_exponent.abs() > 1 << 12 {
            power_exponent += square_exponent;
            break;
        }
        if rest & 1 == 1 {
            power *= square;
            power_exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        rest >>= 1;
    }
    if exponent < 0 {
        (power, power_exponent) = (1.0 / power, -power_exponent);
    }
    // Halves keep each factor within the range of a float.
    let half = power_exponent.clamp(-2200, 2200) as i32 / 2;
    let rest = power_exponent.clamp(-2200, 2200) as i32 - half;
    power * 2f64.powi(half) * 2f64.powi(rest)
}

/// Goes up only if the fraction, with its sign, is at least the bound: negatives go down.
fn round(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let bound = match args.get(2) {
        Some(Value::Float(f)) => *f,
        _ => 0.5,
    };
    let pow = power_of_ten(args[1].as_int());
    let digit = pow * to_f64(&args[0]);
    let fraction = digit % 1.0;
    let rounded = if fraction >= bound {
        digit.ceil()
    } else {
        digit.floor()
    };
    Ok(Value::Float(rounded / pow))
}
