//! Seam. Private keys: made by the crypto library's own generator, converted, and used.
use aws_lc_rs::encoding::{AsBigEndian, AsDer};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512,
    OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::der::{self, Der};
use super::{dsa, json, pem};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{Map, Value};

type Answer = Result<Value, FuncError>;

/// What making a key costs, and using one that is given, which may be long: about milliseconds.
pub(super) const RSA_4096: u32 = 600;
pub(super) const RSA_2048: u32 = 100;
pub(super) const SMALL: u32 = 5;
pub(super) const USE: u32 = 20;

pub(super) const TABLE: &[Function] = &[
    Function::new("genPrivateKey", &[Ty::Str], generate).volatile(),
    Function::new(
        "rsaDecrypt",
        &[Ty::Str, Ty::Str, Ty::Str, Ty::Str],
        rsa_decrypt,
    ),
    Function::new("jwkPublicKeyPem", &[Ty::Str], |ctx, args| {
        let jwk = jwk(ctx, &args[0])?;
        let der = public_der(&jwk)?;
        pem_text(ctx, "PUBLIC KEY", &der)
    }),
    Function::new("jwkPrivateKeyPem", &[Ty::Str], |ctx, args| {
        let jwk = jwk(ctx, &args[0])?;
        let der = private_der(&jwk)?;
        pem_text(ctx, "PRIVATE KEY", &der)
    }),
];

pub(super) fn pem_text(ctx: &mut Ctx<'_>, kind: &str, der: &[u8]) -> Answer {
    let mut out = ctx.buf();
    pem::encode(kind, der, &mut out);
    ctx.finish(out)
}

fn generate(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    const FAILED: &str = "failed to generate private key";
    let (kind, der) = match args[0].bytes() {
        b"" | b"rsa" => {
            ctx.key_work(RSA_4096)?;
            ("RSA PRIVATE KEY", rsa_key(KeySize::Rsa4096)?)
        }
        b"ecdsa" => {
            ctx.key_work(SMALL)?;
            let pair =
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| FAILED)?;
            let private = pair.private_key().as_be_bytes().map_err(|_| FAILED)?;
            let public = pair.public_key().as_ref();
            (
                "EC PRIVATE KEY",
                der::sec1(private.as_ref(), Some(der::P256), public),
            )
        }
        b"ed25519" => {
            ctx.key_work(SMALL)?;
            let pair = Ed25519KeyPair::generate().map_err(|_| FAILED)?;
            let der = pair.to_pkcs8v1().map_err(|_| FAILED)?;
            ("PRIVATE KEY", Zeroizing::new(der.as_ref().to_vec()))
        }
        b"dsa" => {
            ctx.key_work(SMALL)?;
            ("DSA PRIVATE KEY", dsa::key(ctx))
        }
        other => return ctx.str([b"Unknown type ", other].concat()),
    };
    pem_text(ctx, kind, &der)
}

/// A new RSA key in PKCS#1.
pub(super) fn rsa_key(size: KeySize) -> Result<Der, FuncError> {
    const FAILED: &str = "failed to generate private key";
    let pair = RsaKeyPair::generate(size).map_err(|_| FAILED)?;
    let pkcs8 = pair.as_der().map_err(|_| FAILED)?;
    let pkcs1 = der::inside_pkcs8(pkcs8.as_ref()).ok_or(FAILED)?;
    Ok(Zeroizing::new(pkcs1.to_vec()))
}

/// The scheme `None` hands the text on; OAEP takes the hash that is named, or SHA-256.
fn rsa_decrypt(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let [scheme, hash, text, key] = args else {
        return Ok(Value::Nil);
    };
    match scheme.bytes() {
        b"None" => return Ok(text.clone()),
        b"RSA-OAEP" => {}
        _ => return Err("decryption scheme is not supported".into()),
    }
    ctx.key_work(USE)?;
    let algorithm = match hash.bytes() {
        b"SHA1" => &OAEP_SHA1_MGF1SHA1,
        b"SHA512" => &OAEP_SHA512_MGF1SHA512,
        _ => &OAEP_SHA256_MGF1SHA256,
    };
    let (block, _) = pem::next(ctx, key.bytes())?.ok_or("failed to decode PEM block")?;
    let pkcs8 = if block.kind == "RSA PRIVATE KEY" {
        der::pkcs8(der::RSA, block.der.as_bytes())
    } else {
        Zeroizing::new(block.der.as_bytes().to_vec())
    };
    let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).and_then(|key| {
        let size = key.key_size_bytes();
        OaepPrivateDecryptingKey::new(key)
            .map(|key| (key, size))
            .map_err(Into::into)
    });
    let (key, size) = key.map_err(|_| "private key is not RSA")?;
    let mut plain = Zeroizing::new(vec![0; size]);
    let plain = key
        .decrypt(algorithm, text.bytes(), &mut plain, None)
        .map_err(|_| "crypto/rsa: decryption error")?;
    ctx.str(&*plain)
}

fn jwk(ctx: &mut Ctx<'_>, text: &Value) -> Result<Map, FuncError> {
    match json::decode(ctx, text.bytes())? {
        Value::Map(map) => Ok(map),
        _ => Err("failed to unmarshal JWK".into()),
    }
}

/// The bytes of a member, which is base64url without padding.
fn member(jwk: &Map, name: &str) -> Result<Der, FuncError> {
    let bad = || FuncError::new(format!("JWK member {name} is missing or malformed"));
    let value = jwk.get(name.as_bytes()).ok_or_else(bad)?;
    let standard = value.bytes().iter().map(|b| match b {
        b'-' => b'+',
        b'_' => b'/',
        b => *b,
    });
    let mut text = Zeroizing::new(standard.collect::<Vec<u8>>());
    if value.bytes().is_empty() || value.bytes().contains(&b'=') {
        return Err(bad());
    }
    while text.len() % 4 != 0 {
        text.push(b'=');
    }
    let mut out = crate::bytes::Buf::new();
    super::encoding::BASE64
        .decode(&text, &mut out)
        .map_err(|_| bad())?;
    Ok(Zeroizing::new(out.as_bytes().to_vec()))
}

fn kind(jwk: &Map) -> Vec<u8> {
    jwk.get(b"kty")
        .map(|kty| kty.bytes().to_vec())
        .unwrap_or_default()
}

/// The curve's identifier, the size of a coordinate, and the point uncompressed.
fn point(jwk: &Map) -> Result<(&'static [u8], usize, Der), FuncError> {
    let name = jwk.get(b"crv").unwrap_or_default();
    let (curve, size): (&'static [u8], usize) = match name.bytes() {
        b"P-256" => (der::P256, 32),
        b"P-384" => (der::P384, 48),
        b"P-521" => (der::P521, 66),
        _ => return Err("JWK has an unknown curve".into()),
    };
    let (x, y) = (member(jwk, "x")?, member(jwk, "y")?);
    if x.len() != size || y.len() != size {
        return Err("JWK has a coordinate of a wrong length".into());
    }
    Ok((curve, size, Zeroizing::new([&[4], &x[..], &y[..]].concat())))
}

fn public_der(jwk: &Map) -> Result<Der, FuncError> {
    match kind(jwk).as_slice() {
        b"RSA" => {
            let (n, e) = (member(jwk, "n")?, member(jwk, "e")?);
            let key = der::element(der::SEQUENCE, &[&der::unsigned(&n), &der::unsigned(&e)]);
            Ok(der::spki(der::RSA, &key))
        }
        b"EC" => {
            let (curve, _, point) = point(jwk)?;
            let algorithm = der::element(der::SEQUENCE, &[der::EC, curve]);
            Ok(der::spki(&algorithm, &point))
        }
        b"OKP" if is_ed25519(jwk) => Ok(der::spki(der::ED25519, &member(jwk, "x")?)),
        _ => Err("JWK has an unknown key type".into()),
    }
}

fn is_ed25519(jwk: &Map) -> bool {
    jwk.get(b"crv").is_some_and(|crv| crv.bytes() == b"Ed25519")
}

fn private_der(jwk: &Map) -> Result<Der, FuncError> {
    match kind(jwk).as_slice() {
        b"RSA" => {
            let mut parts = vec![der::unsigned(&[])];
            for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
                parts.push(der::unsigned(&member(jwk, name)?));
            }
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
            Ok(der::pkcs8(der::RSA, &der::element(der::SEQUENCE, &parts)))
        }
        b"EC" => {
            let (curve, size, point) = point(jwk)?;
            let d = member(jwk, "d")?;
            if d.len() != size {
                return Err("JWK has a private key of a wrong length".into());
            }
            let algorithm = der::element(der::SEQUENCE, &[der::EC, curve]);
            Ok(der::pkcs8(&algorithm, &der::sec1(&d, None, &point)))
        }
        b"OKP" if is_ed25519(jwk) => {
            let d = member(jwk, "d")?;
            Ok(der::pkcs8(der::ED25519, &der::element(der::OCTETS, &[&d])))
        }
        _ => Err("JWK has an unknown key type".into()),
    }
}
