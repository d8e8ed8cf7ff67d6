//! Pure. PKCS#12 stores: read in every encoding that Go reads, written in the modern one.
mod crypt;
mod oid;
mod read;
#[cfg(test)]
mod tests;
mod walk;
mod write;

use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

use super::certs::pkcs8_of;
use super::chain::{certificates, chain_order};
use super::encoding::BASE64;
use super::{der, keys, pem};
use crate::bytes::Buf;
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

fn key(ctx: &mut Ctx<'_>, pass: &[u8], store: &[u8]) -> Answer {
    let store = read::store(ctx, store, pass)?;
    let [bag] = store.keys.as_slice() else {
        return Err("pkcs12: expected exactly one private key".into());
    };
    keys::pem_text(ctx, "PRIVATE KEY", &bag.der)
}

/// The certificate of the key first, then the others; in the order of the chain if it is one.
fn certs(ctx: &mut Ctx<'_>, pass: &[u8], store: &[u8]) -> Answer {
    let mut store = read::store(ctx, store, pass)?;
    let own = store.keys.first().and_then(|bag| bag.id.clone());
    (store.certs).sort_by_key(|bag| own.is_none() || bag.id != own);
    let ders: Vec<&[u8]> = store.certs.iter().map(|bag| bag.der.as_slice()).collect();
    if ders.is_empty() {
        return Err("pkcs12: no certificate".into());
    }
    for der in &ders {
        parsed(der)?;
    }
    ctx.step((ders.len() as u64).saturating_pow(2))?;
    let order = chain_order(&ders).unwrap_or_else(|_| (0..ders.len()).collect());
    let mut out = ctx.buf();
    order
        .into_iter()
        .for_each(|i| pem::encode("CERTIFICATE", ders[i], &mut out));
    ctx.finish(out)
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, FuncError> {
    match X509Certificate::from_der(der) {
        Ok(([], cert)) => Ok(cert),
        _ => Err("failed to parse certificate".into()),
    }
}

/// Certificate, key and perhaps a password; the whole chain, or its first certificate.
fn key_store(ctx: &mut Ctx<'_>, args: &[Value], whole: bool) -> Answer {
    let mut ders = certificates(ctx, args[0].bytes())?;
    if !whole {
        ders.truncate(1);
    }
    for der in &ders {
        parsed(der.as_bytes())?;
    }
    let key = pkcs8_of(ctx, args[1].bytes())?;
    der::inside_pkcs8(&key).ok_or("failed to parse private key")?;
    let store = write::key_store(ctx, &key, &ders, args.get(2).map_or(&[], Value::bytes))?;
    encoded(ctx, &store)
}

fn trust_store(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let ders = certificates(ctx, args[0].bytes())?;
    let named = ders.into_iter().map(|der| {
        let name = subject(parsed(der.as_bytes())?.subject());
        Ok((name, der))
    });
    let certs: Vec<(String, Buf)> = named.collect::<Result<_, FuncError>>()?;
    let store = write::trust_store(ctx, &certs, args.get(1).map_or(&[], Value::bytes))?;
    encoded(ctx, &store)
}

/// A subject in the order and with the short names of RFC 2253; the name in a trust store.
fn subject(name: &X509Name<'_>) -> String {
    let short = |oid: &str| match oid {
        "2.5.4.3" => Some("CN"),
        "2.5.4.5" => Some("SERIALNUMBER"),
        "2.5.4.6" => Some("C"),
        "2.5.4.7" => Some("L"),
        "2.5.4.8" => Some("ST"),
        "2.5.4.9" => Some("STREET"),
        "2.5.4.10" => Some("O"),
        "2.5.4.11" => Some("OU"),
        "2.5.4.17" => Some("POSTALCODE"),
        _ => None,
    };
    let rdns: Vec<String> = (name.iter_rdn())
        .map(|rdn| {
            let parts = rdn.iter().map(|part| {
                let oid = part.attr_type().to_id_string();
                let value = part.as_str().unwrap_or_default();
                let escaped: String = value
                    .chars()
                    .flat_map(|c| [",+\"\\<>;".contains(c).then_some('\\'), Some(c)])
                    .flatten()
                    .collect();
                format!("{}={escaped}", short(&oid).unwrap_or(&oid))
            });
            parts.collect::<Vec<_>>().join("+")
        })
        .collect();
    rdns.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn encoded(ctx: &mut Ctx<'_>, store: &[u8]) -> Answer {
    let mut out = ctx.buf();
    BASE64.encode(store, &mut out);
    ctx.finish(out)
}
