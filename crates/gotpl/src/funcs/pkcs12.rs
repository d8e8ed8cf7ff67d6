//! Seam. PKCS#12 stores: read in every encoding that Go reads, written in the modern one.
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive,
    PrivateKey, PrivateKeyChain,
};

use super::certs::pkcs8_of;
use super::chain::{certificates, chain_order};
use super::encoding::BASE64;
use super::{keys, pem};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

const ONE: &[Ty] = &[Ty::Str];
const TWO: &[Ty] = &[Ty::Str, Ty::Str];
const THREE: &[Ty] = &[Ty::Str, Ty::Str, Ty::Str];

pub(super) const TABLE: &[Function] = &[
    Function::new("pkcs12key", ONE, |ctx, args| key(ctx, b"", args[0].bytes())),
    Function::new("pkcs12keyPass", TWO, |ctx, args| {
        key(ctx, args[0].bytes(), args[1].bytes())
    }),
    Function::new("pkcs12cert", ONE, |ctx, args| {
        certs(ctx, b"", args[0].bytes())
    }),
    Function::new("pkcs12certPass", TWO, |ctx, args| {
        certs(ctx, args[0].bytes(), args[1].bytes())
    }),
    Function::new("pemToPkcs12", TWO, |ctx, args| key_store(ctx, args, false)).volatile(),
    Function::new("pemToPkcs12Pass", THREE, |ctx, args| {
        key_store(ctx, args, false)
    })
    .volatile(),
    Function::new("fullPemToPkcs12", TWO, |ctx, args| {
        key_store(ctx, args, true)
    })
    .volatile(),
    Function::new("fullPemToPkcs12Pass", THREE, |ctx, args| {
        key_store(ctx, args, true)
    })
    .volatile(),
    Function::new("pemTruststoreToPKCS12", ONE, trust_store).volatile(),
    Function::new("pemTruststoreToPKCS12Pass", TWO, trust_store).volatile(),
];

/// Iterations of key derivation, as go-pkcs12 writes modern stores.
const ITERATIONS: u32 = 2048;

fn password(bytes: &[u8]) -> Result<&str, FuncError> {
    std::str::from_utf8(bytes).map_err(|_| "pkcs12: password is not UTF-8".into())
}

fn open(ctx: &mut Ctx<'_>, pass: &[u8], store: &[u8]) -> Result<Pkcs12Archive, FuncError> {
    ctx.key_operation()?;
    ctx.work(store.len() * 16)?;
    Pkcs12Archive::from_pkcs12(store, password(pass)?)
        .map_err(|_| "pkcs12: cannot decode: wrong password or malformed".into())
}

fn key(ctx: &mut Ctx<'_>, pass: &[u8], store: &[u8]) -> Answer {
    let archive = open(ctx, pass, store)?;
    let [bag] = archive.keys.as_slice() else {
        return Err("pkcs12: expected exactly one private key".into());
    };
    keys::pem_text(ctx, "PRIVATE KEY", bag.key.as_der())
}

/// The certificate of the key first, then the others; in the order of the chain if it is one.
fn certs(ctx: &mut Ctx<'_>, pass: &[u8], store: &[u8]) -> Answer {
    let mut archive = open(ctx, pass, store)?;
    let own = archive
        .keys
        .first()
        .and_then(|bag| bag.local_key_id.clone());
    archive
        .certs
        .sort_by_key(|bag| match (&own, &bag.local_key_id) {
            (Some(own), Some(id)) => own.0 != *id,
            _ => true,
        });
    let ders: Vec<&[u8]> = archive.certs.iter().map(|bag| bag.cert.as_der()).collect();
    if ders.is_empty() {
        return Err("pkcs12: no certificate".into());
    }
    ctx.step((ders.len() as u64).saturating_pow(2))?;
    let order = chain_order(&ders).unwrap_or_else(|_| (0..ders.len()).collect());
    let mut out = ctx.buf();
    order
        .into_iter()
        .for_each(|i| pem::encode("CERTIFICATE", ders[i], &mut out));
    ctx.finish(out)
}

fn parsed(ders: &[crate::bytes::Buf]) -> Result<Vec<Certificate>, FuncError> {
    let certs = ders.iter().map(|der| Certificate::from_der(der.as_bytes()));
    certs
        .collect::<Result<_, _>>()
        .map_err(|_| "failed to parse certificate".into())
}

/// Certificate, key and perhaps a password; the whole chain, or its first certificate.
fn key_store(ctx: &mut Ctx<'_>, args: &[Value], whole: bool) -> Answer {
    let mut ders = certificates(ctx, args[0].bytes())?;
    if !whole {
        ders.truncate(1);
    }
    let pkcs8 = pkcs8_of(args[1].bytes())?;
    let key = PrivateKey::from_der(&pkcs8).map_err(|_| "failed to parse private key")?;
    let id: [u8; 20] = ctx.random();
    let chain = PrivateKeyChain::new(id.to_vec(), key, parsed(&ders)?);
    let mut store = KeyStore::new();
    store.add_entry("", KeyStoreEntry::PrivateKeyChain(chain));
    written(ctx, &store, args.get(2))
}

fn trust_store(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let ders = certificates(ctx, args[0].bytes())?;
    let mut store = KeyStore::new();
    for (i, cert) in parsed(&ders)?.into_iter().enumerate() {
        store.add_entry(
            &format!("{} {i}", cert.subject()),
            KeyStoreEntry::Certificate(cert),
        );
    }
    written(ctx, &store, args.get(1))
}

fn written(ctx: &mut Ctx<'_>, store: &KeyStore, pass: Option<&Value>) -> Answer {
    ctx.key_operation()?;
    let bytes = store
        .writer(password(pass.map_or(&[], Value::bytes))?)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ITERATIONS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ITERATIONS)
        .write()
        .map_err(|_| "pkcs12: cannot encode")?;
    let bytes = zeroize::Zeroizing::new(bytes);
    let mut out = ctx.buf();
    BASE64.encode(&bytes, &mut out);
    ctx.finish(out)
}
