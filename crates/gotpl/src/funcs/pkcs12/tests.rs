//! Pure. Stores that ask for years of work: refused before the work, wherever they ask.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::der::{self, Der, OCTETS, SEQUENCE};
use super::crypt::{self, Password};
use super::{oid, read};
use crate::ctx::{Ctx, Env, Random};
use crate::limits::{Limit, Limits};

struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, buf: &mut [u8]) {
        buf.fill(0);
    }
}

const YEARS: [u8; 4] = 0x7fff_ffff_u32.to_be_bytes();
const ZERO: u8 = 0xa0;

fn name(oid: &[u8]) -> Der {
    der::element(der::OID, &[oid])
}

fn info(content: &[u8]) -> Der {
    let content = der::element(ZERO, &[&der::element(OCTETS, &[content])]);
    der::element(SEQUENCE, &[&name(oid::DATA), &content])
}

fn store(infos: &[&[u8]], seal: &[u8]) -> Der {
    let content = info(&der::element(SEQUENCE, infos));
    der::element(SEQUENCE, &[&[der::INTEGER, 1, 3], &content, seal])
}

/// An algorithm of either generation that stretches for years, with its parameters.
fn slow(modern: bool) -> Der {
    let salt = der::element(OCTETS, &[&[1; 8]]);
    let rounds = der::unsigned(&YEARS);
    let params = der::element(SEQUENCE, &[&salt, &rounds]);
    if !modern {
        return der::element(SEQUENCE, &[&name(oid::PBE_3DES), &params]);
    }
    let kdf = der::element(SEQUENCE, &[&name(oid::PBKDF2), &params]);
    let iv = der::element(OCTETS, &[&[0; 16]]);
    let scheme = der::element(SEQUENCE, &[&name(oid::AES_256_CBC), &iv]);
    let params = der::element(SEQUENCE, &[&kdf, &scheme]);
    der::element(SEQUENCE, &[&name(oid::PBES2), &params])
}

/// Safe contents of one key under an algorithm.
fn shrouded(algorithm: &[u8]) -> Der {
    let key = der::element(SEQUENCE, &[algorithm, &der::element(OCTETS, &[&[0; 16]])]);
    let value = der::element(ZERO, &[&key]);
    let bag = der::element(SEQUENCE, &[&name(oid::SHROUDED_KEY_BAG), &value]);
    der::element(SEQUENCE, &[&bag])
}

fn check(what: &str, make: impl Fn(&mut Ctx<'_>) -> Der) {
    let mut env = Env {
        now: Timestamp::UNIX_EPOCH,
        zone: TimeZone::UTC,
        rng: &mut Zeros,
        limits: Limits::default(),
        expired: &|| false,
    };
    let mut ctx = Ctx::new(&mut env);
    let made = make(&mut ctx);
    let error = read::store(&mut ctx, &made, b"").err().unwrap();
    assert_eq!(error.limit(), Some(Limit::Steps), "{what}");
}

#[test]
fn years_of_stretching_are_refused_wherever_they_hide() {
    check("seal", |_| {
        let algorithm = der::element(SEQUENCE, &[&name(oid::SHA256), &[5, 0]]);
        let made = der::element(SEQUENCE, &[&algorithm, &der::element(OCTETS, &[&[0; 32]])]);
        let salt = der::element(OCTETS, &[&[1; 8]]);
        store(
            &[],
            &der::element(SEQUENCE, &[&made, &salt, &der::unsigned(&YEARS)]),
        )
    });
    for modern in [false, true] {
        check("key", |_| store(&[&info(&shrouded(&slow(modern)))], &[]));
        check("key inside an encrypted part", |ctx| {
            let password = Password::new(b"").unwrap();
            let (algorithm, text) =
                crypt::encrypt(ctx, &shrouded(&slow(modern)), &password).unwrap();
            let text = der::element(0x80, &[&text]);
            let part = der::element(SEQUENCE, &[&name(oid::DATA), &algorithm, &text]);
            let part = der::element(SEQUENCE, &[&[der::INTEGER, 1, 0], &part]);
            let part = der::element(ZERO, &[&part]);
            let part = der::element(SEQUENCE, &[&name(oid::ENCRYPTED_DATA), &part]);
            store(&[&part], &[])
        });
    }
}
