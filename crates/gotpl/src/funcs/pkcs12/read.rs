//! Pure. Reads PKCS#12 stores in every encoding that Go reads, under the budget.
use super::super::der::{self, Der, OCTETS, SEQUENCE, SET};
use super::crypt::{self, Password};
use super::oid;
use super::walk::{Walk, bad};
use crate::ctx::Ctx;
use crate::error::FuncError;

/// A key or certificate, and the mark that links both.
pub(super) struct Bag {
    pub(super) der: Der,
    pub(super) id: Option<Vec<u8>>,
}

/// What is in a store, in its order.
#[derive(Default)]
pub(super) struct Store {
    /// Private keys in PKCS#8.
    pub(super) keys: Vec<Bag>,
    pub(super) certs: Vec<Bag>,
}

/// Context-specific tags, constructed and not.
const ZERO: u8 = 0xa0;
const ZERO_OCTETS: u8 = 0x80;

/// Reads a store.
pub(super) fn store(ctx: &mut Ctx<'_>, der: &[u8], password: &[u8]) -> Result<Store, FuncError> {
    ctx.key_work(1)?;
    ctx.work(der.len() * 16)?;
    let mut pfx = Walk(der).inside(SEQUENCE)?;
    if pfx.take(der::INTEGER)? != [3] {
        return Err(bad());
    }
    let mut info = pfx.inside(SEQUENCE)?;
    if info.take(der::OID)? != oid::DATA {
        return Err(bad());
    }
    let content = info.inside(ZERO)?.take(OCTETS)?;
    let mut password = Password::new(password)?;
    match pfx.optional(SEQUENCE) {
        // As Go has it: without a seal there is no password either.
        None if password.is_empty() => {}
        None => return Err(bad()),
        Some(seal) if crypt::is_sealed(ctx, Walk(seal), content, &password)? => {}
        Some(seal) => {
            password = password.without_zero().ok_or_else(bad)?;
            if !crypt::is_sealed(ctx, Walk(seal), content, &password)? {
                return Err(bad());
            }
        }
    }
    let mut found = Store::default();
    let mut infos = Walk(content).inside(SEQUENCE)?;
    while !infos.is_done() {
        safe(ctx, infos.inside(SEQUENCE)?, &password, &mut found)?;
    }
    Ok(found)
}

/// One part of the store, encrypted or not.
fn safe(
    ctx: &mut Ctx<'_>,
    mut info: Walk<'_>,
    password: &Password<'_>,
    found: &mut Store,
) -> Result<(), FuncError> {
    let kind = info.take(der::OID)?;
    let mut content = info.inside(ZERO)?;
    if kind == oid::DATA {
        return bags(ctx, content.take(OCTETS)?, password, found);
    }
    if kind != oid::ENCRYPTED_DATA {
        return Err(bad());
    }
    let mut data = content.inside(SEQUENCE)?;
    data.take(der::INTEGER)?;
    let mut encrypted = data.inside(SEQUENCE)?;
    encrypted.take(der::OID)?;
    let mut algorithm = encrypted.inside(SEQUENCE)?;
    let text = encrypted.take(ZERO_OCTETS)?;
    let plain = crypt::decrypt(ctx, &mut algorithm, text, password)?;
    bags(ctx, &plain, password, found)
}

fn bags(
    ctx: &mut Ctx<'_>,
    contents: &[u8],
    password: &Password<'_>,
    found: &mut Store,
) -> Result<(), FuncError> {
    let mut all = Walk(contents).inside(SEQUENCE)?;
    while !all.is_done() {
        ctx.step(10)?;
        let mut bag = all.inside(SEQUENCE)?;
        let kind = bag.take(der::OID)?;
        let mut value = bag.inside(ZERO)?;
        let id = bag.optional(SET).and_then(local_key_id);
        match kind {
            oid::KEY_BAG => {
                let key = value.take(SEQUENCE)?;
                found.keys.push(Bag {
                    der: plain_key(key)?,
                    id,
                });
            }
            oid::SHROUDED_KEY_BAG => {
                let mut shrouded = value.inside(SEQUENCE)?;
                let mut algorithm = shrouded.inside(SEQUENCE)?;
                let text = shrouded.take(OCTETS)?;
                let plain = crypt::decrypt(ctx, &mut algorithm, text, password)?;
                let key = Walk(&plain).take(SEQUENCE)?;
                found.keys.push(Bag {
                    der: plain_key(key)?,
                    id,
                });
            }
            oid::CERT_BAG => {
                let mut cert = value.inside(SEQUENCE)?;
                if cert.take(der::OID)? != oid::X509_CERTIFICATE {
                    return Err(bad());
                }
                let der = cert.inside(ZERO)?.take(OCTETS)?;
                ctx.alloc(der.len())?;
                found.certs.push(Bag {
                    der: Der::new(der.to_vec()),
                    id,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// PKCS#8 without the attributes that some programs add, which Go does not keep.
fn plain_key(key: &[u8]) -> Result<Der, FuncError> {
    let mut key = Walk(key);
    key.take(der::INTEGER)?;
    let algorithm = der::element(SEQUENCE, &[key.take(SEQUENCE)?]);
    Ok(der::pkcs8(&algorithm, key.take(OCTETS)?))
}

fn local_key_id(attributes: &[u8]) -> Option<Vec<u8>> {
    let mut attributes = Walk(attributes);
    while let Some(attribute) = attributes.optional(SEQUENCE) {
        let mut attribute = Walk(attribute);
        if attribute.optional(der::OID)? == oid::LOCAL_KEY_ID {
            return Walk(attribute.optional(SET)?)
                .optional(OCTETS)
                .map(<[u8]>::to_vec);
        }
    }
    None
}
