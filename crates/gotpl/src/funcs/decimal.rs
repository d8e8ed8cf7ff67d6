//! Pure. Decimal arithmetic for `addf`, `subf`, `mulf`, `divf`: sixteen places on division.
use std::cmp::Ordering;

use crate::error::FuncError;

/// Places after the point that a division keeps.
const DIVISION_PLACES: i32 = 16;

/// A decimal number: an integer of any size times a power of ten.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    negative: bool,
    /// Decimal digits, the most significant first, without leading zeros.
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    pub(super) fn from_int(n: i64) -> Self {
        Self::parse(&n.to_string())
    }

    /// The shortest decimal that reads back as the float.
    pub(super) fn from_f64(f: f64) -> Result<Self, FuncError> {
        if !f.is_finite() {
            let name = crate::strconv::shortest(f);
            return Err(format!("Cannot create a Decimal from {name}").into());
        }
        Ok(Self::parse(&format!("{f:e}")))
    }

    fn parse(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|b| b - b'0')
            .collect();
        let exponent: i32 = exponent.parse().unwrap_or(0);
        Self {
            negative,
            digits,
            exponent: exponent - fraction.len() as i32,
        }
        .trimmed()
    }

    fn trimmed(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|&&d| d == 0).count();
        self.digits.drain(..zeros);
        self
    }

    fn scaled_to(&self, exponent: i32) -> Vec<u8> {
        let zeros = usize::try_from(self.exponent - exponent).unwrap_or(0);
        let mut digits = self.digits.clone();
        digits.extend(std::iter::repeat_n(0, zeros));
        digits
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.scaled_to(exponent), other.scaled_to(exponent));
        let (negative, digits) = if self.negative == other.negative {
            (self.negative, add(&a, &b))
        } else if compare(&a, &b) == Ordering::Less {
            (other.negative, subtract(&b, &a))
        } else {
            (self.negative, subtract(&a, &b))
        };
        Self {
            negative,
            digits,
            exponent,
        }
        .trimmed()
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        self.add(&Self {
            negative: !other.negative,
            ..other.clone()
        })
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        let mut product = vec![0u32; self.digits.len() + other.digits.len()];
        for (i, &a) in self.digits.iter().enumerate().rev() {
            for (j, &b) in other.digits.iter().enumerate().rev() {
                let sum = product[i + j + 1] + u32::from(a) * u32::from(b);
                product[i + j + 1] = sum % 10;
                product[i + j] += sum / 10;
            }
        }
        let digits = product.iter().map(|&d| d as u8).collect();
        let negative = self.negative != other.negative;
        Self {
            negative,
            digits,
            exponent: self.exponent + other.exponent,
        }
        .trimmed()
    }

    /// The quotient, rounded half away from zero.
    pub(super) fn div(&self, other: &Self) -> Result<Self, FuncError> {
        if other.digits.is_empty() {
            return Err("decimal division by 0".into());
        }
        // The dividend is scaled so that the integer quotient has the places wanted.
        let shift = self.exponent - other.exponent + DIVISION_PLACES;
        let mut dividend = self.digits.clone();
        let mut divisor = other.digits.clone();
        if shift >= 0 {
            dividend.extend(std::iter::repeat_n(0, shift as usize));
        } else {
            divisor.extend(std::iter::repeat_n(0, shift.unsigned_abs() as usize));
        }
        let (mut quotient, remainder) = divide(&dividend, &divisor);
        if compare(&add(&remainder, &remainder), &divisor) != Ordering::Less {
            quotient = add(&quotient, &[1]);
        }
        let negative = self.negative != other.negative;
        Ok(Self {
            negative,
            digits: quotient,
            exponent: -DIVISION_PLACES,
        }
        .trimmed())
    }

    pub(super) fn to_f64(&self) -> f64 {
        if self.digits.is_empty() {
            return 0.0;
        }
        let digits: String = self.digits.iter().map(|&d| (b'0' + d) as char).collect();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{digits}e{}", self.exponent)
            .parse()
            .unwrap_or(0.0)
    }
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let skip = |d: &[u8]| d.iter().take_while(|&&d| d == 0).count();
    let (a, b) = (&a[skip(a)..], &b[skip(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for i in 0..a.len().max(b.len()) {
        let digit = |d: &[u8]| d.len().checked_sub(i + 1).map_or(0, |at| d[at]);
        let sum = digit(a) + digit(b) + carry;
        out.push(sum % 10);
        carry = sum / 10;
    }
    out.push(carry);
    out.reverse();
    out
}

/// `a - b`, where `a` is not the smaller one.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let mut borrow = 0;
    for i in 0..a.len().max(b.len()) {
        let digit = |d: &[u8]| d.len().checked_sub(i + 1).map_or(0, |at| d[at] as i8);
        let difference = digit(a) - digit(b) - borrow;
        borrow = i8::from(difference < 0);
        out.push((difference + 10 * borrow) as u8);
    }
    out.reverse();
    out
}

fn divide(dividend: &[u8], divisor: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut quotient = Vec::with_capacity(dividend.len());
    let mut remainder: Vec<u8> = Vec::new();
    for &digit in dividend {
        remainder.push(digit);
        let mut count = 0;
        while compare(&remainder, divisor) != Ordering::Less {
            remainder = subtract(&remainder, divisor);
            count += 1;
        }
        let zeros = remainder.iter().take_while(|&&d| d == 0).count();
        remainder.drain(..zeros);
        quotient.push(count);
    }
    (quotient, remainder)
}
