//! Pure. Go's `fmt`: print, println, printf, and the printing of every value.
mod number;
mod parse;
mod printer;
pub(crate) mod quote;
mod text;

pub(crate) use printer::Printer;

use crate::bytes::Str;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::value::Value;

/// How one operand is to be printed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spec {
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
    /// `%+v`
    pub plus_v: bool,
    /// `%#v`
    pub sharp_v: bool,
}

/// `fmt.Sprint`: spaces between operands when neither is a string.
pub(crate) fn sprint(ctx: &mut Ctx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut printer = Printer::new(ctx);
    for (i, arg) in args.iter().enumerate() {
        let strings = |i: usize| matches!(args.get(i), Some(Value::Str(_)));
        if i > 0 && !strings(i) && !strings(i - 1) {
            printer.out.byte(b' ');
        }
        printer.arg(arg, 'v')?;
    }
    printer.finish()
}

/// `fmt.Sprintln`: spaces between all operands, and a newline.
pub(crate) fn sprintln(ctx: &mut Ctx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut printer = Printer::new(ctx);
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.out.byte(b' ');
        }
        printer.arg(arg, 'v')?;
    }
    printer.out.byte(b'\n');
    printer.finish()
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(
    ctx: &mut Ctx<'_>,
    format: &[u8],
    args: &[Value],
) -> Result<Value, FuncError> {
    let mut printer = Printer::new(ctx);
    parse::Format::new(format, args).run(&mut printer)?;
    printer.finish()
}

/// A value as `%v` prints it.
pub(crate) fn to_str(ctx: &mut Ctx<'_>, value: &Value) -> Result<Str, FuncError> {
    if let Value::Str(s) = value {
        return Ok(s.clone());
    }
    match sprint(ctx, std::slice::from_ref(value))? {
        Value::Str(s) => Ok(s),
        _ => Ok(Str::from("")),
    }
}

/// A byte as Go's `%#U` prints the rune of the same number.
pub(crate) fn rune_code(b: u8) -> String {
    let c = char::from(b);
    let shown = if crate::runes::is_print(c) {
        format!(" '{c}'")
    } else {
        String::new()
    };
    format!("U+{:04X}{shown}", u32::from(b))
}
