//! Pure. Passwords, hashes of passwords, and symmetric encryption.
use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac};
use bcrypt::Version;
use zeroize::Zeroizing;

use super::encoding::BASE64;
use crate::bytes::{Buf, Str};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::{Ty, UintKind};
use crate::value::Value;

type Answer = Result<Value, FuncError>;

const TWO: &[Ty] = &[Ty::Str, Ty::Str];

/// What stretching a password costs, about milliseconds.
const BCRYPT: u32 = 60;
const SCRYPT: u32 = 150;

pub(super) const TABLE: &[Function] = &[
    Function::new("randBytes", &[Ty::INT], rand_bytes).volatile(),
    Function::new("bcrypt", &[Ty::Str], |ctx, args| {
        let hash = bcrypt_hash(ctx, args[0].bytes())?;
        ctx.str(hash)
    })
    .volatile(),
    Function::new("htpasswd", &[Ty::Str, Ty::Str, Ty::Str], htpasswd).volatile(),
    Function::new(
        "derivePassword",
        &[
            Ty::Uint(UintKind::Uint32),
            Ty::Str,
            Ty::Str,
            Ty::Str,
            Ty::Str,
        ],
        derive_password,
    ),
    Function::new("encryptAES", TWO, encrypt).volatile(),
    Function::new("decryptAES", TWO, decrypt),
];

fn rand_bytes(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let count = usize::try_from(args[0].as_int())
        .map_err(|_| "runtime error: makeslice: len out of range")?;
    ctx.alloc(count)?;
    let mut bytes = Zeroizing::new(vec![0; count]);
    ctx.fill_random(&mut bytes);
    encoded(ctx, &bytes)
}

fn encoded(ctx: &mut Ctx<'_>, bytes: &[u8]) -> Answer {
    let mut out = ctx.buf();
    BASE64.encode(bytes, &mut out);
    ctx.finish(out)
}

/// Go's default cost.
const BCRYPT_COST: u32 = 10;

/// The hash; for a password that bcrypt would cut, the text of Go's error.
fn bcrypt_hash(ctx: &mut Ctx<'_>, password: &[u8]) -> Result<String, FuncError> {
    const FAILED: &str = "failed to encrypt string with bcrypt: bcrypt:";
    if password.len() > 72 {
        return Ok(format!("{FAILED} password length exceeds 72 bytes"));
    }
    ctx.key_work(BCRYPT)?;
    let salt = ctx.random();
    match bcrypt::hash_with_salt(password, BCRYPT_COST, salt) {
        Ok(hash) => Ok(hash.format_for_version(Version::TwoA)),
        Err(_) => Ok(format!("{FAILED} cannot hash")),
    }
}

fn htpasswd(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (user, password) = (args[0].bytes(), args[1].bytes());
    if user.contains(&b':') {
        return ctx.str([b"invalid username: ", user].concat());
    }
    let hash = match args[2].bytes() {
        b"sha" => {
            let mut out = Buf::new();
            out.text("{SHA}");
            let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password);
            BASE64.encode(sha1.as_ref(), &mut out);
            String::from_utf8_lossy(out.as_bytes()).into_owned()
        }
        _ => bcrypt_hash(ctx, password)?,
    };
    ctx.str([user, b":", hash.as_bytes()].concat())
}

/// The templates of the Master Password algorithm by type of password.
const PASSWORDS: &[(&str, &[&str])] = &[
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

/// The characters that a letter of a template stands for.
fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive_password(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    const SCOPE: &[u8] = b"com.lyndir.masterpassword";
    let [counter, kind, password, user, site] = args else {
        return Ok(Value::Nil);
    };
    let templates = PASSWORDS
        .iter()
        .find(|(name, _)| name.as_bytes() == kind.bytes());
    let Some((_, templates)) = templates else {
        return ctx.str([b"cannot find password template ", kind.bytes()].concat());
    };
    ctx.key_work(SCRYPT)?;
    let counter = match counter {
        Value::Uint(n, _) => *n as u32,
        _ => 0,
    };
    let sized = |text: &[u8]| [SCOPE, &(text.len() as u32).to_be_bytes(), text].concat();
    let mut key = Zeroizing::new([0; 64]);
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|_| "failed to derive password")?;
    scrypt::scrypt(
        password.bytes(),
        &sized(user.bytes()),
        &parameters,
        &mut *key,
    )
    .map_err(|_| "failed to derive password")?;
    let message = [sized(site.bytes()), counter.to_be_bytes().to_vec()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*key), &message);
    let seed = seed.as_ref();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let mut out = ctx.buf();
    for (class, n) in template.bytes().zip(&seed[1..]) {
        let set = characters(class);
        out.byte(set[usize::from(*n) % set.len()]);
    }
    ctx.finish(out)
}

/// The password, with zeros up to the length of a key.
fn aes_key(password: &[u8]) -> Result<UnboundCipherKey, FuncError> {
    let mut key = Zeroizing::new([0; 32]);
    let len = password.len().min(32);
    key[..len].copy_from_slice(&password[..len]);
    UnboundCipherKey::new(&AES_256, &*key).map_err(|_| "invalid key".into())
}

fn encrypt(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args[1].bytes().is_empty() {
        return ctx.str("");
    }
    let iv: [u8; 16] = ctx.random();
    ctx.alloc(args[1].bytes().len() + 32)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(aes_key(args[0].bytes())?)
        .map_err(|_| "cannot encrypt")?;
    let mut text = Zeroizing::new(Vec::with_capacity(args[1].bytes().len() + 16));
    text.extend_from_slice(args[1].bytes());
    key.less_safe_encrypt(&mut *text, EncryptionContext::Iv128(FixedLength::from(iv)))
        .map_err(|_| "cannot encrypt")?;
    let all = Zeroizing::new([&iv[..], &text[..]].concat());
    encoded(ctx, &all)
}

fn decrypt(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args[1].bytes().is_empty() {
        return ctx.str("");
    }
    let mut bytes = ctx.buf();
    BASE64
        .decode(args[1].bytes(), &mut bytes)
        .map_err(|at| FuncError::new(format!("illegal base64 data at input byte {at}")))?;
    let (iv, text) = bytes
        .as_bytes()
        .split_first_chunk::<16>()
        .ok_or("runtime error: slice bounds out of range")?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(aes_key(args[0].bytes())?)
        .map_err(|_| "cannot decrypt")?;
    let mut text = Zeroizing::new(text.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(*iv));
    let plain = key
        .decrypt(&mut text, context)
        .map_err(|_| "cannot decrypt")?;
    ctx.str(Str::from(&*plain))
}
