//! Pure. Hashes, base64, base32 and hexadecimal. Decoders answer the text of their error.
use aws_lc_rs::digest;

use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("sha1sum", &[Ty::Str], |ctx, args| {
        hash(ctx, &digest::SHA1_FOR_LEGACY_USE_ONLY, args)
    }),
    Function::new("sha256sum", &[Ty::Str], |ctx, args| {
        hash(ctx, &digest::SHA256, args)
    }),
    Function::new("sha512sum", &[Ty::Str], |ctx, args| {
        hash(ctx, &digest::SHA512, args)
    }),
    Function::new("adler32sum", &[Ty::Str], |ctx, args| {
        ctx.work(args[0].bytes().len())?;
        ctx.str(adler32(args[0].bytes()).to_string())
    }),
    Function::new("b64enc", &[Ty::Str], |ctx, args| encode(ctx, &BASE64, args)),
    Function::new("b64dec", &[Ty::Str], |ctx, args| decode(ctx, &BASE64, args)),
    Function::new("b32enc", &[Ty::Str], |ctx, args| encode(ctx, &BASE32, args)),
    Function::new("b32dec", &[Ty::Str], |ctx, args| decode(ctx, &BASE32, args)),
    Function::new("hexdec", &[Ty::Str], hexdec),
];

/// An encoding of `bits` bits a character, padded to groups of `group` characters.
pub(super) struct Radix {
    name: &'static str,
    alphabet: &'static [u8],
    bits: u32,
    group: usize,
}

pub(super) static BASE64: Radix = Radix {
    name: "base64",
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
};

static BASE32: Radix = Radix {
    name: "base32",
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    bits: 5,
    group: 8,
};

impl Radix {
    pub(super) fn encode(&self, bytes: &[u8], out: &mut Buf) {
        let per_group = self.group * self.bits as usize / 8;
        for chunk in bytes.chunks(per_group) {
            let mut acc = 0u64;
            for i in 0..per_group {
                acc = acc << 8 | u64::from(chunk.get(i).copied().unwrap_or(0));
            }
            let used = (chunk.len() * 8).div_ceil(self.bits as usize);
            let mut group = [b'='; 8];
            for (i, sign) in group.iter_mut().enumerate().take(used) {
                let shift = self.bits * (self.group - 1 - i) as u32;
                *sign = self.alphabet[(acc >> shift) as usize & ((1 << self.bits) - 1)];
            }
            out.put(&group[..self.group]);
        }
    }

    /// The bytes, or the offset of the first byte that is wrong. Line ends are skipped.
    pub(super) fn decode(&self, text: &[u8], out: &mut Buf) -> Result<(), usize> {
        let mut table = [None; 256];
        for (value, &digit) in (0u64..).zip(self.alphabet) {
            table[usize::from(digit)] = Some(value);
        }
        let mut input = text
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, b)| !b"\r\n".contains(b));
        loop {
            let (mut acc, mut count) = (0u64, 0);
            let mut padding = None;
            while count < self.group {
                match input.next() {
                    None if count == 0 => return Ok(()),
                    None => return Err(text.len() - count),
                    Some((at, b'=')) => {
                        padding = Some(at);
                        break;
                    }
                    Some((at, b)) => {
                        acc = acc << self.bits | table[usize::from(b)].ok_or(at)?;
                        count += 1;
                    }
                }
            }
            let whole = count * self.bits as usize / 8;
            if let Some(at) = padding {
                self.padding(count, at, text.len(), &mut input)?;
            }
            acc <<= self.bits as usize * (self.group - count);
            let total = self.group * self.bits as usize / 8;
            out.put(&acc.to_be_bytes()[8 - total..][..whole]);
            if padding.is_some() {
                return match input.next() {
                    Some((at, _)) => Err(at),
                    None => Ok(()),
                };
            }
        }
    }

    /// Checks the padding of the last group, whose first character has been read.
    fn padding(
        &self,
        count: usize,
        first: usize,
        end: usize,
        input: &mut impl Iterator<Item = (usize, u8)>,
    ) -> Result<(), usize> {
        let possible = match self.bits {
            6 => matches!(count, 2 | 3),
            _ => matches!(count, 2 | 4 | 5 | 7),
        };
        if !possible {
            return Err(first);
        }
        for _ in count + 1..self.group {
            match input.next() {
                Some((_, b'=')) => {}
                Some((at, _)) => return Err(at),
                None => return Err(end),
            }
        }
        Ok(())
    }
}

fn encode(ctx: &mut Ctx<'_>, radix: &Radix, args: &[Value]) -> Answer {
    let mut out = ctx.buf();
    radix.encode(args[0].bytes(), &mut out);
    ctx.finish(out)
}

fn decode(ctx: &mut Ctx<'_>, radix: &Radix, args: &[Value]) -> Answer {
    let mut out = ctx.buf();
    match radix.decode(args[0].bytes(), &mut out) {
        Ok(()) => ctx.finish(out),
        Err(at) => ctx.str(format!("illegal {} data at input byte {at}", radix.name)),
    }
}

fn hexdec(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let text = args[0].bytes();
    let mut out = ctx.buf();
    for pair in text.chunks(2) {
        for &b in pair {
            if !b.is_ascii_hexdigit() {
                let mut shown = ctx.buf();
                shown.text("encoding/hex: invalid byte: ");
                shown.text(&crate::fmt::rune_code(b));
                return ctx.finish(shown);
            }
        }
        let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
        match pair {
            [high, low] => out.byte(digit(*high) << 4 | digit(*low)),
            _ => return ctx.str("encoding/hex: odd length hex string"),
        }
    }
    ctx.finish(out)
}

fn hash(ctx: &mut Ctx<'_>, algorithm: &'static digest::Algorithm, args: &[Value]) -> Answer {
    let input = args[0].bytes();
    ctx.work(input.len())?;
    let digest = digest::digest(algorithm, input);
    let mut out = ctx.buf();
    digest
        .as_ref()
        .iter()
        .for_each(|b| out.text(&format!("{b:02x}")));
    ctx.finish(out)
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % MODULUS;
        (a, (b + a) % MODULUS)
    });
    b << 16 | a
}
