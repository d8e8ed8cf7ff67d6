//! Pure. The ciphers and seals of PKCS#12: passwords stretched under the budget, both generations.
use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use zeroize::Zeroizing;

use super::super::der::{self, Der, OCTETS, SEQUENCE};
use super::oid;
use super::walk::{Walk, bad};
use crate::ctx::Ctx;
use crate::error::FuncError;

/// What PKCS#12's own key derivation makes, by its identifier there.
const KEY: u8 = 1;
const IV: u8 = 2;
const MAC: u8 = 3;

/// Iterations of key derivation, as go-pkcs12 writes modern stores.
const ITERATIONS: u32 = 2048;

/// A password in the two forms that the generations take.
pub(super) struct Password<'p> {
    utf8: &'p [u8],
    /// UTF-16 with a closing zero; empty where a store was made with no password at all.
    wide: Der,
}

impl<'p> Password<'p> {
    pub(super) fn new(utf8: &'p [u8]) -> Result<Self, FuncError> {
        let text = std::str::from_utf8(utf8).map_err(|_| "pkcs12: password is not UTF-8")?;
        let mut wide = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 2));
        for unit in text.encode_utf16().chain([0]) {
            if (0xd800..0xe000).contains(&unit) {
                return Err("pkcs12: password has a character that UCS-2 lacks".into());
            }
            wide.extend_from_slice(&unit.to_be_bytes());
        }
        Ok(Self { utf8, wide })
    }

    /// The other form that an empty password may have had; `None` for others.
    pub(super) fn without_zero(&self) -> Option<Self> {
        self.utf8.is_empty().then(|| Self {
            utf8: self.utf8,
            wide: Der::default(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.utf8.is_empty()
    }
}

fn iterations(bytes: &[u8]) -> Result<NonZeroU32, FuncError> {
    let significant = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    let bytes = bytes.get(significant..).unwrap_or_default();
    if bytes.len() > 4 {
        return Err(bad());
    }
    let number = bytes.iter().fold(0, |n: u32, b| n << 8 | u32::from(*b));
    NonZeroU32::new(number).ok_or_else(bad)
}

/// RFC 7292, B.2.
fn derived(
    ctx: &mut Ctx<'_>,
    hash: &'static digest::Algorithm,
    (id, len): (u8, usize),
    password: &[u8],
    (salt, rounds): (&[u8], NonZeroU32),
) -> Result<Der, FuncError> {
    let (block, size) = (hash.block_len(), hash.output_len());
    let filled = |bytes: &[u8]| bytes.len().div_ceil(block) * block;
    let total = filled(salt) + filled(password);
    ctx.work(total * 4)?;
    ctx.step(u64::from(rounds.get()) * len.div_ceil(size) as u64)?;
    let mut input = Zeroizing::new(Vec::with_capacity(total));
    input.extend(salt.iter().cycle().take(filled(salt)));
    input.extend(password.iter().cycle().take(filled(password)));
    let mut out = Zeroizing::new(Vec::with_capacity(len + size));
    loop {
        let mut first = digest::Context::new(hash);
        first.update(&vec![id; block]);
        first.update(&input);
        let mut made = first.finish();
        for _ in 1..rounds.get() {
            made = digest::digest(hash, made.as_ref());
        }
        out.extend_from_slice(made.as_ref());
        if out.len() >= len {
            out.truncate(len);
            return Ok(out);
        }
        for part in input.chunks_mut(block) {
            let mut carry = 1_u16;
            for (at, byte) in part.iter_mut().enumerate().rev() {
                carry += u16::from(*byte) + u16::from(made.as_ref()[at % size]);
                *byte = carry as u8;
                carry >>= 8;
            }
        }
    }
}

/// PBKDF2 by its parameters: salt, rounds, perhaps the length, perhaps the function.
fn stretched(
    ctx: &mut Ctx<'_>,
    kdf: &mut Walk<'_>,
    password: &[u8],
    len: Option<usize>,
) -> Result<Der, FuncError> {
    if kdf.take(der::OID)? != oid::PBKDF2 {
        return Err(bad());
    }
    let mut params = kdf.inside(SEQUENCE)?;
    let salt = params.take(OCTETS)?;
    let rounds = iterations(params.take(der::INTEGER)?)?;
    let told = params.optional(der::INTEGER).map(iterations).transpose()?;
    let function = match params.optional(SEQUENCE) {
        None => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(function) => match Walk(function).take(der::OID)? {
            oid::HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
            oid::HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
            oid::HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
            oid::HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return Err(bad()),
        },
    };
    let len = match (len, told) {
        (Some(len), _) => len,
        (None, Some(told)) if told.get() <= 64 => told.get() as usize,
        (None, _) => return Err(bad()),
    };
    ctx.work(salt.len())?;
    // Two blocks of the hash per round, and again for each 20 bytes at worst.
    ctx.step(u64::from(rounds.get()) * len.div_ceil(20) as u64)?;
    let mut key = Zeroizing::new(vec![0; len]);
    pbkdf2::derive(function, rounds, salt, password, &mut key);
    Ok(key)
}

/// Decrypts under an algorithm with its parameters.
pub(super) fn decrypt(
    ctx: &mut Ctx<'_>,
    algorithm: &mut Walk<'_>,
    text: &[u8],
    password: &Password<'_>,
) -> Result<Der, FuncError> {
    ctx.alloc(text.len())?;
    let name = algorithm.take(der::OID)?;
    let mut params = algorithm.inside(SEQUENCE)?;
    let (size, rc2) = match name {
        oid::PBES2 => return modern(ctx, &mut params, text, password),
        oid::PBE_3DES => (24, false),
        oid::PBE_RC2_128 => (16, true),
        oid::PBE_RC2_40 => (5, true),
        _ => return Err(bad()),
    };
    let salt = params.take(OCTETS)?;
    let rounds = iterations(params.take(der::INTEGER)?)?;
    let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let key = derived(ctx, sha1, (KEY, size), &password.wide, (salt, rounds))?;
    let iv = derived(ctx, sha1, (IV, 8), &password.wide, (salt, rounds))?;
    if rc2 {
        legacy::<rc2::Rc2>(&key, &iv, text)
    } else {
        legacy::<des::TdesEde3>(&key, &iv, text)
    }
}

fn legacy<C>(key: &[u8], iv: &[u8], text: &[u8]) -> Result<Der, FuncError>
where
    C: BlockCipherDecrypt + KeyInit,
{
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).map_err(|_| bad())?;
    let mut buffer = Zeroizing::new(text.to_vec());
    let len = cipher
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| bad())?
        .len();
    buffer.truncate(len);
    Ok(buffer)
}

fn modern(
    ctx: &mut Ctx<'_>,
    params: &mut Walk<'_>,
    text: &[u8],
    password: &Password<'_>,
) -> Result<Der, FuncError> {
    let mut kdf = params.inside(SEQUENCE)?;
    let mut scheme = params.inside(SEQUENCE)?;
    let (cipher, size) = match scheme.take(der::OID)? {
        oid::AES_128_CBC => (&AES_128, 16),
        oid::AES_192_CBC => (&AES_192, 24),
        oid::AES_256_CBC => (&AES_256, 32),
        _ => return Err(bad()),
    };
    let iv: [u8; 16] = scheme.take(OCTETS)?.try_into().map_err(|_| bad())?;
    let key = stretched(ctx, &mut kdf, password.utf8, Some(size))?;
    let key = UnboundCipherKey::new(cipher, &key).map_err(|_| bad())?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| bad())?;
    let mut buffer = Zeroizing::new(text.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let len = key.decrypt(&mut buffer, context).map_err(|_| bad())?.len();
    buffer.truncate(len);
    Ok(buffer)
}

/// Checks the seal of a store; false if the password is another one or the store was changed.
pub(super) fn is_sealed(
    ctx: &mut Ctx<'_>,
    mut seal: Walk<'_>,
    content: &[u8],
    password: &Password<'_>,
) -> Result<bool, FuncError> {
    ctx.work(content.len() * 2)?;
    let mut info = seal.inside(SEQUENCE)?;
    let mut algorithm = info.inside(SEQUENCE)?;
    let expected = info.take(OCTETS)?;
    let salt = seal.take(OCTETS)?;
    let rounds = seal.optional(der::INTEGER);
    let name = algorithm.take(der::OID)?;
    let (function, key) = if name == oid::PBMAC1 {
        let mut params = algorithm.inside(SEQUENCE)?;
        let mut kdf = params.inside(SEQUENCE)?;
        let function = match params.inside(SEQUENCE)?.take(der::OID)? {
            oid::HMAC_SHA1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            oid::HMAC_SHA256 => hmac::HMAC_SHA256,
            oid::HMAC_SHA512 => hmac::HMAC_SHA512,
            _ => return Err(bad()),
        };
        (function, stretched(ctx, &mut kdf, password.utf8, None)?)
    } else {
        let (function, hash) = match name {
            oid::SHA1 => (
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
            ),
            oid::SHA256 => (hmac::HMAC_SHA256, &digest::SHA256),
            oid::SHA384 => (hmac::HMAC_SHA384, &digest::SHA384),
            oid::SHA512 => (hmac::HMAC_SHA512, &digest::SHA512),
            _ => return Err(bad()),
        };
        // PBMAC1 has rounds of its own, and any number here.
        let rounds = rounds.map_or(Ok(NonZeroU32::MIN), iterations)?;
        let size = hash.output_len();
        (
            function,
            derived(ctx, hash, (MAC, size), &password.wide, (salt, rounds))?,
        )
    };
    let made = hmac::sign(&hmac::Key::new(function, &key), content);
    Ok(constant_time::verify_slices_are_equal(made.as_ref(), expected).is_ok())
}

/// The seal of a modern store.
pub(super) fn sealed(
    ctx: &mut Ctx<'_>,
    content: &[u8],
    password: &Password<'_>,
) -> Result<Der, FuncError> {
    let salt: [u8; 16] = ctx.random();
    let rounds = iterations(&ITERATIONS.to_be_bytes())?;
    let wide = &password.wide;
    let key = derived(ctx, &digest::SHA256, (MAC, 32), wide, (&salt, rounds))?;
    let made = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content);
    let algorithm = der::element(
        SEQUENCE,
        &[&der::element(der::OID, &[oid::SHA256]), &[5, 0]],
    );
    let made = der::element(OCTETS, &[made.as_ref()]);
    let info = der::element(SEQUENCE, &[&algorithm, &made]);
    let rounds = der::unsigned(&ITERATIONS.to_be_bytes());
    Ok(der::element(
        SEQUENCE,
        &[&info, &der::element(OCTETS, &[&salt]), &rounds],
    ))
}

/// Encrypts as modern stores do; the algorithm with its parameters, and the text.
pub(super) fn encrypt(
    ctx: &mut Ctx<'_>,
    plain: &[u8],
    password: &Password<'_>,
) -> Result<(Der, Der), FuncError> {
    ctx.alloc(plain.len() + 32)?;
    let (salt, iv): ([u8; 16], [u8; 16]) = (ctx.random(), ctx.random());
    let name = |oid: &[u8]| der::element(der::OID, &[oid]);
    let function = der::element(SEQUENCE, &[&name(oid::HMAC_SHA256), &[5, 0]]);
    let rounds = der::unsigned(&ITERATIONS.to_be_bytes());
    let params = der::element(
        SEQUENCE,
        &[&der::element(OCTETS, &[&salt]), &rounds, &function],
    );
    let kdf = der::element(SEQUENCE, &[&name(oid::PBKDF2), &params]);
    let iv_octets = der::element(OCTETS, &[&iv]);
    let scheme = der::element(SEQUENCE, &[&name(oid::AES_256_CBC), &iv_octets]);
    let params = der::element(SEQUENCE, &[&kdf, &scheme]);
    let algorithm = der::element(SEQUENCE, &[&name(oid::PBES2), &params]);
    let mut kdf = Walk(&kdf).inside(SEQUENCE)?;
    let key = stretched(ctx, &mut kdf, password.utf8, Some(32))?;
    let failed = |_| FuncError::from("pkcs12: cannot encode");
    let key = UnboundCipherKey::new(&AES_256, &key).map_err(failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(failed)?;
    let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + 16));
    text.extend_from_slice(plain);
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(&mut *text, context).map_err(failed)?;
    Ok((algorithm, text))
}
