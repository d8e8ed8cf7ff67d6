//! Seam. Certificates: made and signed by the crypto library, with keys of its own generator.
use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::der::{self, Der};
use super::encoding::BASE64;
use super::{keys, pem};
use crate::bytes::{Buf, Str};
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::{Object, Value};

type Answer = Result<Value, FuncError>;

const TYPE: Ty = Ty::Object("sprig.certificate");

pub(super) const TABLE: &[Function] = &[
    Function::new("buildCustomCert", &[Ty::Str, Ty::Str], build),
    Function::new("genCA", &[Ty::Str, Ty::INT], gen_ca).volatile(),
    Function::new("genCAWithKey", &[Ty::Str, Ty::INT, Ty::Str], gen_ca).volatile(),
    Function::new(
        "genSelfSignedCert",
        &[Ty::Str, Ty::ANYS, Ty::ANYS, Ty::INT],
        gen_self_signed,
    )
    .volatile(),
    Function::new(
        "genSelfSignedCertWithKey",
        &[Ty::Str, Ty::ANYS, Ty::ANYS, Ty::INT, Ty::Str],
        gen_self_signed,
    )
    .volatile(),
    Function::new(
        "genSignedCert",
        &[Ty::Str, Ty::ANYS, Ty::ANYS, Ty::INT, TYPE],
        gen_signed,
    )
    .volatile(),
    Function::new(
        "genSignedCertWithKey",
        &[Ty::Str, Ty::ANYS, Ty::ANYS, Ty::INT, TYPE, Ty::Str],
        gen_signed,
    )
    .volatile(),
];

/// A certificate and its private key, both in PEM.
#[derive(Debug)]
struct Pair {
    cert: Str,
    key: Str,
}

impl Object for Pair {
    fn ty(&self) -> Ty {
        TYPE
    }

    fn display(&self) -> Vec<u8> {
        [b"{", self.cert.as_bytes(), b" ", self.key.as_bytes(), b"}"].concat()
    }

    fn data(&self) -> Value {
        let (cert, key) = (self.cert.clone(), self.key.clone());
        Value::map([("Cert", Value::Str(cert)), ("Key", Value::Str(key))])
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::Str(self.cert.clone())),
            "Key" => Some(Value::Str(self.key.clone())),
            _ => None,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.cert == other.cert && self.key == other.key)
    }
}

/// The private key of a PEM text, in PKCS#8.
pub(super) fn pkcs8_of(ctx: &mut Ctx<'_>, text: &[u8]) -> Result<Der, FuncError> {
    const UNKNOWN: &str = "failed to parse private key";
    let mut rest = text;
    while let Some((block, after)) = pem::next(ctx, rest)? {
        rest = after;
        let der = block.der.as_bytes();
        match block.kind.as_str() {
            "RSA PRIVATE KEY" => return Ok(der::pkcs8(der::RSA, der)),
            "PRIVATE KEY" => return Ok(Der::new(der.to_vec())),
            "EC PRIVATE KEY" => {
                let (body, _) = der::read(der::SEQUENCE, der).ok_or(UNKNOWN)?;
                let (_, body) = der::read(der::INTEGER, body).ok_or(UNKNOWN)?;
                let (_, body) = der::read(der::OCTETS, body).ok_or(UNKNOWN)?;
                let (curve, _) = der::read(0xa0, body).ok_or(UNKNOWN)?;
                let algorithm = der::element(der::SEQUENCE, &[der::EC, curve]);
                return Ok(der::pkcs8(&algorithm, der));
            }
            _ => {}
        }
    }
    Err("failed to decode private key".into())
}

/// A key pair and its text: the one given, or a new RSA key of 2048 bits.
fn key_pair(ctx: &mut Ctx<'_>, given: Option<&Value>) -> Result<(KeyPair, Str), FuncError> {
    const FAILED: &str = "error generating private key";
    ctx.key_work(given.map_or(keys::RSA_2048, |_| keys::USE))?;
    let (text, pkcs8) = match given {
        Some(text) => (Str::from(text.bytes()), pkcs8_of(ctx, text.bytes())?),
        None => {
            let pkcs1 = keys::rsa_key(aws_lc_rs::rsa::KeySize::Rsa2048)?;
            let mut text = Buf::new();
            pem::encode("RSA PRIVATE KEY", &pkcs1, &mut text);
            (Str::from(text), der::pkcs8(der::RSA, &pkcs1))
        }
    };
    Ok((load(&pkcs8).ok_or(FAILED)?, text))
}

fn load(pkcs8: &[u8]) -> Option<KeyPair> {
    let mut text = Buf::new();
    pem::encode("PRIVATE KEY", pkcs8, &mut text);
    KeyPair::from_pem(std::str::from_utf8(text.as_bytes()).ok()?).ok()
}

fn params(ctx: &mut Ctx<'_>, cn: &Value, days: i64) -> Result<CertificateParams, FuncError> {
    const RANGE: &str = "validity is out of range";
    ctx.alloc(4 * cn.bytes().len())?;
    let mut params = CertificateParams::default();
    params.not_before =
        OffsetDateTime::from_unix_timestamp(ctx.now.as_second()).map_err(|_| RANGE)?;
    let end = Duration::DAY.checked_mul(i32::try_from(days).map_err(|_| RANGE)?);
    params.not_after = end
        .and_then(|d| params.not_before.checked_add(d))
        .ok_or(RANGE)?;
    let mut serial: [u8; 16] = ctx.random();
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, cn.to_text().into_owned());
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.is_ca = IsCa::ExplicitNoCa;
    Ok(params)
}

/// Adds the names and addresses of the arguments.
fn name(
    ctx: &mut Ctx<'_>,
    params: &mut CertificateParams,
    ips: &Value,
    names: &Value,
) -> Result<(), FuncError> {
    let mut texts = |list: &Value| -> Result<Vec<String>, FuncError> {
        let items = list
            .as_list()
            .map(|list| list.items().clone())
            .unwrap_or_default();
        items
            .iter()
            .map(|item| match item {
                Value::Str(text) => {
                    // In the parameters, in the certificate, and in its text.
                    ctx.alloc(64 + 4 * text.len())?;
                    Ok(item.to_text().into_owned())
                }
                other => Err(format!("error parsing: {} is no string", other.type_name()).into()),
            })
            .collect()
    };
    for dns in texts(names)? {
        let dns = dns
            .try_into()
            .map_err(|_| "error parsing alternate DNS name")?;
        params.subject_alt_names.push(SanType::DnsName(dns));
    }
    for ip in texts(ips)? {
        let parsed: IpAddr = ip
            .parse()
            .map_err(|_| FuncError::new(format!("error parsing ip: {ip}")))?;
        params.subject_alt_names.push(SanType::IpAddress(parsed));
    }
    Ok(())
}

fn pair(cert: &Certificate, key: Str) -> Value {
    let mut text = Buf::new();
    pem::encode("CERTIFICATE", cert.der(), &mut text);
    Value::Object(Rc::new(Pair {
        cert: Str::from(text),
        key,
    }))
}

const FAILED: &str = "error creating certificate";

fn gen_ca(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut params = params(ctx, &args[0], args[1].as_int())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let (keys, text) = key_pair(ctx, args.get(2))?;
    Ok(pair(&params.self_signed(&keys).map_err(|_| FAILED)?, text))
}

fn gen_self_signed(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut params = params(ctx, &args[0], args[3].as_int())?;
    name(ctx, &mut params, &args[1], &args[2])?;
    let (keys, text) = key_pair(ctx, args.get(4))?;
    Ok(pair(&params.self_signed(&keys).map_err(|_| FAILED)?, text))
}

fn gen_signed(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    const NO_CA: &str = "unable to parse CA certificate";
    let ca = match &args[4] {
        Value::Object(object) => object.as_any().downcast_ref::<Pair>(),
        _ => None,
    };
    let ca = ca.ok_or(NO_CA)?;
    let signer = load(&pkcs8_of(ctx, ca.key.as_bytes())?).ok_or(NO_CA)?;
    let issuer = Issuer::from_ca_cert_pem(&ca.cert.to_text(), signer).map_err(|_| NO_CA)?;
    let mut params = params(ctx, &args[0], args[3].as_int())?;
    params.use_authority_key_identifier_extension = true;
    name(ctx, &mut params, &args[1], &args[2])?;
    let (keys, text) = key_pair(ctx, args.get(5))?;
    Ok(pair(
        &params.signed_by(&keys, &issuer).map_err(|_| FAILED)?,
        text,
    ))
}

/// A certificate and its key from outside, both PEM in base64.
fn build(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let decoded = |value: &Value, what: &str| {
        let mut out = Buf::new();
        match BASE64.decode(value.bytes(), &mut out) {
            Ok(()) => Ok(Str::from(out)),
            Err(_) => Err(FuncError::new(format!("unable to decode base64 {what}"))),
        }
    };
    ctx.work(args[0].bytes().len() * 4)?;
    let (cert, key) = (
        decoded(&args[0], "certificate")?,
        decoded(&args[1], "private key")?,
    );
    let (block, _) = pem::next(ctx, cert.as_bytes())?.ok_or("unable to decode certificate")?;
    super::chain::chain_order(&[block.der.as_bytes()]).map_err(|_| "error parsing certificate")?;
    pkcs8_of(ctx, key.as_bytes())?;
    Ok(Value::Object(Rc::new(Pair { cert, key })))
}
