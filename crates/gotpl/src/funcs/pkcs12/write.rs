//! Pure. Writes PKCS#12 stores as go-pkcs12's modern encoder does.
use super::super::der::{self, Der, OCTETS, SEQUENCE, SET};
use super::crypt::{self, Password};
use super::oid;
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;

const ZERO: u8 = 0xa0;
const ZERO_OCTETS: u8 = 0x80;
const BMP_STRING: u8 = 0x1e;

/// A key and its certificates, the key's own first.
pub(super) fn key_store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    certs: &[Buf],
    password: &[u8],
) -> Result<Der, FuncError> {
    let password = Password::new(password)?;
    let own = certs.first().map(Buf::as_bytes).unwrap_or_default();
    let sha1 = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let id = aws_lc_rs::digest::digest(sha1, own);
    let id = attribute(oid::LOCAL_KEY_ID, &der::element(OCTETS, &[id.as_ref()]));
    let mut bags = Vec::new();
    for (at, cert) in certs.iter().enumerate() {
        let attributes = if at == 0 { &id[..] } else { &[] };
        bags.push(cert_bag(cert.as_bytes(), attributes));
    }
    let (algorithm, text) = crypt::encrypt(ctx, key, &password)?;
    let shrouded = der::element(SEQUENCE, &[&algorithm, &der::element(OCTETS, &[&text])]);
    let key_bag = bag(oid::SHROUDED_KEY_BAG, &shrouded, &id);
    let certs = encrypted(ctx, &bags, &password)?;
    let key = info(
        oid::DATA,
        &der::element(OCTETS, &[&der::element(SEQUENCE, &[&key_bag])]),
    );
    whole(ctx, &[&certs, &key], &password)
}

/// Certificates that are trusted, each under a name: one part, as Go and Java read it.
pub(super) fn trust_store(
    ctx: &mut Ctx<'_>,
    certs: &[(String, Buf)],
    password: &[u8],
) -> Result<Der, FuncError> {
    let password = Password::new(password)?;
    let usage = der::element(der::OID, &[oid::ANY_USAGE]);
    let trusted = attribute(oid::JAVA_TRUSTED, &usage);
    let bags: Vec<Der> = (certs.iter())
        .map(|(name, cert)| {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let name = attribute(oid::FRIENDLY_NAME, &der::element(BMP_STRING, &[&units]));
            cert_bag(cert.as_bytes(), &[&name[..], &trusted[..]].concat())
        })
        .collect();
    let certs = encrypted(ctx, &bags, &password)?;
    whole(ctx, &[&certs], &password)
}

fn name(oid: &[u8]) -> Der {
    der::element(der::OID, &[oid])
}

fn attribute(oid: &[u8], value: &[u8]) -> Der {
    der::element(SEQUENCE, &[&name(oid), &der::element(SET, &[value])])
}

fn bag(kind: &[u8], value: &[u8], attributes: &[u8]) -> Der {
    let set = der::element(SET, &[attributes]);
    let set = if attributes.is_empty() { &[][..] } else { &set };
    der::element(SEQUENCE, &[&name(kind), &der::element(ZERO, &[value]), set])
}

fn cert_bag(cert: &[u8], attributes: &[u8]) -> Der {
    let cert = der::element(ZERO, &[&der::element(OCTETS, &[cert])]);
    let value = der::element(SEQUENCE, &[&name(oid::X509_CERTIFICATE), &cert]);
    bag(oid::CERT_BAG, &value, attributes)
}

fn info(kind: &[u8], content: &[u8]) -> Der {
    der::element(SEQUENCE, &[&name(kind), &der::element(ZERO, &[content])])
}

fn encrypted(ctx: &mut Ctx<'_>, bags: &[Der], password: &Password<'_>) -> Result<Der, FuncError> {
    let bags: Vec<&[u8]> = bags.iter().map(|bag| bag.as_slice()).collect();
    let plain = der::element(SEQUENCE, &bags);
    let (algorithm, text) = crypt::encrypt(ctx, &plain, password)?;
    let text = der::element(ZERO_OCTETS, &[&text]);
    let content = der::element(SEQUENCE, &[&name(oid::DATA), &algorithm, &text]);
    let data = der::element(SEQUENCE, &[&[der::INTEGER, 1, 0], &content]);
    Ok(info(oid::ENCRYPTED_DATA, &data))
}

fn whole(ctx: &mut Ctx<'_>, infos: &[&[u8]], password: &Password<'_>) -> Result<Der, FuncError> {
    ctx.key_work(1)?;
    let content = der::element(SEQUENCE, infos);
    let seal = crypt::sealed(ctx, &content, password)?;
    let content = info(oid::DATA, &der::element(OCTETS, &[&content]));
    Ok(der::element(
        SEQUENCE,
        &[&[der::INTEGER, 1, 3], &content, &seal],
    ))
}
