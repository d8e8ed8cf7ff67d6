//! Pure. PEM bundles: blocks filtered by type, certificate chains put in order, names read.
use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::pem;
use crate::bytes::Buf;
use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::registry::Function;
use crate::ty::Ty;
use crate::value::Value;

type Answer = Result<Value, FuncError>;

pub(super) const TABLE: &[Function] = &[
    Function::new("filterPEM", &[Ty::Str, Ty::Str], filter_pem),
    Function::new("filterCertChain", &[Ty::Str, Ty::Str], filter_chain),
    Function::new("certSANs", &[Ty::Str], sans),
];

fn filter_pem(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (kind, mut rest) = (args[0].to_text(), args[1].bytes());
    ctx.work(rest.len() * 4)?;
    let mut out = ctx.buf();
    while let Some((block, after)) = pem::next(ctx, rest)? {
        ctx.step(10)?;
        if block.kind.eq_ignore_ascii_case(&kind) {
            pem::encode(&block.kind, block.der.as_bytes(), &mut out);
        }
        rest = after;
    }
    if out.is_empty() && !rest.is_empty() {
        return Err("failed to decode PEM block".into());
    }
    ctx.finish(out)
}

/// The certificates of a bundle, in DER.
pub(super) fn certificates(ctx: &mut Ctx<'_>, text: &[u8]) -> Result<Vec<Buf>, FuncError> {
    ctx.work(text.len() * 4)?;
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((block, after)) = pem::next(ctx, rest)? {
        ctx.step(100)?;
        if block.kind == "CERTIFICATE" {
            all.push(block.der);
        }
        rest = after;
    }
    if all.is_empty() {
        Err("failed to decode PEM block".into())
    } else {
        Ok(all)
    }
}

/// What links a certificate to its issuer.
struct Link {
    subject: Vec<u8>,
    authority: Vec<u8>,
}

impl Link {
    fn of(der: &[u8]) -> Result<Self, FuncError> {
        let (_, cert) =
            X509Certificate::from_der(der).map_err(|_| "failed to parse certificate")?;
        let mut link = Self {
            subject: Vec::new(),
            authority: Vec::new(),
        };
        for extension in cert.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => link.subject = id.0.to_vec(),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    link.authority = id
                        .key_identifier
                        .as_ref()
                        .map_or(Vec::new(), |id| id.0.to_vec());
                }
                _ => {}
            }
        }
        Ok(link)
    }

    fn is_root(&self) -> bool {
        self.authority.is_empty() || self.authority == self.subject
    }
}

/// The order from the leaf to the root.
///
/// # Errors
/// When the certificates are not one chain: more than one leaf, strangers, or a cycle.
pub(super) fn chain_order(ders: &[&[u8]]) -> Result<Vec<usize>, FuncError> {
    let links = ders
        .iter()
        .map(|der| Link::of(der))
        .collect::<Result<Vec<_>, _>>()?;
    let parent = |i: usize| {
        if links[i].is_root() {
            return None;
        }
        (0..links.len()).find(|&j| j != i && links[j].subject == links[i].authority)
    };
    let parents: Vec<Option<usize>> = (0..links.len()).map(parent).collect();
    let mut leaves = (0..links.len()).filter(|i| !parents.contains(&Some(*i)));
    let (Some(leaf), None) = (leaves.next(), leaves.next()) else {
        return Err("certificate chain is not a single one, or is a cycle".into());
    };
    let mut order = vec![leaf];
    while let Some(next) = order.last().and_then(|&last| parents[last]) {
        if order.contains(&next) {
            return Err("certificate chain is a cycle".into());
        }
        order.push(next);
    }
    if order.len() == links.len() {
        Ok(order)
    } else {
        Err("certificate chain is disjoint".into())
    }
}

fn filter_chain(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let all = certificates(ctx, args[1].bytes())?;
    let ders: Vec<&[u8]> = all.iter().map(Buf::as_bytes).collect();
    ctx.step((ders.len() as u64).saturating_pow(2))?;
    let order = chain_order(&ders)?;
    let is_root = |i: usize| Link::of(ders[i]).map(|link| link.is_root());
    let (first, last) = (order[0], order[order.len() - 1]);
    let end = order.len() - usize::from(is_root(last)?);
    let chosen = match args[0].bytes() {
        b"leaf" if is_root(first)? => &[][..],
        b"leaf" => &order[..1],
        b"root" => &order[end..],
        b"intermediate" => order.get(1..end).unwrap_or_default(),
        _ => return Err("unknown certificate type".into()),
    };
    let mut out = ctx.buf();
    chosen
        .iter()
        .for_each(|&i| pem::encode("CERTIFICATE", ders[i], &mut out));
    ctx.finish(out)
}

/// DNS names, addresses, mailboxes and URIs, in this order.
fn sans(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    ctx.work(args[0].bytes().len() * 4)?;
    let (block, _) = pem::next(ctx, args[0].bytes())?.ok_or("failed to decode PEM block")?;
    let (_, cert) = X509Certificate::from_der(block.der.as_bytes())
        .map_err(|_| "failed to parse certificate")?;
    let mut kinds: [Vec<String>; 4] = Default::default();
    let names = cert
        .subject_alternative_name()
        .map_err(|_| "failed to parse certificate")?;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => kinds[0].push((*name).into()),
            GeneralName::IPAddress(ip) => kinds[1].push(address(ip)),
            GeneralName::RFC822Name(name) => kinds[2].push((*name).into()),
            GeneralName::URI(uri) => kinds[3].push((*uri).into()),
            _ => {}
        }
    }
    ctx.strs(kinds.concat())
}

fn address(ip: &[u8]) -> String {
    if let Ok(ip) = <[u8; 4]>::try_from(ip) {
        return Ipv4Addr::from(ip).to_string();
    }
    match <[u8; 16]>::try_from(ip) {
        Ok(ip) => Ipv6Addr::from(ip).to_string(),
        Err(_) => String::new(),
    }
}
